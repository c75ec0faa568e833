//! Undoes the branch filter: absolute branch targets back into relative ones. docs/format.md, "Branch filter".
//! A module of its own, compiled for speed: it runs over every byte of the runtime's code.

const std = @import("std");
const builtin = @import("builtin");

/// Positions are numbers of 32 bits with a sign.
pub const end_max = std.math.maxInt(i32);

/// The bytes of the file in `[start, end)` were filtered, `end` being at most `end_max`.
pub const Filter = struct { name: enum { x86, arm64 }, start: u64, end: u64 };

/// `bytes` lie at `position` in the file that the filter's range counts in.
pub fn decode(filter: Filter, bytes: []u8, position: u64) void {
    const start = @max(filter.start, position);
    const end = @min(filter.end, position + bytes.len);
    if (start >= end) return;
    const part = bytes[@intCast(start - position)..@intCast(end - position)];
    switch (filter.name) {
        .x86 => (X86{ .bytes = part, .start = start, .n = @truncate(@as(i64, @intCast(filter.end))) }).decode(),
        .arm64 => decodeArm64(part, start),
    }
}

const X86 = struct {
    bytes: []u8,
    /// Of the bytes in the file.
    start: u64,
    /// The end of the range, which targets wrap around at.
    n: i32,

    const lanes = 16;
    const longest = 7;
    const call = 0xE8;
    const Block = @Vector(lanes, u8);

    /// Sixteen bytes at a time are asked where an instruction may begin, which at most of them none does. What is changed
    /// lies behind its first byte and is skipped, so it does not matter that the question was asked before.
    fn decode(code: X86) void {
        var at: usize = 0;
        // Bits of a vector of bools are numbered the other way round on big-endian CPUs.
        if (builtin.cpu.arch.endian() == .little) while (at + lanes + longest <= code.bytes.len) {
            const block = at;
            var candidates = candidatesIn(code.bytes[block..]);
            var next = block;
            while (candidates != 0) : (candidates &= candidates - 1) {
                const candidate = block + @ctz(candidates);
                if (candidate >= next) next = code.convert(candidate);
            }
            at = @max(block + lanes, next);
        };
        while (at + 5 <= code.bytes.len) at = code.convert(at);
    }

    fn candidatesIn(bytes: []const u8) u16 {
        const first: Block = bytes[0..lanes].*;
        const second: Block = bytes[1..][0..lanes].*;
        const third: Block = bytes[2..][0..lanes].*;
        const calls: u16 = @bitCast(first == all(call));
        const prefixes: u16 = @bitCast(first & all(0xF8) == all(0x48));
        const others: u16 = @bitCast(second != all(call));
        const operands: u16 = @bitCast(third & all(0xC7) == all(0x05));
        return calls | (prefixes & others & operands);
    }

    fn all(byte: u8) Block {
        return @splat(byte);
    }

    /// The instruction at `at`, if one begins there; returns where to go on.
    fn convert(code: X86, at: usize) usize {
        const bytes = code.bytes[at..];
        const position: i32 = @truncate(@as(i64, @intCast(code.start + at)));
        if (bytes[0] == call) {
            const field = bytes[1..5];
            const absolute = std.mem.readInt(i32, field, .little);
            if (absolute >= 0 and absolute < code.n) {
                std.mem.writeInt(i32, field, absolute -% position, .little);
            } else if (absolute < 0 and absolute >= -position) {
                std.mem.writeInt(i32, field, absolute +% code.n, .little);
            }
            return at + 5;
        }
        if (bytes.len < longest or !isRelativeOperand(bytes[0..3])) return at + 1;
        const field = bytes[3..7];
        std.mem.writeInt(i32, field, std.mem.readInt(i32, field, .little) -% position, .little);
        return at + longest;
    }

    /// A REX.W prefix, an opcode, and a ModRM byte that says RIP + 32 bits.
    fn isRelativeOperand(bytes: *const [3]u8) bool {
        return bytes[0] & 0xF8 == 0x48 and bytes[2] & 0xC7 == 0x05 and bytes[1] != call;
    }
};

fn decodeArm64(bytes: []u8, start: u64) void {
    // Instructions lie at multiples of four of the file.
    var at: usize = @intCast(std.mem.alignForward(u64, start, 4) - start);
    while (at + 4 <= bytes.len) : (at += 4) {
        const position = start + at;
        const field = bytes[at..][0..4];
        const instruction = std.mem.readInt(u32, field, .little);
        if (instruction >> 26 == 0b100101) {
            const offset = (instruction -% @as(u32, @truncate(position / 4))) & 0x03FF_FFFF;
            std.mem.writeInt(u32, field, 0b100101 << 26 | offset, .little);
        } else if (instruction & 0x9F00_0000 == 0x9000_0000) {
            const encoded = (instruction >> 29 & 3) | (instruction >> 5 & 0x7FFFF) << 2;
            const offset = (encoded -% @as(u32, @truncate(position >> 12))) & 0x1F_FFFF;
            const rest = instruction & 0x9F00_001F;
            std.mem.writeInt(u32, field, rest | (offset & 3) << 29 | (offset >> 2) << 5, .little);
        }
    }
}

test "x86: what the page says encoding does is undone" {
    const position = 1000;
    const n = 2000;
    // rel, and what encoding makes of it at that position.
    const cases = [_][2]i32{ .{ 10, 1010 }, .{ -1000, 0 }, .{ 999, 1999 }, .{ 1000, -1000 }, .{ 1999, -1 }, .{ 2000, 2000 }, .{ -1001, -1001 } };
    for (cases) |case| {
        var bytes = [_]u8{ 0xE8, 0, 0, 0, 0, 0x90 };
        std.mem.writeInt(i32, bytes[1..5], case[1], .little);
        decode(.{ .name = .x86, .start = 0, .end = n }, &bytes, position);
        try std.testing.expectEqual(case[0], std.mem.readInt(i32, bytes[1..5], .little));
    }
}

test "x86: operands relative to the instruction pointer" {
    // mov rax, [rip + 5] at 1000; then E8 as the opcode, which is left to the call that may begin there.
    var bytes = [_]u8{ 0x48, 0x8B, 0x05, 0xED, 0x03, 0, 0, 0x48, 0xE8, 0x05, 0, 0, 0x40 };
    decode(.{ .name = .x86, .start = 0, .end = 2000 }, &bytes, 1000);
    try std.testing.expectEqualSlices(u8, &.{ 0x48, 0x8B, 0x05, 5, 0, 0, 0, 0x48, 0xE8, 0x05, 0, 0, 0x40 }, &bytes);
}

test "x86: an operand relative to the instruction pointer" {
    var bytes = [_]u8{ 0x48, 0x8D, 0x05, 0, 0, 0, 0, 0x90 };
    std.mem.writeInt(i32, bytes[3..7], 1234, .little);
    decode(.{ .name = .x86, .start = 0, .end = 2000 }, &bytes, 1000);
    try std.testing.expectEqual(234, std.mem.readInt(i32, bytes[3..7], .little));
}

test "x86: blocks and single bytes find the same instructions" {
    var random: std.Random.DefaultPrng = .init(1);
    var bytes: [4096]u8 = undefined;
    const likely = [_]u8{ 0xE8, 0x48, 0x4C, 0x05, 0x0D, 0x8B, 0x00, 0xFF };
    for (&bytes) |*byte| byte.* = likely[random.random().uintLessThan(usize, likely.len)];
    var single = bytes;
    const code: X86 = .{ .bytes = &single, .start = 100_000, .n = 1_000_000 };
    var at: usize = 0;
    while (at + 5 <= single.len) at = code.convert(at);
    decode(.{ .name = .x86, .start = 0, .end = 1_000_000 }, &bytes, 100_000);
    try std.testing.expectEqualSlices(u8, &single, &bytes);
}

test "x86: an instruction that crosses the end of the range stays" {
    var bytes = [_]u8{ 0xE8, 1, 2, 3, 4 };
    decode(.{ .name = .x86, .start = 0, .end = 1004 }, &bytes, 1000);
    try std.testing.expectEqualSlices(u8, &.{ 0xE8, 1, 2, 3, 4 }, &bytes);
}

test "arm64: BL and ADRP" {
    var bytes: [8]u8 = undefined;
    // BL +8 at 0x2000 was encoded as word offset 2 + 0x800; ADRP x0, page 5 at 0x2004 as page 5 + 2.
    std.mem.writeInt(u32, bytes[0..4], 0x9400_0000 | 0x802, .little);
    std.mem.writeInt(u32, bytes[4..8], 0x9000_0000 | @as(u32, 7 & 3) << 29 | (7 >> 2) << 5, .little);
    decode(.{ .name = .arm64, .start = 0x1000, .end = 0x3000 }, &bytes, 0x2000);
    try std.testing.expectEqual(0x9400_0002, std.mem.readInt(u32, bytes[0..4], .little));
    try std.testing.expectEqual(0x9000_0000 | @as(u32, 5 & 3) << 29 | (5 >> 2) << 5, std.mem.readInt(u32, bytes[4..8], .little));
}
