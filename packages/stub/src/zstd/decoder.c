/* The zstd decoder as one translation unit, so that it is inlined and stripped as a whole. The
 * sources are those that the npm package zstd-napi carries (ZSTD in build.zig is its lib folder). */
#define DEBUGLEVEL 0
#define NDEBUG 1
#define ZSTD_LEGACY_SUPPORT 0
#define ZSTD_TRACE 0
#define ZSTD_STRIP_ERROR_STRINGS 1
#define ZSTD_STATIC_LINKING_ONLY 1
#define XXH_STATIC_LINKING_ONLY 1
#define XXH_IMPLEMENTATION 1
#define XXH_NO_XXH3 1
#define XXH_NAMESPACE ZSTD_

#include "common/error_private.c"
#include "common/entropy_common.c"
#include "common/fse_decompress.c"
#include "common/zstd_common.c"
#include "decompress/huf_decompress.c"
#include "decompress/zstd_ddict.c"
#include "decompress/zstd_decompress.c"
#include "decompress/zstd_decompress_block.c"
