//! Runs commands in turns and reports what the kernel says each run cost.
//!
//! Node's `child_process` does not give a child's resource usage, and a measuring process written in
//! JavaScript would be larger than what it measures. So: fork, execve, wait4.
//!
//! The only argument is a plan (JSON, `Plan` below). The answer on stdout is JSON: for each command, in the
//! plan's order, an array of its runs. A round runs every command once, and each round begins one command
//! later than the last, so that neither a drift of the machine's speed nor a command's place among the
//! others favours any of them.
//!
//! Linux only. User and system time and the peak resident size are those of `wait4(2)`: of the program and of
//! the descendants it has waited for.

const std = @import("std");
const linux = std.os.linux;

const Plan = struct {
    /// Rounds that are not reported.
    warmups: u32,
    rounds: u32,
    commands: []const Command,
};

const Command = struct {
    /// The first one is a path; it is not searched for.
    argv: []const [:0]const u8,
    /// `NAME=value`, all there is.
    env: []const [:0]const u8,
    directory: [:0]const u8,
    /// Run before each run, and not measured.
    prepare: ?[]const [:0]const u8 = null,
    /// Exit status that is expected; another one ends the measurement.
    status: u8,
};

const Run = struct {
    wall_us: u64,
    user_us: u64,
    system_us: u64,
    /// Peak resident size of the largest process, in KiB.
    peak_kib: u64,
};

const Process = struct {
    argv: [*:null]const ?[*:0]const u8,
    env: [*:null]const ?[*:0]const u8,
    directory: [*:0]const u8,
};

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    const arguments = try init.minimal.args.toSlice(arena);
    if (arguments.len != 2) return error.UsageMeasurePlan;
    const text = try std.Io.Dir.cwd().readFileAlloc(init.io, arguments[1], arena, .limited(1 << 20));
    const plan = try std.json.parseFromSliceLeaky(Plan, arena, text, .{});

    const runs = try measure(arena, plan);

    var buffer: [4096]u8 = undefined;
    var stdout = std.Io.File.stdout().writer(init.io, &buffer);
    try std.json.Stringify.value(runs, .{}, &stdout.interface);
    try stdout.interface.flush();
}

fn measure(arena: std.mem.Allocator, plan: Plan) ![]const []Run {
    const count = plan.commands.len;
    const measured = try arena.alloc(Process, count);
    const prepared = try arena.alloc(?Process, count);
    const runs = try arena.alloc([]Run, count);
    for (plan.commands, 0..) |command, index| {
        measured[index] = try process(arena, command, command.argv);
        prepared[index] = if (command.prepare) |argv| try process(arena, command, argv) else null;
        runs[index] = try arena.alloc(Run, plan.rounds);
    }
    for (0..plan.warmups + plan.rounds) |round| {
        for (0..count) |turn| {
            const index = (round + turn) % count;
            if (prepared[index]) |before| _ = try run(before, 0);
            const result = try run(measured[index], plan.commands[index].status);
            if (round >= plan.warmups) runs[index][round - plan.warmups] = result;
        }
    }
    return runs;
}

fn process(arena: std.mem.Allocator, command: Command, argv: []const [:0]const u8) !Process {
    return .{
        .argv = try terminated(arena, argv),
        .env = try terminated(arena, command.env),
        .directory = command.directory,
    };
}

fn terminated(arena: std.mem.Allocator, strings: []const [:0]const u8) ![*:null]const ?[*:0]const u8 {
    const list = try arena.allocSentinel(?[*:0]const u8, strings.len, null);
    for (strings, list) |string, *place| place.* = string;
    return list;
}

fn run(what: Process, expected: u8) !Run {
    var status: u32 = 0;
    var usage: linux.rusage = undefined;
    const started = monotonic();
    const pid = linux.fork();
    if (pid == 0) become(what);
    if (linux.errno(pid) != .SUCCESS) return error.ForkFailed;
    while (true) {
        switch (linux.errno(linux.wait4(@intCast(pid), &status, 0, &usage))) {
            .SUCCESS => break,
            .INTR => {},
            else => return error.WaitFailed,
        }
    }
    const ended = monotonic();
    if (status != @as(u32, expected) << 8) {
        std.debug.print("{s} ended with wait status 0x{x}; exit status {d} was expected\n", .{ what.argv[0].?, status, expected });
        return error.UnexpectedStatus;
    }
    return .{
        .wall_us = (ended - started) / std.time.ns_per_us,
        .user_us = microseconds(usage.utime),
        .system_us = microseconds(usage.stime),
        .peak_kib = @intCast(usage.maxrss),
    };
}

/// The child's half. What it does before `execve` is part of the measurement, the same for every command.
fn become(what: Process) noreturn {
    const null_device = linux.open("/dev/null", .{ .ACCMODE = .RDWR }, 0);
    for (0..3) |descriptor| _ = linux.dup2(@intCast(null_device), @intCast(descriptor));
    if (linux.errno(linux.chdir(what.directory)) == .SUCCESS) _ = linux.execve(what.argv[0].?, what.argv, what.env);
    linux.exit_group(127);
}

fn monotonic() u64 {
    var now: linux.timespec = undefined;
    _ = linux.clock_gettime(.MONOTONIC, &now);
    return @as(u64, @intCast(now.sec)) * std.time.ns_per_s + @as(u64, @intCast(now.nsec));
}

fn microseconds(time: linux.timeval) u64 {
    return @as(u64, @intCast(time.sec)) * std.time.us_per_s + @as(u64, @intCast(time.usec));
}
