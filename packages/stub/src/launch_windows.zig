//! Windows has no `execve`: the program is a child, and the stub stays behind it.

const std = @import("std");
const os = @import("os.zig");
const child = @import("os/windows_child.zig");
const nt = @import("os/nt.zig");
const guards = @import("guard.zig");
const command_line = @import("command_line.zig");
const vm_args = @import("vm_args.zig");
const Installed = @import("install.zig").Installed;
const runs = @import("run.zig");
const Run = runs.Run;

/// The command line as it was typed: the program gets it unchanged, and splits it by its own rules.
pub const Arguments = []const u16;

pub const argument = command_line.argument;

pub fn program(run: *Run, installed: *const Installed, arguments: Arguments) error{OutOfMemory}!noreturn {
    const line = try commandLine(run, installed, arguments);
    try child.setVariable(run.arena, "SARMA_BIN", run.own_path);
    if (run.is_updater) {
        if (os.variable(run.environment, runs.system_authorities) == null) try child.setVariable(run.arena, runs.system_authorities, "1");
        for (runs.not_for_updater) |name| try child.setVariable(run.arena, name, null);
    }
    if (run.stamp.ignore_node_options) try child.setVariable(run.arena, "NODE_OPTIONS", null);
    run.step("executing {s}", .{installed.runtime});
    const code = child.carry(try child.imagePath(run.arena, installed.runtime), line) orelse cannotExecute(run, installed, nt.GetLastError());
    if (run.is_updater) try takeNameBack(run);
    nt.RtlExitUserProcess(code);
}

/// An updater that is killed between its two renames (packages/update/src/replace.ts) leaves this executable with the name of the
/// version before. Nothing can be said of it: what it would be said to was the child's.
fn takeNameBack(run: *Run) error{OutOfMemory}!void {
    if (os.exists(os.cwd, run.own_path)) return;
    const name = std.fs.path.basename(run.own_path);
    const folder = run.own_path[0 .. run.own_path.len - name.len];
    const previous = try std.mem.concatWithSentinel(run.arena, u8, &.{ folder, ".", name, ".previous" }, 0);
    os.rename(os.cwd, previous, os.cwd, run.own_path) catch {};
}

fn commandLine(run: *Run, installed: *const Installed, arguments: Arguments) error{OutOfMemory}![:0]u16 {
    var list: std.ArrayList([]const u8) = .empty;
    if (try guards.urlFor(run, installed)) |url| try list.appendSlice(run.arena, &.{ guards.option, url });
    if (run.stamp.shell) try list.appendSlice(run.arena, try vmArguments(run, installed, arguments));
    for (run.stamp.arguments) |part| try list.append(run.arena, switch (part) {
        .literal => |text| text,
        .path => |inside| path: {
            const whole = try run.path(&.{ installed.release, inside });
            child.backslashes(whole);
            break :path whole;
        },
    });
    const line = try command_line.compose(run.arena, run.own_path, list.items, arguments);
    if (line.len >= command_line.length_max) {
        run.fail("the arguments are too long: Windows allows {d} characters on a command line, and this one has {d} with those that Node needs", .{ command_line.length_max - 1, line.len });
    }
    return line;
}

/// There is no shell here that could read them.
fn vmArguments(run: *Run, installed: *const Installed, arguments: Arguments) error{OutOfMemory}![]const []const u8 {
    const directory = try run.path(&.{ installed.release, "releases", run.stamp.version });
    const file = try vm_args.fileOf(run.arena, run.environment, directory, run.stamp.service, argument(run.arena, arguments, 1));
    return vm_args.read(run.arena, run.environment, file) catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        else => run.fail("the file of Node's arguments cannot be read: {s}: {s}", .{ file.path, os.describe(err) }),
    };
}

fn cannotExecute(run: *Run, installed: *const Installed, code: u32) noreturn {
    runs.say("{s}: cannot execute {s}: {s} (Windows error {d})\n", .{ run.stamp.name, installed.runtime, child.describe(code), code });
    if (child.isForbidden(code)) runs.say(
        "programs may be allowed to run only from certain directories; `{s} {s} extract DIR` makes an install in another place, such as ..\\lib\\sarma\\{s} beside the executable\n",
        .{ run.stamp.name, run.stamp.maintenance_word, run.stamp.id },
    );
    os.exit(runs.not_executed);
}
