//! Undoes the branch filter: absolute branch targets back into relative ones. docs/format.md, "Branch filter".

const std = @import("std");
const Filter = @import("manifest.zig").Filter;

/// `bytes` lie at `position` in the file that the filter's range counts in.
pub fn decode(filter: Filter, bytes: []u8, position: u64) void {
    const start = @max(filter.start, position);
    const end = @min(filter.end, position + bytes.len);
    if (start >= end) return;
    const part = bytes[@intCast(start - position)..@intCast(end - position)];
    switch (filter.name) {
        .x86 => decodeX86(part, start, filter.end),
        .arm64 => decodeArm64(part, start),
    }
}

fn decodeX86(bytes: []u8, start: u64, file_end: u64) void {
    const n: i32 = @truncate(@as(i64, @intCast(file_end)));
    var at: usize = 0;
    while (at + 5 <= bytes.len) {
        const position: i32 = @truncate(@as(i64, @intCast(start + at)));
        if (bytes[at] == 0xE8) {
            const field = bytes[at + 1 ..][0..4];
            const absolute = std.mem.readInt(i32, field, .little);
            if (absolute >= 0 and absolute < n) {
                std.mem.writeInt(i32, field, absolute -% position, .little);
            } else if (absolute < 0 and absolute >= -position) {
                std.mem.writeInt(i32, field, absolute +% n, .little);
            }
            at += 5;
        } else if (bytes[at] & 0xF8 == 0x48 and at + 7 <= bytes.len and
            bytes[at + 2] & 0xC7 == 0x05 and bytes[at + 1] != 0xE8)
        {
            // REX.W, an opcode, and a ModRM byte that says: relative to the instruction pointer.
            const field = bytes[at + 3 ..][0..4];
            std.mem.writeInt(i32, field, std.mem.readInt(i32, field, .little) -% position, .little);
            at += 7;
        } else {
            at += 1;
        }
    }
}

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
