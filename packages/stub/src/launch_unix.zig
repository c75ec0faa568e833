//! `execve`: the same process, with its descriptors, signals and terminal, becomes the program.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const guards = @import("guard.zig");
const privileges = @import("privileges.zig");
const Installed = @import("install.zig").Installed;
const runs = @import("run.zig");
const Run = runs.Run;

const system = switch (builtin.os.tag) {
    .linux => @import("os/linux.zig"),
    else => @import("os/darwin.zig"),
};

pub const Arguments = []const [*:0]const u8;

pub fn argument(_: std.mem.Allocator, arguments: Arguments, index: usize) ?[]const u8 {
    return if (index < arguments.len) std.mem.sliceTo(arguments[index], 0) else null;
}

const shell = "/bin/sh";

pub fn program(run: *Run, installed: *const Installed, arguments: Arguments) error{OutOfMemory}!noreturn {
    for ([_]?os.Handle{ installed.runtime_use, installed.release_use }) |use| if (use) |handle| {
        if (installed.base.prepared or installed.base.network) os.close(handle) else os.holdForProgram(handle) catch |err| {
            run.step("the program cannot hold its install: {s}", .{os.describe(err)});
        };
    };
    const image: [:0]const u8 = if (run.stamp.shell) shell else installed.runtime;
    const guard = try guards.urlFor(run, installed);
    const command = try commandLine(run, installed, guard, arguments);
    const environment = try environmentOfProgram(run, installed, guard);
    if (run.privileged) privileges.passOn(run);
    run.step("executing {s}", .{image});
    cannotExecute(run, image, system.execute(image, command, environment));
}

fn cannotExecute(run: *const Run, image: []const u8, err: os.Error) noreturn {
    runs.say("{s}: cannot execute {s}: {s}{s}\n", .{ run.stamp.name, image, os.describe(err), advice(run, err) });
    if (err == error.Denied and !run.stamp.shell) runs.say(
        "a policy may forbid executing files from there; `{s} {s} extract DIR` makes an install in another place, /usr/lib/sarma/{s} or ../lib/sarma/{s} beside the executable\n",
        .{ run.stamp.name, run.stamp.maintenance_word, run.stamp.id, run.stamp.id },
    );
    os.exit(runs.not_executed);
}

fn advice(run: *const Run, err: os.Error) []const u8 {
    if (run.stamp.shell) return "; this release has an env.sh or a vm.args and starts by a shell script";
    return switch (err) {
        error.NotExecutable => "; this executable was built for another CPU or system",
        error.NotFound => "; its loader is missing",
        error.TooBig => "; the system allows less for arguments and environment together",
        else => "",
    };
}

/// What the user typed as the name, the template, what the user typed behind it. Without /proc the runtime takes its name for
/// its path, and starts its children by it. Of a shell the name is its own, since
/// some are many programs in one file and go by it.
fn commandLine(run: *const Run, installed: *const Installed, guard: ?[:0]const u8, arguments: Arguments) error{OutOfMemory}![*:null]const ?[*:0]const u8 {
    const stamp = run.stamp;
    var list: std.ArrayList(?[*:0]const u8) = .empty;
    try list.ensureTotalCapacity(run.arena, arguments.len + stamp.arguments.len + 4);
    list.appendAssumeCapacity(if (stamp.shell) "sh" else if (!system.hasProc()) installed.runtime.ptr else if (arguments.len > 0) arguments[0] else run.own_path.ptr);
    if (!stamp.shell) if (guard) |url| {
        list.appendAssumeCapacity(guards.option);
        list.appendAssumeCapacity(url);
    };
    for (stamp.arguments) |part| list.appendAssumeCapacity(switch (part) {
        .literal => |text| text.ptr,
        .path => |inside| try run.path(&.{ installed.release, inside }),
    });
    if (arguments.len > 1) for (arguments[1..]) |text| list.appendAssumeCapacity(text);
    list.appendAssumeCapacity(null);
    return @ptrCast(list.items.ptr);
}

/// The user's, with SARMA_BIN. The script is told what the stub would have put on the runtime's command line, and takes
/// it out again.
fn environmentOfProgram(run: *const Run, installed: *const Installed, guard: ?[:0]const u8) error{OutOfMemory}![*:null]const ?[*:0]const u8 {
    const given = run.given_environment;
    var list: std.ArrayList(?[*:0]const u8) = .empty;
    try list.ensureTotalCapacity(run.arena, given.len + 5);
    for (given) |entry| if (isPassedOn(run, std.mem.sliceTo(entry.?, 0))) list.appendAssumeCapacity(entry);
    list.appendAssumeCapacity(try std.mem.joinZ(run.arena, "", &.{ "SARMA_BIN=", run.own_path }));
    if (run.is_updater and os.variable(given, runs.system_authorities) == null) list.appendAssumeCapacity(runs.system_authorities ++ "=1");
    if (run.stamp.shell) {
        list.appendAssumeCapacity(try std.mem.joinZ(run.arena, "", &.{ "SARMA_RUNTIME=", installed.runtime }));
        if (guard) |url| list.appendAssumeCapacity(try std.mem.joinZ(run.arena, "", &.{ "SARMA_GUARD=", url }));
        if (run.privileged) list.appendAssumeCapacity("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
    }
    list.appendAssumeCapacity(null);
    return @ptrCast(list.items.ptr);
}

fn isPassedOn(run: *const Run, entry: []const u8) bool {
    if (std.mem.startsWith(u8, entry, "SARMA_BIN=")) return false;
    if (run.is_updater) for (runs.not_for_updater) |name| {
        if (std.mem.startsWith(u8, entry, name) and std.mem.startsWith(u8, entry[name.len..], "=")) return false;
    };
    if (run.stamp.ignore_node_options and std.mem.startsWith(u8, entry, "NODE_OPTIONS=")) return false;
    if (run.stamp.shell) for ([_][]const u8{ "SARMA_RUNTIME=", "SARMA_GUARD=" }) |name| {
        if (std.mem.startsWith(u8, entry, name)) return false;
    };
    if (!run.privileged) return true;
    // The script finds its tools by it.
    if (run.stamp.shell and std.mem.startsWith(u8, entry, "PATH=")) return false;
    return !privileges.isDangerous(entry);
}
