/* liblzma's raw LZMA coders as a WebAssembly module, so that they give the same bytes on every host. An instance is made for
 * one stream and thrown away. The sources are those that the npm package xz carries. */
#include <lzma.h>
#include <stdbool.h>

#define HOST(name) __attribute__((import_module("host"), import_name(name)))

/* Fills `to` and returns how many bytes were left for that, at most `room`: 0 at the end. */
HOST("read") uint32_t host_read(uint8_t *to, uint32_t room);

/* Whether the bytes are wanted. */
HOST("write") bool host_write(const uint8_t *from, uint32_t length);

enum { CODED, DAMAGED, NO_MEMORY };

/* Whatever is coded, no more of it than this and the dictionary is in the module's memory, which ends at 4 GiB. */
static uint8_t in[1 << 20], out[1 << 20];

/* From what the host reads to what it writes; `size` bytes without compression. The preset has a dictionary of 64 MiB. */
__attribute__((export_name("run")))
uint32_t run(bool encodes, uint32_t size, uint32_t lc, uint32_t lp, uint32_t pb) {
    lzma_options_lzma options;
    lzma_lzma_preset(&options, 9 | LZMA_PRESET_EXTREME);
    if (size < options.dict_size) options.dict_size = size < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : size;
    options.lc = lc;
    options.lp = lp;
    options.pb = pb;
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA1, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_ret result = (encodes ? lzma_raw_encoder : lzma_raw_decoder)(&stream, filters);
    lzma_action action = LZMA_RUN;
    while (result == LZMA_OK) {
        if (stream.avail_in == 0 && action == LZMA_RUN) {
            stream.next_in = in;
            stream.avail_in = host_read(in, sizeof in);
            if (stream.avail_in == 0) action = LZMA_FINISH;
        }
        stream.next_out = out;
        stream.avail_out = sizeof out;
        result = lzma_code(&stream, action);
        if (!host_write(out, sizeof out - stream.avail_out)) return DAMAGED;
    }
    if (result == LZMA_MEM_ERROR) return NO_MEMORY;
    return result == LZMA_STREAM_END && stream.avail_in == 0 && host_read(in, 1) == 0 ? CODED : DAMAGED;
}
