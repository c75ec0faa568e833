//! Universal files of macOS (<mach-o/fat.h>): executables of several CPUs, one behind the other. Offsets in each count
//! from where it begins.

const std = @import("std");
const builtin = @import("builtin");

const magic = 0xcafebabe;
const header_size = 8;
/// cputype, cpusubtype, offset, size, align: u32 each, big-endian.
const slice_size = 20;
/// A Java class has the same magic number; there the next one is a version above 40.
const slices_max = 40;

const x64 = 0x01000007;
const arm64 = 0x0100000c;
/// What this program was compiled for.
pub const own_cpu = if (builtin.cpu.arch == .aarch64) arm64 else x64;

pub const head_size = header_size + slices_max * slice_size;

/// Where the executable for `cpu` (cputype of <mach/machine.h>) begins in a file that begins with `head`: `head_size`
/// bytes, or all of a smaller one. 0 for a file of one CPU, null for a universal one without that CPU.
pub fn sliceOffset(head: []const u8, cpu: u32) ?u64 {
    if (head.len < header_size or integer(head, 0) != magic) return 0;
    const count = integer(head, 4);
    if (count > slices_max) return null;
    for (0..count) |index| {
        const at = header_size + index * slice_size;
        if (at + slice_size > head.len) return null;
        if (integer(head, at) == cpu) return integer(head, at + 8);
    }
    return null;
}

fn integer(bytes: []const u8, at: usize) u32 {
    return std.mem.readInt(u32, bytes[at..][0..4], .big);
}

test "the slice of a CPU is found, and a file of one CPU begins at 0" {
    var head = [_]u8{0} ** 64;
    const fields = [_]u32{ magic, 2, x64, 3, 0x4000, 100, 14, arm64, 0, 0x8000, 100, 14 };
    for (fields, 0..) |field, index| std.mem.writeInt(u32, head[index * 4 ..][0..4], field, .big);
    try std.testing.expectEqual(0x4000, sliceOffset(&head, x64));
    try std.testing.expectEqual(0x8000, sliceOffset(&head, arm64));
    try std.testing.expectEqual(null, sliceOffset(&head, 7));
    // Cut off before the second slice.
    try std.testing.expectEqual(0x4000, sliceOffset(head[0..40], x64));
    try std.testing.expectEqual(null, sliceOffset(head[0..40], arm64));
    std.mem.writeInt(u32, head[4..8], 65535, .big);
    try std.testing.expectEqual(null, sliceOffset(&head, arm64));

    std.mem.writeInt(u32, head[0..4], 0xfeedfacf, .little);
    try std.testing.expectEqual(0, sliceOffset(&head, arm64));
    try std.testing.expectEqual(0, sliceOffset(head[0..4], arm64));
}
