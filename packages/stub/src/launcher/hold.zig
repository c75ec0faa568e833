//! Stands where a node stood that was upgraded, in the same process: whoever started it keeps its PID, sends its signals
//! there and gets its end from there, over any number of upgrades. Linux alone has what it takes: `execve` into this, and
//! children of children that become ours.

const std = @import("std");
const linux = std.os.linux;
const os = @import("../os.zig");
const W = linux.W;

/// Of a record: two paths and a few words.
const record_max = 16 << 10;

pub const Holder = struct {
    /// `nodes/<node>.json`, whose `pid` is the node's.
    record: [:0]const u8,
    /// A child of ours.
    node: linux.pid_t,

    /// null where neither the process of that number nor that of the record is a child.
    pub fn of(record: [:0]const u8, node: linux.pid_t) ?Holder {
        // Before anything else: what comes from here on waits for `pass`.
        _ = linux.sigprocmask(linux.SIG.BLOCK, &taken_signals, null);
        _ = linux.prctl(@intFromEnum(linux.PR.SET_CHILD_SUBREAPER), 1, 0, 0, 0);
        var holder: Holder = .{ .record = record, .node = node };
        if (!isChild(node)) holder.node = holder.successor() orelse return null;
        return holder;
    }

    pub fn hold(holder: *Holder) noreturn {
        while (true) {
            holder.reap();
            holder.stopWithNode();
            pass(holder.node);
        }
    }

    /// Everybody who has ended. A process whose parent was the node is ours only once the node has ended too: so the node is
    /// looked at between seeing somebody and forgetting how he ended, who may be the successor.
    fn reap(holder: *Holder) void {
        while (look(.ALL, 0, W.EXITED | W.NOWAIT)) |somebody| {
            if (look(.PID, holder.node, W.EXITED)) |end| {
                holder.node = holder.successor() orelse endLike(end);
            } else _ = look(.PID, somebody.pid, W.EXITED);
        }
    }

    /// The process that has the node's name now, and was started by the one that had it before.
    fn successor(holder: *const Holder) ?linux.pid_t {
        const pid = holder.recorded() orelse return null;
        return if (pid != holder.node and isChild(pid)) pid else null;
    }

    fn recorded(holder: *const Holder) ?linux.pid_t {
        var buffer: [record_max]u8 = undefined;
        const file = os.openRead(os.cwd, holder.record) catch return null;
        defer os.close(file);
        const size = os.read(file, &buffer) catch return null;
        return pidIn(buffer[0..size]);
    }

    /// A shell that looks at this process has the terminal back only when this one is stopped too. Whoever stops the node
    /// from elsewhere does not mean this one.
    fn stopWithNode(holder: *const Holder) void {
        const stop = look(.PID, holder.node, W.STOPPED) orelse return;
        switch (stop.how.signal) {
            .TSTP, .TTIN, .TTOU => {},
            else => return,
        }
        if (!os.isTerminal(os.stdin) or os.isInBackground(os.stdin)) return;
        _ = linux.kill(linux.getpid(), .STOP);
        // Here again once somebody has said so, or at once as the first process of a container.
        _ = linux.kill(holder.node, .CONT);
    }
};

/// What `JSON.stringify` wrote. Inside of a text the quotes would have a backslash each.
fn pidIn(record: []const u8) ?linux.pid_t {
    const key = "\"pid\":";
    const digits = record[(std.mem.indexOf(u8, record, key) orelse return null) + key.len ..];
    const end = std.mem.indexOfNone(u8, digits, "0123456789") orelse return null;
    return std.fmt.parseInt(linux.pid_t, digits[0..end], 10) catch null;
}

test "the PID of a record, and of no torn one" {
    try std.testing.expectEqual(12, pidIn("{\"id\":\"\\\"pid\\\":3\",\"node\":\"kv\",\"pid\":12,\"place\":\"x\"}\n"));
    for ([_][]const u8{ "", "{}", "{\"pid\":", "{\"pid\":12", "{\"pid\":99999999999}", "{\"pid\":-1}", "{\"pid\":null}" }) |text| {
        try std.testing.expectEqual(null, pidIn(text));
    }
}

/// Waits for a signal and gives the node what is meant for it.
fn pass(node: linux.pid_t) void {
    var info: linux.siginfo_t = undefined;
    // Interrupted by going on after a stop.
    if (linux.errno(linux.syscall4(.rt_sigtimedwait, @intFromPtr(&taken_signals), @intFromPtr(&info), 0, linux.NSIG / 8)) != .SUCCESS) return;
    if (info.signo == .CHLD) return;
    // A key of the terminal reaches the node as well; a hang-up, the first process of a session alone.
    const is_by_key = info.code > 0;
    if (!is_by_key or info.signo == .HUP) _ = linux.kill(node, info.signo);
}

/// All but what stops a process, as the shell expects it, and what its own mistakes are answered with.
const taken_signals = taken: {
    var set = linux.sigfillset();
    for ([_]linux.SIG{ .TSTP, .TTIN, .TTOU, .SEGV, .BUS, .ILL, .FPE, .TRAP, .SYS }) |signal| linux.sigdelset(&set, signal);
    break :taken set;
};

/// What has become of a child.
const Change = struct {
    pid: linux.pid_t,
    how: union(enum) { exit_code: u8, signal: linux.SIG },
};

/// null where there is nothing like that to be told, of whomever.
fn look(whose: linux.P, id: linux.pid_t, options: u32) ?Change {
    var info = std.mem.zeroes(linux.siginfo_t);
    if (linux.errno(linux.waitid(whose, id, &info, options | W.NOHANG, null)) != .SUCCESS) return null;
    const child = info.fields.common;
    const pid = child.first.piduid.pid;
    if (pid == 0) return null;
    const status = child.second.sigchld.status;
    const exited = @intFromEnum(linux.CLD.EXITED);
    return .{ .pid = pid, .how = if (info.code == exited) .{ .exit_code = @truncate(@as(u32, @bitCast(status))) } else .{ .signal = @enumFromInt(@as(u32, @bitCast(status))) } };
}

/// One that has ended too, as long as nobody has asked how.
fn isChild(pid: linux.pid_t) bool {
    var info: linux.siginfo_t = undefined;
    return linux.errno(linux.waitid(.PID, pid, &info, W.EXITED | W.NOHANG | W.NOWAIT, null)) == .SUCCESS;
}

fn endLike(end: Change) noreturn {
    switch (end.how) {
        .exit_code => |code| os.exit(code),
        .signal => |signal| {
            // The node's memory is of interest, and not this one's.
            _ = linux.prctl(@intFromEnum(linux.PR.SET_DUMPABLE), 0, 0, 0, 0);
            _ = linux.kill(linux.getpid(), signal);
            const all = linux.sigfillset();
            _ = linux.sigprocmask(linux.SIG.UNBLOCK, &all, null);
            // The kernel spares the first process of a container.
            os.exit(128 +| @as(u8, @truncate(@intFromEnum(signal))));
        },
    }
}
