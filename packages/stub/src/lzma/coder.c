/* liblzma's raw LZMA coders as a WebAssembly module, so that they give the same bytes on every host. From memory to memory;
 * an instance is made for one stream and thrown away. The sources are those that the npm package xz carries. */
#include <lzma.h>
#include <stdlib.h>

#define EXPORT(name) __attribute__((export_name(name)))

/* How many bytes of the stream have been read since the last call. */
__attribute__((import_module("host"), import_name("progress"))) void progress(uint32_t bytes);

enum { PIECE = 1 << 20 };

/* More would not fit the 4 GiB that a module can have, at eleven times a dictionary, where a frame is very large. */
enum { DICTIONARY_MAX = 128 << 20 };

/* Returned in place of a length: there was not enough memory. */
#define NO_MEMORY UINT32_MAX

/* Zig's malloc rounds large sizes up to powers of two, and its sum overflows close to 4 GiB. */
EXPORT("allocate") void *allocate(uint32_t size) { return size > UINT32_MAX / 2 ? NULL : malloc(size); }

EXPORT("version") uint32_t version(void) { return lzma_version_number(); }

static uint32_t run(lzma_stream *stream, lzma_ret started, const uint8_t *from, uint32_t length) {
    if (started != LZMA_OK) return started == LZMA_MEM_ERROR ? NO_MEMORY : 0;
    for (uint32_t done = 0;;) {
        const uint32_t piece = length - done < PIECE ? length - done : PIECE;
        stream->next_in = from + done;
        stream->avail_in = piece;
        done += piece;
        const lzma_ret result = lzma_code(stream, done == length ? LZMA_FINISH : LZMA_RUN);
        progress(piece);
        if (result == LZMA_STREAM_END) return (uint32_t)stream->total_out;
        if (result == LZMA_MEM_ERROR) return NO_MEMORY;
        if (result != LZMA_OK || stream->avail_in > 0 || done == length) return 0;
    }
}

static lzma_options_lzma options(uint32_t dictionary, uint32_t lc, uint32_t lp, uint32_t pb) {
    lzma_options_lzma chosen;
    lzma_lzma_preset(&chosen, 9 | LZMA_PRESET_EXTREME);
    chosen.dict_size = dictionary < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : dictionary;
    chosen.nice_len = 273;
    chosen.lc = lc;
    chosen.lp = lp;
    chosen.pb = pb;
    return chosen;
}

/* The bytes written, 0 where `room` was too small, NO_MEMORY. */
EXPORT("encode")
uint32_t encode(const uint8_t *from, uint32_t length, uint8_t *to, uint32_t room, uint32_t lc, uint32_t lp, uint32_t pb) {
    lzma_options_lzma chosen = options(length < DICTIONARY_MAX ? length : DICTIONARY_MAX, lc, lp, pb);
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA1, &chosen}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_stream stream = LZMA_STREAM_INIT;
    stream.next_out = to;
    stream.avail_out = room;
    return run(&stream, lzma_raw_encoder(&stream, filters), from, length);
}

/* The bytes written, 0 where `from` is no stream of at most `room` bytes, NO_MEMORY. */
EXPORT("decode")
uint32_t decode(const uint8_t *from, uint32_t length, uint8_t *to, uint32_t room, uint32_t lc, uint32_t lp, uint32_t pb) {
    lzma_options_lzma chosen = options(room, lc, lp, pb);
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA1, &chosen}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_stream stream = LZMA_STREAM_INIT;
    stream.next_out = to;
    stream.avail_out = room;
    return run(&stream, lzma_raw_decoder(&stream, filters), from, length);
}
