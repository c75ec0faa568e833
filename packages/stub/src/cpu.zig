//! Whether this CPU has what the runtime was compiled for. Other architectures' files the kernel refuses, and 64-bit Nodes
//! run on every CPU of theirs; the one for 32-bit ARM does not, and older CPUs of that name are still about.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;

/// The first of the features (manifest, `requires.cpu`) that is not here.
pub fn missing(required: []const []const u8) ?[]const u8 {
    for (required) |feature| if (!has(feature)) return feature;
    return null;
}

/// Tells CPUs apart that share a home; nothing where there is nothing to compare.
pub fn fingerprint() u64 {
    return if (is_arm) linux.getauxval(std.elf.AT_HWCAP) << 8 | version(platform()) else 0;
}

const is_arm = builtin.os.tag == .linux and builtin.cpu.arch == .arm;

/// asm/hwcap.h of Linux for arm. What is not known here is not refused.
fn has(feature: []const u8) bool {
    if (!is_arm) return true;
    const capabilities = linux.getauxval(std.elf.AT_HWCAP);
    if (std.mem.eql(u8, feature, "ARMv7")) return version(platform()) >= 7;
    if (std.mem.eql(u8, feature, "NEON")) return capabilities & (1 << 12) != 0;
    if (std.mem.eql(u8, feature, "VFPv3")) return capabilities & (1 << 13) != 0;
    return true;
}

fn platform() []const u8 {
    const text = linux.getauxval(std.elf.AT_PLATFORM);
    return if (text == 0) "" else std.mem.sliceTo(@as([*:0]const u8, @ptrFromInt(text)), 0);
}

/// `v6l`, `v7l`, `v8l`; 0 for what says nothing.
fn version(text: []const u8) u8 {
    return if (text.len > 1 and text[0] == 'v' and std.ascii.isDigit(text[1])) text[1] - '0' else 0;
}

test "a platform's version is its digit" {
    try std.testing.expectEqual(6, version("v6l"));
    try std.testing.expectEqual(0, version("x86_64"));
    try std.testing.expectEqual(0, version(""));
}
