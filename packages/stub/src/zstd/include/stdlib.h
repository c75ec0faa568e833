/* The decoder gets its memory from the caller (ZSTD_initStaticDCtx); zstd.zig defines these to fail. */
#include <stddef.h>
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void free(void *memory);
