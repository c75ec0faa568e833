//! The launcher: a second small program of every target, which carries logs. On Linux it holds nodes that were upgraded
//! besides; on Windows it is `bin/<name>.exe` of an assembled release: it starts the release, and stands between it and
//! the service manager.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const launch = @import("launch.zig");
const log = @import("launcher/log.zig");
const hold = @import("launcher/hold.zig");
const runs = @import("run.zig");
const Arena = @import("arena.zig").Arena;

const is_windows = builtin.os.tag == .windows;
const is_linux = builtin.os.tag == .linux;
const windows = @import("launcher/windows.zig");
/// On Windows every other word belongs to the release.
const log_word = if (is_windows) "--sarma-log" else "log";

pub fn main(init: std.process.Init.Minimal) noreturn {
    os.startUp();
    var memory: Arena = .{};
    const arena = memory.allocator();
    start(arena, init.args.vector) catch |err| switch (err) {
        error.OutOfMemory => stop("out of memory", .{}),
    };
}

fn start(arena: std.mem.Allocator, arguments: launch.Arguments) error{OutOfMemory}!noreturn {
    const word = launch.argument(arena, arguments, 1) orelse "";
    if (std.mem.eql(u8, word, log_word)) {
        log.carry(arena, try logOptions(arena, arguments));
        os.exit(0);
    }
    if (is_linux and std.mem.eql(u8, word, "hold")) try holdNode(arena, arguments);
    if (is_windows) return windows.start(arena, word, arguments);
    usage();
}

fn holdNode(arena: std.mem.Allocator, arguments: launch.Arguments) error{OutOfMemory}!noreturn {
    if (arguments.len != 4) usage();
    const record = try arena.dupeZ(u8, launch.argument(arena, arguments, 2).?);
    const text = launch.argument(arena, arguments, 3).?;
    const pid = std.fmt.parseInt(i32, text, 10) catch usage();
    if (pid <= 0) usage();
    var holder = hold.Holder.of(record, pid) orelse stop("{s} is no child of this process, and {s} names none", .{ text, record });
    holder.hold();
}

fn logOptions(arena: std.mem.Allocator, arguments: launch.Arguments) error{OutOfMemory}!log.Options {
    var options: log.Options = .{ .path = try arena.dupeZ(u8, launch.argument(arena, arguments, 2) orelse usage()) };
    var at: usize = 3;
    while (launch.argument(arena, arguments, at)) |name| : (at += 2) {
        const text = launch.argument(arena, arguments, at + 1) orelse usage();
        const value = std.fmt.parseInt(u32, text, 10) catch usage();
        if (std.mem.eql(u8, name, "--bytes") and value > 0) {
            options.bytes_max = value;
        } else if (std.mem.eql(u8, name, "--files")) {
            options.files_max = value;
        } else usage();
    }
    return options;
}

fn usage() noreturn {
    const others = if (is_linux) ", or: launcher hold RECORD PID" else "";
    stop("usage: launcher " ++ log_word ++ " FILE [--bytes N] [--files N]" ++ others, .{});
}

fn stop(comptime format: []const u8, arguments: anytype) noreturn {
    runs.say("sarma: " ++ format ++ "\n", arguments);
    os.exit(runs.failed);
}

/// As that of the stub.
pub const panic = @import("panic.zig").panic;
pub const std_options_debug_threaded_io = null;
pub const std_options: std.Options = .{ .signal_stack_size = null, .allow_stack_tracing = false, .enable_segfault_handler = false };

test {
    _ = log;
    if (is_linux) _ = hold;
    _ = @import("vm_args.zig");
    if (is_windows) _ = @import("launcher/release.zig");
}
