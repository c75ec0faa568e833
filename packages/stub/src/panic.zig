//! What a bug does.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const runs = @import("run.zig");

/// Ends the program with a word; symbols to say more with are not in it.
pub fn panic(message: []const u8, _: ?*std.builtin.StackTrace, _: ?usize) noreturn {
    if (builtin.is_test) std.debug.defaultPanic(message, null);
    runs.say("sarma: internal error: {s}\n", .{message});
    os.exit(runs.failed);
}
