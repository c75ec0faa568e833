//! The same work on several cores.

const std = @import("std");
const os = @import("os.zig");

const threads_max = 8;

/// A thread with so many bytes of stack, on which no signal is handled: removing what was begun takes more.
pub fn spawn(stack: usize, comptime work: anytype, arguments: anytype) std.Thread.SpawnError!std.Thread {
    const before = os.holdStopping();
    defer os.letStopping(before);
    return std.Thread.spawn(.{ .stack_size = stack }, work, arguments);
}

/// Calls `work` with `context` on one thread per core, but no more than `most`, and returns when all have; this thread is one
/// of them, and does all the work if the system gives no others. Returns how many there were. `stack`: bytes, for each other.
pub fn onAllCores(most: usize, stack: usize, comptime work: anytype, context: anytype) usize {
    const count = @min(os.processorCount(), threads_max, most);
    var threads: [threads_max]std.Thread = undefined;
    var started: usize = 0;
    while (started + 1 < count) : (started += 1) {
        threads[started] = spawn(stack, work, .{context}) catch break;
    }
    work(context);
    for (threads[0..started]) |thread| thread.join();
    return started + 1;
}
