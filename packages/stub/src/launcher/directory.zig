//! `bin\<name>.exe` of an assembled release: starts it, as `bin/<name>` does elsewhere.

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("../os/nt.zig");
const child = @import("../os/windows_child.zig");
const command_line = @import("../command_line.zig");
const releases = @import("release.zig");
const Release = releases.Release;
const vm_args = @import("../vm_args.zig");
const Allocator = std.mem.Allocator;

/// `env.bat` is left to the boot: a batch file's variables die with its interpreter.
pub fn start(arena: Allocator, environment: os.Environment, own_path: [:0]const u8, release: *const Release, arguments: []const u16) Allocator.Error!noreturn {
    if (release.kind == .service) try describe(arena, environment, own_path, release, arguments);
    const line = try commandLine(arena, environment, own_path, release, arguments);
    const code = child.carry(try child.imagePath(arena, release.runtime), line) orelse {
        const failure = nt.GetLastError();
        releases.fail(release.program, "cannot execute {s}: {s} (Windows error {d}).", .{ release.runtime, child.describe(failure), failure });
    };
    nt.RtlExitUserProcess(code);
}

/// What another release said of itself is not meant for this one.
const own_variables = [_][]const u8{
    "RELEASE_NAME",        "RELEASE_VSN",       "RELEASE_PROG",     "RELEASE_COMMAND",        "RELEASE_COOKIE",     "RELEASE_NODE",        "RELEASE_DISTRIBUTION",
    "RELEASE_MODE",        "RELEASE_TMP",       "RELEASE_VM_ARGS",  "RELEASE_REMOTE_VM_ARGS", "RELEASE_SYS_CONFIG", "RELEASE_BOOT_SCRIPT", "RELEASE_CONFIG_DIR",
    "RELEASE_MUTABLE_DIR", "RELEASE_READ_ONLY", "RELEASE_BASE_DIR", "RELEASE_HEART",          "RELEASE_LOG_FILE",
};

fn describe(arena: Allocator, environment: os.Environment, own_path: []const u8, release: *const Release, arguments: []const u16) Allocator.Error!void {
    if (releases.isOfOther(environment, release.root)) {
        for (own_variables) |name| try child.setVariable(arena, name, null);
    }
    try child.setVariable(arena, "RELEASE_ROOT", release.root);
    try child.setVariable(arena, "RELEASE_NAME", release.name);
    try child.setVariable(arena, "RELEASE_VSN", release.version);
    try child.setVariable(arena, "RELEASE_PROG", own_path);
    try child.setVariable(arena, "RELEASE_COMMAND", command_line.argument(arena, arguments, 1) orelse "start");
}

fn commandLine(arena: Allocator, environment: os.Environment, own_path: [:0]const u8, release: *const Release, arguments: []const u16) Allocator.Error![:0]u16 {
    const file = try vm_args.fileOf(arena, environment, release.directory, release.kind == .service, command_line.argument(arena, arguments, 1));
    const given = vm_args.read(arena, environment, file) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        else => releases.fail(release.program, "the file of Node's arguments cannot be read: {s}: {s}.", .{ file.path, os.describe(err) }),
    };
    const inserted = try std.mem.concat(arena, []const u8, &.{ given, &.{release.entry} });
    const line = try command_line.compose(arena, own_path, inserted, arguments);
    if (line.len >= command_line.length_max) {
        releases.fail(release.program, "the arguments are too long: Windows allows {d} characters on a command line, and this one has {d}.", .{ command_line.length_max - 1, line.len });
    }
    return line;
}
