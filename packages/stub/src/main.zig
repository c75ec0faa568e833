//! The stub: what runs first in every executable. It finds the install of the program, makes it on the first run, and
//! becomes the program.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const stamps = @import("stamp.zig");
const install = @import("install.zig");
const launch = @import("launch.zig");
const maintenance = @import("maintenance.zig");
const privileges = @import("privileges.zig");
const runs = @import("run.zig");
const Arena = @import("arena.zig").Arena;

pub fn main(init: std.process.Init.Minimal) noreturn {
    os.startUp();
    var memory: Arena = .{};
    start(memory.allocator(), init.args.vector, environmentOf(memory.allocator(), init.environ)) catch |err| switch (err) {
        error.OutOfMemory => {
            runs.say("{s}: out of memory: raise what limits it (`ulimit -a`, the container's limit), or end other programs\n", .{program});
            os.exit(runs.failed);
        },
    };
}

/// For messages.
var program: []const u8 = "sarma";

fn start(arena: std.mem.Allocator, arguments: launch.Arguments, environment: os.Environment) error{OutOfMemory}!noreturn {
    var run = try begin(arena, environment);
    program = run.stamp.name;
    run.step("{s} {s}, {s}", .{ run.stamp.name, run.stamp.version, run.own_path });
    if (maintenance.asked(&run, arguments)) |command| return maintenance.perform(&run, command, arguments);
    const installed = try install.find(&run);
    try launch.program(&run, &installed, arguments);
}

fn begin(arena: std.mem.Allocator, environment: os.Environment) error{OutOfMemory}!runs.Run {
    const started = os.monotonic();
    const rights = privileges.ofProcess();
    const stamp = stamps.read(arena) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        error.Unstamped => stop("sarma: this is a stub without a program; `wrap` makes executables of it", .{}),
        error.Damaged => stop("sarma: this file is damaged (stamp): download it again", .{}),
    };
    if (rights == .other_user) stop("{s}: refuses to run set-user-ID or set-group-ID: its files are installed by whoever starts it", .{stamp.name});
    const own_path = os.ownPath(arena) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        else => stop("{s}: cannot find its own file: {s}", .{ stamp.name, os.describe(err) }),
    };
    const trusted: os.Environment = if (rights == .none) environment else os.no_environment;
    return .{
        .arena = arena,
        .stamp = stamp,
        .environment = trusted,
        .given_environment = environment,
        .own_path = own_path,
        .privileged = rights != .none,
        .debug = std.mem.eql(u8, os.variable(trusted, "SARMA_DEBUG") orelse "", "1"),
        .started = started,
    };
}

inline fn stop(comptime format: []const u8, arguments: anytype) noreturn {
    runs.say(format ++ "\n", arguments);
    os.exit(runs.failed);
}

fn environmentOf(arena: std.mem.Allocator, environ: std.process.Environ) os.Environment {
    return if (builtin.os.tag == .windows) .{ .arena = arena } else environ.block.slice;
}

pub const panic = @import("panic.zig").panic;
/// Keeps the whole of `std.Io.Threaded` out of the stub.
pub const std_options_debug_threaded_io = null;
pub const std_options: std.Options = .{ .signal_stack_size = null, .allow_stack_tracing = false, .enable_segfault_handler = false };

test {
    _ = @import("command_line.zig");
    _ = @import("cpu.zig");
    _ = @import("fat.zig");
    _ = @import("guard.zig");
    _ = @import("host.zig");
    _ = @import("json.zig");
    _ = @import("loader_cache.zig");
    _ = @import("manifest.zig");
    _ = @import("marker.zig");
    _ = @import("message.zig");
    _ = @import("removal.zig");
    _ = @import("sha256.zig");
    _ = @import("stamp.zig");
    _ = @import("tar.zig");
    _ = @import("zstd.zig");
    if (builtin.os.tag == .linux) _ = @import("os/linux.zig");
    if (builtin.os.tag == .windows) {
        _ = @import("os/windows_access.zig");
        _ = @import("os/windows_junction.zig");
        _ = @import("os/windows_sync.zig");
    }
}
