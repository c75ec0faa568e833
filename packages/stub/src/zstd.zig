//! One zstd frame at a time, from memory to memory, by the C decoder in zstd/decoder.c.

const Context = opaque {};

extern fn ZSTD_estimateDCtxSize() usize;
extern fn ZSTD_initStaticDCtx(workspace: *anyopaque, size: usize) ?*Context;
extern fn ZSTD_decompressDCtx(context: *Context, to: [*]u8, room: usize, from: [*]const u8, length: usize) usize;
extern fn ZSTD_getFrameContentSize(from: [*]const u8, length: usize) u64;

pub const Decoder = struct {
    context: *Context,

    /// Bytes of workspace that `init` needs, aligned to 8.
    pub fn workspaceSize() usize {
        return ZSTD_estimateDCtxSize();
    }

    pub fn init(workspace: []align(8) u8) Decoder {
        return .{ .context = ZSTD_initStaticDCtx(workspace.ptr, workspace.len).? };
    }

    /// Fails unless `from` is exactly one frame that says it holds `to.len` bytes, and does.
    pub fn decode(decoder: Decoder, to: []u8, from: []const u8) error{Damaged}!void {
        if (contentSize(from) != to.len) return error.Damaged;
        // An error is a number just below 2^N, so larger than any length.
        if (ZSTD_decompressDCtx(decoder.context, to.ptr, to.len, from.ptr, from.len) != to.len) return error.Damaged;
    }
};

/// What the frame says it holds; two numbers just below 2^64 for one that does not say it, or is none.
pub fn contentSize(frame: []const u8) u64 {
    return ZSTD_getFrameContentSize(frame.ptr, frame.len);
}

// The decoder was told where its memory is; these only satisfy the linker.
export fn malloc(_: usize) ?*anyopaque {
    return null;
}
export fn calloc(_: usize, _: usize) ?*anyopaque {
    return null;
}
export fn free(_: ?*anyopaque) void {}
