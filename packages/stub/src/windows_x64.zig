//! What compiled code calls without being told to. Zig's own library of such functions comes as one piece on Windows for
//! x86-64: jump tables of its mathematics keep each other alive through the linker's cleaning, 40 KB of them.

const Block = @Vector(32, u8);
const Half = @Vector(16, u8);

export fn memcpy(noalias to: [*]u8, noalias from: [*]const u8, length: usize) callconv(.c) [*]u8 {
    return memmove(to, from, length);
}

export fn memmove(to: [*]u8, from: [*]const u8, length: usize) callconv(.c) [*]u8 {
    if (length <= 64) {
        moveShort(to, from, length);
    } else if (@intFromPtr(to) -% @intFromPtr(from) >= length) {
        moveForward(to, from, length);
    } else {
        moveBackward(to, from, length);
    }
    return to;
}

/// Two reads that may overlap, both before the first write.
inline fn moveShort(to: [*]u8, from: [*]const u8, length: usize) void {
    inline for (.{ Block, Half, u64, u32, u16 }) |Part| {
        if (length >= @sizeOf(Part)) {
            const end = length - @sizeOf(Part);
            const first = load(Part, from);
            const last = load(Part, from + end);
            store(Part, to, first);
            store(Part, to + end, last);
            return;
        }
    }
    if (length == 1) to[0] = from[0];
}

fn moveForward(to: [*]u8, from: [*]const u8, length: usize) void {
    const end = length - @sizeOf(Block);
    const last = load(Block, from + end);
    var at: usize = 0;
    while (at < end) : (at += @sizeOf(Block)) store(Block, to + at, load(Block, from + at));
    store(Block, to + end, last);
}

fn moveBackward(to: [*]u8, from: [*]const u8, length: usize) void {
    const first = load(Block, from);
    var at = length;
    while (at > @sizeOf(Block)) {
        at -= @sizeOf(Block);
        store(Block, to + at, load(Block, from + at));
    }
    store(Block, to, first);
}

export fn memset(to: [*]u8, value: c_int, length: usize) callconv(.c) [*]u8 {
    const byte: u8 = @truncate(@as(c_uint, @bitCast(value)));
    if (length >= @sizeOf(Half)) {
        const filled: Half = @splat(byte);
        const end = length - @sizeOf(Half);
        var at: usize = 0;
        while (at < end) : (at += @sizeOf(Half)) store(Half, to + at, filled);
        store(Half, to + end, filled);
    } else {
        for (0..length) |at| to[at] = byte;
    }
    return to;
}

inline fn load(comptime Part: type, from: [*]const u8) Part {
    return @as(*align(1) const Part, @ptrCast(from)).*;
}

inline fn store(comptime Part: type, to: [*]u8, value: Part) void {
    @as(*align(1) Part, @ptrCast(to)).* = value;
}

/// Before a function takes more than a page of the stack: touches every page of it (RAX bytes), since the next one is
/// only there once the one before it was touched. Keeps all registers.
export fn ___chkstk_ms() callconv(.naked) void {
    asm volatile (
        \\ push %%rcx
        \\ push %%rax
        \\ lea 24(%%rsp), %%rcx
        \\ jmp 2f
        \\1: sub $4096, %%rcx
        \\ test %%rcx, (%%rcx)
        \\ sub $4096, %%rax
        \\2: cmp $4096, %%rax
        \\ ja 1b
        \\ sub %%rax, %%rcx
        \\ test %%rcx, (%%rcx)
        \\ pop %%rax
        \\ pop %%rcx
        \\ ret
    );
}

test "moves of all lengths and distances, and fills" {
    const std = @import("std");
    var buffer: [600]u8 = undefined;
    var expected: [600]u8 = undefined;
    for (0..260) |length| for ([_]usize{ 0, 1, 7, 16, 31, 33, 100 }) |distance| for ([_]bool{ false, true }) |up| {
        const from: usize = if (up) 100 else 100 + distance;
        const to: usize = if (up) 100 + distance else 100;
        for (&buffer, 0..) |*byte, at| byte.* = @truncate(at *% 31 +% 7);
        for (&expected, 0..) |*byte, at| byte.* = @truncate((if (at >= to and at < to + length) at - to + from else at) *% 31 +% 7);
        _ = memmove(buffer[to..].ptr, buffer[from..].ptr, length);
        try std.testing.expectEqualSlices(u8, &expected, &buffer);
        _ = memset(buffer[from..].ptr, 0x1FF, length);
        for (buffer[from..][0..length]) |byte| try std.testing.expectEqual(0xFF, byte);
        try std.testing.expect(length == 0 or buffer[from + length] == @as(u8, @truncate((if (from + length >= to and from + length < to + length) from + length - to + from else from + length) *% 31 +% 7)));
    };
}
