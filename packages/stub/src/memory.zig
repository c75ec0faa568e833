//! The last resort, for Linux: where no directory allows executing files, the release goes into one that does not, and the
//! runtime is executed from memory, into which every run decodes it anew. docs/decisions/0019-runtime-from-memory.md.

const std = @import("std");
const builtin = @import("builtin");
const message = @import("message.zig");
const os = @import("os.zig");
const payloads = @import("payload.zig");
const unpacking = @import("unpack.zig");
const Run = @import("run.zig").Run;

/// Addons cannot be loaded from where nothing may be executed, children are started through /proc, and it is the guard that
/// tells the program so.
pub fn isPossible(run: *Run) !bool {
    if (builtin.os.tag != .linux or run.stamp.guard.len == 0) return false;
    _ = os.stat(os.cwd, "/proc/self/exe") catch return false;
    const payload = try payloads.open(run);
    defer os.close(payload.file);
    for (payload.manifest.release.files) |file| if (std.mem.endsWith(u8, file.path, ".node")) return false;
    return true;
}

/// The path of the decoded runtime.
pub fn runtime(run: *Run) ![:0]const u8 {
    if (builtin.os.tag != .linux) unreachable;
    const payload = try payloads.open(run);
    defer os.close(payload.file);
    // Between the stub and the runtime there may be a shell.
    const file = os.memoryFile(run.stamp.shell) catch |err| return run.refuse("nothing can be executed from there: {s}", .{os.describe(err)});
    run.needed = run.stamp.runtime_bytes;
    try unpacking.unpack(run, &payload, .{ .part = &payload.manifest.runtime, .root = file, .path = "memory", .in_memory = true }, null);
    return message.printZ(try run.arena.alloc(u8, 40), "/proc/self/fd/{d}", .{@as(u32, @intCast(file))});
}
