//! When and how the runtime is told to load the guard, which keeps modules that did not come with the program out of it.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const Installed = @import("install.zig").Installed;
const Run = @import("run.zig").Run;
const Allocator = std.mem.Allocator;

/// Not `-r`: Node resolves that as if a module of the working directory asked for it, and whoever wrote a `package.json` there
/// or above could put his own file in the guard's place.
pub const option = "--import";

/// The URL of the guard; null where it would find nothing to do, since loading it takes the runtime a millisecond or two,
/// and where a directory's name has a backslash, since Node imports no file from there.
pub fn urlFor(run: *const Run, installed: *const Installed) Allocator.Error!?[:0]const u8 {
    if (run.stamp.guard.len == 0) return null;
    if (builtin.os.tag != .windows and std.mem.indexOfScalar(u8, installed.release, '\\') != null) return null;
    const base = &installed.base;
    // From memory the runtime does not know its own path, which the guard tells the program.
    const needed = base.noexec or base.shared or run.privileged or try os.homeIsOpen(run.arena, run.environment) or
        try hasModulesAbove(run, installed.release) or try hasModulesInHome(run);
    return if (needed) try urlOf(run.arena, try run.path(&.{ installed.release, run.stamp.guard })) else null;
}

/// Node goes up to the root for a package that the program lacks. `release` has no links in it, like the paths that Node
/// goes by.
fn hasModulesAbove(run: *const Run, release: []const u8) Allocator.Error!bool {
    var above = std.fs.path.dirname(release);
    while (above) |directory| : (above = std.fs.path.dirname(directory)) {
        if (try isThere(run, directory, "node_modules")) return true;
    }
    return false;
}

/// Where `require` goes last: https://nodejs.org/api/modules.html#loading-from-the-global-folders
fn hasModulesInHome(run: *const Run) Allocator.Error!bool {
    const home = os.variable(run.environment, if (builtin.os.tag == .windows) "USERPROFILE" else "HOME") orelse return false;
    return try isThere(run, home, ".node_modules") or try isThere(run, home, ".node_libraries");
}

fn isThere(run: *const Run, directory: []const u8, name: []const u8) Allocator.Error!bool {
    return os.exists(os.cwd, try run.path(&.{ directory, name }));
}

/// `path`, which is absolute, as a URL.
fn urlOf(arena: Allocator, path: []const u8) Allocator.Error![:0]const u8 {
    var url: std.ArrayList(u8) = .empty;
    try url.ensureTotalCapacity(arena, "file:///".len + 3 * path.len + 1);
    // A share's path begins with two separators, and its URL with as many.
    const share = path[0] == '\\';
    url.appendSliceAssumeCapacity(if (share) "file:" else if (path[0] == '/') "file://" else "file:///");
    for (path) |byte| switch (byte) {
        0...' ', '%', '?', '#', 127 => url.appendSliceAssumeCapacity(&.{ '%', digit(byte >> 4), digit(byte & 15) }),
        '\\' => url.appendAssumeCapacity('/'),
        else => url.appendAssumeCapacity(byte),
    };
    url.appendAssumeCapacity(0);
    return url.items[0 .. url.items.len - 1 :0];
}

fn digit(value: u8) u8 {
    return "0123456789ABCDEF"[value];
}

test "a path as a URL" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    try std.testing.expectEqualStrings("file:///a%20b/%25%3F%23%0A", try urlOf(memory.allocator(), "/a b/%?#\n"));
    try std.testing.expectEqualStrings("file:///C:/x", try urlOf(memory.allocator(), "C:/x"));
}
