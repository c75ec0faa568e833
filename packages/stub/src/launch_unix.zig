//! `execve`: the same process, with its descriptors, signals and terminal, becomes the program.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
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

pub fn program(run: *Run, installed: *const Installed, arguments: Arguments) error{OutOfMemory}!noreturn {
    for ([_]?os.Handle{ installed.runtime_use, installed.release_use }) |use| if (use) |handle| {
        if (installed.base.prepared or installed.base.network) os.close(handle) else os.holdForProgram(handle) catch {};
    };
    const command = try commandLine(run, installed, arguments);
    const environment = try environmentOfProgram(run);
    if (run.privileged) privileges.passOn(run);
    run.step("executing {s}", .{installed.runtime});
    const err = system.execute(installed.runtime, command, environment);
    runs.say("{s}: cannot execute {s}: {s}{s}\n", .{ run.stamp.name, installed.runtime, os.describe(err), advice(err) });
    if (err == error.Denied) runs.say(
        "a policy may forbid executing files from there; `{s} {s} extract DIR` makes an install in another place, /usr/lib/sarma/{s} or ../lib/sarma/{s} beside the executable\n",
        .{ run.stamp.name, run.stamp.maintenance_word, run.stamp.id, run.stamp.id },
    );
    os.exit(runs.not_executed);
}

fn advice(err: os.Error) []const u8 {
    return switch (err) {
        error.NotExecutable => "; this executable was built for another CPU or system",
        error.NotFound => "; its loader is missing",
        else => "",
    };
}

/// What the user typed as the name, the template, what the user typed behind it.
fn commandLine(run: *const Run, installed: *const Installed, arguments: Arguments) error{OutOfMemory}![*:null]const ?[*:0]const u8 {
    const stamp = run.stamp;
    var list: std.ArrayList(?[*:0]const u8) = .empty;
    try list.ensureTotalCapacity(run.arena, arguments.len + stamp.arguments.len + 4);
    list.appendAssumeCapacity(if (arguments.len > 0) arguments[0] else run.own_path.ptr);
    if (installed.base.shared and stamp.guard.len > 0) {
        list.appendAssumeCapacity("-r");
        list.appendAssumeCapacity(try run.path(&.{ installed.release, stamp.guard }));
    }
    for (stamp.arguments) |part| list.appendAssumeCapacity(switch (part) {
        .literal => |text| text.ptr,
        .path => |inside| try run.path(&.{ installed.release, inside }),
    });
    if (arguments.len > 1) for (arguments[1..]) |text| list.appendAssumeCapacity(text);
    list.appendAssumeCapacity(null);
    return @ptrCast(list.items.ptr);
}

/// The user's, with SARMA_BIN.
fn environmentOfProgram(run: *const Run) error{OutOfMemory}![*:null]const ?[*:0]const u8 {
    const given = run.given_environment;
    var list: std.ArrayList(?[*:0]const u8) = .empty;
    try list.ensureTotalCapacity(run.arena, given.len + 2);
    for (given) |entry| {
        const text = std.mem.sliceTo(entry.?, 0);
        if (std.mem.startsWith(u8, text, "SARMA_BIN=")) continue;
        if (run.stamp.ignore_node_options and std.mem.startsWith(u8, text, "NODE_OPTIONS=")) continue;
        if (run.privileged and privileges.isDangerous(text)) continue;
        list.appendAssumeCapacity(entry);
    }
    list.appendAssumeCapacity(try std.mem.joinZ(run.arena, "", &.{ "SARMA_BIN=", run.own_path }));
    list.appendAssumeCapacity(null);
    return @ptrCast(list.items.ptr);
}
