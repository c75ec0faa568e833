//! Which processes run from inside a directory, as far as /proc tells.

const std = @import("std");
const message = @import("../message.zig");
const linux = @import("linux.zig");
const unix = @import("unix.zig");
const Allocator = std.mem.Allocator;
const Handle = linux.Handle;

pub fn inside(arena: Allocator, path: []const u8) Allocator.Error![]const u32 {
    var found: std.ArrayList(u32) = .empty;
    const proc = unix.openDirectory(linux.cwd, "/proc") catch return &.{};
    defer unix.close(proc);
    const own: u32 = @intCast(std.os.linux.getpid());
    var entries: linux.Entries = .of(proc);
    while (entries.next() catch null) |name| {
        const pid = std.fmt.parseInt(u32, name, 10) catch continue;
        if (pid != own and runsInside(proc, pid, path)) try found.append(arena, pid);
    }
    return found.items;
}

/// By its program, its working directory, or a path among its arguments (a forked child runs the shared runtime on a file
/// of the release). Whoever has set `process.title` has no arguments any more: he may run from any release.
fn runsInside(proc: Handle, pid: u32, path: []const u8) bool {
    var name: [32]u8 = undefined;
    var buffer: [arguments_max]u8 = undefined;
    for ([_][]const u8{ "exe", "cwd" }) |link| {
        const place = message.printZ(&name, "{d}/{s}", .{ pid, link });
        const target = unix.readLink(proc, place, &buffer) catch continue;
        if (isInside(target, path)) return true;
    }
    const arguments = message.printZ(&name, "{d}/cmdline", .{pid});
    const file = unix.openRead(proc, arguments) catch return false;
    defer unix.close(file);
    const length = unix.read(file, &buffer) catch return false;
    var list = std.mem.splitScalar(u8, buffer[0..length], 0);
    while (list.next()) |argument| if (names(argument, path)) return true;
    const title = std.mem.sliceTo(buffer[0..length], 0);
    return std.mem.allEqual(u8, buffer[title.len..length], 0) and hasUnknownRelease(proc, pid, path);
}

/// `/path/inside`, `--require=/path/inside`, `file:///path/inside`.
fn names(argument: []const u8, path: []const u8) bool {
    const at = std.mem.indexOf(u8, argument, path) orelse return false;
    return isInside(argument[at..], path) and (at == 0 or argument[at - 1] == '=' or std.mem.endsWith(u8, argument[0..at], "://"));
}

/// More than a person writes; what is behind is not looked at.
const arguments_max = 32 << 10;

/// A process of a runtime beside the release `path`, and no program that holds a release itself, by its descriptors.
fn hasUnknownRelease(proc: Handle, pid: u32, path: []const u8) bool {
    const releases = std.fs.path.dirnamePosix(path) orelse return false;
    if (!std.mem.endsWith(u8, releases, "/releases")) return false;
    const base = releases[0 .. releases.len - "/releases".len];
    var name: [32]u8 = undefined;
    var buffer: [unix.path_max]u8 = undefined;
    const exe = unix.readLink(proc, message.printZ(&name, "{d}/exe", .{pid}), &buffer) catch return false;
    if (!isInside(exe, base) or !std.mem.startsWith(u8, exe[base.len..], "/runtimes/")) return false;
    for (3..unix.last_held + 1) |descriptor| {
        const link = message.printZ(&name, "{d}/fd/{d}", .{ pid, descriptor });
        const held = unix.readLink(proc, link, &buffer) catch continue;
        if (isInside(held, releases)) return false;
    }
    return true;
}

fn isInside(path: []const u8, directory: []const u8) bool {
    return std.mem.startsWith(u8, path, directory) and (path.len == directory.len or path[directory.len] == '/');
}
