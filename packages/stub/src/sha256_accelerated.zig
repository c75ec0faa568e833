//! SHA-256 compiled for CPUs that have instructions for it. An object of its own: nothing else may
//! use those instructions before `sha256.zig` has asked the CPU.

const std = @import("std");

export fn sarma_sha256_update(state: *anyopaque, bytes: [*]const u8, length: usize) void {
    const sha256: *std.crypto.hash.sha2.Sha256 = @ptrCast(@alignCast(state));
    sha256.update(bytes[0..length]);
}

pub fn panic(_: []const u8, _: ?*std.builtin.StackTrace, _: ?usize) noreturn {
    @trap();
}
