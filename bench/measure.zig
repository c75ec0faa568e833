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
//! A server is measured until its first answer to an HTTP request, which is asked for from the start on, and
//! then killed; in the rounds that are not reported it goes on for a while and is asked to end, so that it
//! leaves behind what a server leaves behind.
//!
//! Linux only. User and system time and the peak resident size are those of `wait4(2)`: of the program and of
//! all its descendants.

const std = @import("std");
const linux = std.os.linux;

const Plan = struct {
    /// Rounds that are not reported.
    warmups: u32,
    /// Rounds end when there are so many,
    most: u32,
    /// or, once there are so many,
    least: u32,
    /// when this time has passed.
    milliseconds: u64,
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
    /// A server: where it answers. Its exit status is of no concern.
    answer: ?Answer = null,
};

const Answer = struct {
    /// On 127.0.0.1.
    port: u16,
    /// How long it goes on in a round that is not reported.
    stay_ms: u64,
    /// A server that has not answered by then never will.
    limit_ms: u64,
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
    answer: ?Answer,
    status: u8,
};

/// In ms: how long a server may take to end when it is asked to.
const end_limit = 10_000;

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    const arguments = try init.minimal.args.toSlice(arena);
    if (arguments.len != 2) return error.UsageMeasurePlan;
    const text = try std.Io.Dir.cwd().readFileAlloc(init.io, arguments[1], arena, .limited(1 << 20));
    const plan = try std.json.parseFromSliceLeaky(Plan, arena, text, .{});

    // What a command leaves running comes to this process, which waits for it.
    _ = linux.prctl(@intFromEnum(linux.PR.SET_CHILD_SUBREAPER), 1, 0, 0, 0);
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
        measured[index] = try process(arena, command, command.argv, false);
        prepared[index] = if (command.prepare) |argv| try process(arena, command, argv, true) else null;
        runs[index] = try arena.alloc(Run, plan.most);
    }
    for (0..plan.warmups) |round| try takeTurns(round, prepared, measured, null);
    const started = monotonic();
    var done: usize = 0;
    while (done < plan.most) : (done += 1) {
        if (done >= plan.least and monotonic() - started > plan.milliseconds * std.time.ns_per_ms) break;
        try takeTurns(done, prepared, measured, runs);
    }
    for (runs) |*list| list.* = list.*[0..done];
    return runs;
}

/// One round. Without a place for its results it is one that is not reported.
fn takeTurns(round: usize, prepared: []const ?Process, measured: []const Process, runs: ?[]const []Run) !void {
    for (0..measured.len) |turn| {
        const index = (round + turn) % measured.len;
        if (prepared[index]) |before| _ = try run(before, false);
        const result = try run(measured[index], runs == null);
        if (runs) |lists| lists[index][round] = result;
    }
}

fn process(arena: std.mem.Allocator, command: Command, argv: []const [:0]const u8, prepares: bool) !Process {
    return .{
        .argv = try terminated(arena, argv),
        .env = try terminated(arena, command.env),
        .directory = command.directory,
        .answer = if (prepares) null else command.answer,
        .status = if (prepares) 0 else command.status,
    };
}

fn terminated(arena: std.mem.Allocator, strings: []const [:0]const u8) ![*:null]const ?[*:0]const u8 {
    const list = try arena.allocSentinel(?[*:0]const u8, strings.len, null);
    for (strings, list) |string, *place| place.* = string;
    return list;
}

fn run(what: Process, warming: bool) !Run {
    const started = monotonic();
    const forked = linux.fork();
    if (forked == 0) become(what);
    if (linux.errno(forked) != .SUCCESS) return error.ForkFailed;
    const pid: linux.pid_t = @intCast(forked);
    const answer = what.answer orelse {
        const ended = try wait(pid, 0);
        if (ended.?.status != @as(u32, what.status) << 8) {
            std.debug.print("{s} ended with wait status 0x{x}; exit status {d} was expected\n", .{ what.argv[0].?, ended.?.status, what.status });
            return error.UnexpectedStatus;
        }
        return resultOf(ended.?.usage, ended.?.time - started);
    };
    errdefer _ = linux.kill(-pid, .KILL);
    var usage = std.mem.zeroes(linux.rusage);
    const answered = try awaitAnswer(pid, answer, started, &usage);
    if (warming) try linger(pid, answer.stay_ms);
    _ = linux.kill(-pid, .KILL);
    while (wait(-1, 0)) |ended| add(&usage, ended.?.usage) else |_| {} // There are no more.
    return resultOf(usage, answered - started);
}

fn resultOf(usage: linux.rusage, wall: u64) Run {
    return .{
        .wall_us = wall / std.time.ns_per_us,
        .user_us = microseconds(usage.utime),
        .system_us = microseconds(usage.stime),
        .peak_kib = @intCast(usage.maxrss),
    };
}

const Ended = struct { status: u32, usage: linux.rusage, time: u64 };

/// Null if nothing has ended, which only happens with `WNOHANG`.
fn wait(pid: linux.pid_t, flags: u32) !?Ended {
    var ended: Ended = undefined;
    while (true) {
        const result = linux.wait4(pid, &ended.status, flags, &ended.usage);
        switch (linux.errno(result)) {
            .SUCCESS => {
                ended.time = monotonic();
                return if (result == 0) null else ended;
            },
            .INTR => {},
            else => return error.WaitFailed,
        }
    }
}

fn add(all: *linux.rusage, usage: linux.rusage) void {
    all.utime = sum(all.utime, usage.utime);
    all.stime = sum(all.stime, usage.stime);
    all.maxrss = @max(all.maxrss, usage.maxrss);
}

fn sum(a: linux.timeval, b: linux.timeval) linux.timeval {
    return .{ .sec = a.sec + b.sec, .usec = a.usec + b.usec };
}

/// The time of the first answer. Adds what has ended before it to `usage`.
fn awaitAnswer(pid: linux.pid_t, answer: Answer, started: u64, usage: *linux.rusage) !u64 {
    while (!try ask(answer)) {
        if (monotonic() - started > answer.limit_ms * std.time.ns_per_ms) return error.NoAnswer;
        // A launcher may have gone and left its server.
        if (try wait(-1, linux.W.NOHANG)) |ended| {
            add(usage, ended.usage);
            if (ended.status != 0) {
                std.debug.print("process {d} ended with wait status 0x{x} before it answered\n", .{ pid, ended.status });
                return error.EndedBeforeAnswer;
            }
        }
        sleep(200 * std.time.ns_per_us);
    }
    return monotonic();
}

/// Whether something answers. Throws when it answers anything but that all is well.
fn ask(answer: Answer) !bool {
    const request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    const expected = "HTTP/1.1 200";
    const socket = linux.socket(linux.AF.INET, linux.SOCK.STREAM | linux.SOCK.CLOEXEC, 0);
    if (linux.errno(socket) != .SUCCESS) return error.SocketFailed;
    const descriptor: i32 = @intCast(socket);
    defer _ = linux.close(descriptor);
    // It may accept the connection and then say nothing.
    const patience: linux.timeval = .{
        .sec = @intCast(answer.limit_ms / std.time.ms_per_s),
        .usec = @intCast(answer.limit_ms % std.time.ms_per_s * std.time.us_per_ms),
    };
    if (linux.errno(linux.setsockopt(descriptor, linux.SOL.SOCKET, linux.SO.RCVTIMEO, @ptrCast(&patience), @sizeOf(linux.timeval))) != .SUCCESS) return error.SocketFailed;
    const address: linux.sockaddr.in = .{ .port = std.mem.nativeToBig(u16, answer.port), .addr = std.mem.nativeToBig(u32, 0x7f000001) };
    if (linux.errno(linux.connect(descriptor, @ptrCast(&address), @sizeOf(linux.sockaddr.in))) != .SUCCESS) return false;
    if (linux.write(descriptor, request, request.len) != request.len) return false;
    var buffer: [expected.len]u8 = undefined;
    const length = linux.read(descriptor, &buffer, buffer.len);
    if (linux.errno(length) != .SUCCESS or length == 0) return false;
    return if (std.mem.eql(u8, buffer[0..length], expected)) true else error.UnexpectedAnswer;
}

/// Lets a server be one for a while, then asks it to end.
fn linger(pid: linux.pid_t, milliseconds: u64) !void {
    sleep(milliseconds * std.time.ns_per_ms);
    _ = linux.kill(-pid, .TERM);
    const asked = monotonic();
    while (!hasEnded(pid) and monotonic() - asked < end_limit * std.time.ns_per_ms) sleep(std.time.ns_per_ms);
}

/// Looks without waiting for it, so that what it used can still be asked for.
fn hasEnded(pid: linux.pid_t) bool {
    var information = std.mem.zeroes(linux.siginfo_t);
    const flags = linux.W.EXITED | linux.W.NOHANG | linux.W.NOWAIT;
    const result = linux.waitid(.PID, pid, &information, flags, null);
    return linux.errno(result) != .SUCCESS or @intFromEnum(information.signo) != 0;
}

fn sleep(nanoseconds: u64) void {
    const time: linux.timespec = .{
        .sec = @intCast(nanoseconds / std.time.ns_per_s),
        .nsec = @intCast(nanoseconds % std.time.ns_per_s),
    };
    _ = linux.nanosleep(&time, null);
}

/// The child's half. What it does before `execve` is part of the measurement, the same for every command.
fn become(what: Process) noreturn {
    if (what.answer != null) _ = linux.setpgid(0, 0);
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
