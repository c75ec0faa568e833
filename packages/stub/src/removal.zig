//! Directories on their way in or out: their temporary names, and how they disappear.

const std = @import("std");
const os = @import("os.zig");
const Run = @import("run.zig").Run;
const Allocator = std.mem.Allocator;

const suffix = ".tmp";
/// Deeper than any tree that a wrapper makes; what is deeper stays.
const depth_max = 128;
/// Where locks cannot be trusted, only age says that nobody works on it any more.
const abandoned_after = 30 * 24 * 60 * 60;

/// `since`: seconds since 1970, from a file.
pub fn isOld(since: i64) bool {
    return os.now() -| since > abandoned_after;
}

/// `<path>.<16 random hex digits>.tmp`
pub fn temporaryName(run: *const Run, path: []const u8) Allocator.Error![:0]const u8 {
    var unique: [8]u8 = undefined;
    os.random(&unique);
    return std.mem.concatWithSentinel(run.arena, u8, &.{ path, ".", &std.fmt.bytesToHex(unique, .lower), suffix }, 0);
}

/// The name of the install that a temporary was for, or null.
pub fn installOf(name: []const u8) ?[]const u8 {
    const tail = ".0123456789abcdef".len + suffix.len;
    if (!std.mem.endsWith(u8, name, suffix) or name.len <= tail) return null;
    const install = name[0 .. name.len - tail];
    const digits = name[install.len + 1 ..][0..16];
    for (digits) |digit| if (!std.ascii.isHex(digit)) return null;
    return if (name[install.len] == '.') install else null;
}

/// What killed runs left of this install. The caller holds its install lock.
pub fn removeTemporaries(run: *Run, folder: [:0]const u8, install: []const u8, network: bool) Allocator.Error!void {
    const directory = os.openDirectory(os.cwd, folder) catch return;
    defer os.close(directory);
    var found: std.ArrayList([:0]const u8) = .empty;
    var entries: os.Entries = .of(directory);
    while (entries.next() catch null) |name| {
        if (!std.mem.eql(u8, installOf(name) orelse continue, install)) continue;
        if (network and !isAbandoned(directory, name)) continue;
        try found.append(run.arena, try run.path(&.{ folder, name }));
    }
    for (found.items) |path| removeTree(run, path);
}

pub fn isAbandoned(directory: os.Handle, name: [:0]const u8) bool {
    const found = os.lstat(directory, name) catch return false;
    // A finished one has the installed time, which is long ago, but it has that name for an instant only.
    return isOld(found.seconds);
}

/// Takes an install out of use in one step, then deletes it. False if it is in use.
pub fn remove(run: *Run, path: [:0]const u8) Allocator.Error!bool {
    const claim = claimed(path) orelse return false;
    if ((try os.processesInside(run.arena, path)).len > 0) {
        os.close(claim);
        return false;
    }
    const gone = try temporaryName(run, path);
    os.rename(os.cwd, path, os.cwd, gone) catch {
        os.close(claim);
        return false;
    };
    os.close(claim);
    removeTree(run, gone);
    run.step("removed {s}", .{path});
    return true;
}

/// null if a program uses it, as far as there are locks.
pub fn claimed(path: [:0]const u8) ?os.Handle {
    return os.claimDirectory(os.cwd, path) catch |err| {
        return if (err == error.Unsupported) os.openDirectory(os.cwd, path) catch null else null;
    };
}

/// As much of it as can be removed.
pub fn removeTree(run: *const Run, path: [:0]const u8) void {
    removeTreeIn(run, os.cwd, path);
}

pub fn removeTreeIn(run: *const Run, parent: os.Handle, path: [:0]const u8) void {
    emptyDirectory(parent, path, depth_max);
    os.removeDirectory(parent, path) catch |err| run.step("cannot remove {s}: {s}", .{ path, os.describe(err) });
}

fn emptyDirectory(parent: os.Handle, path: [:0]const u8, depth: u32) void {
    if (depth == 0) return;
    // Names are gathered anew after each removal, as what a directory lists then is not defined.
    var passes: u32 = 0;
    while (passes < 64) : (passes += 1) {
        const directory = os.openDirectory(parent, path) catch return;
        defer os.close(directory);
        var removed = false;
        var entries: os.Entries = .of(directory);
        while (entries.next() catch null) |name| {
            os.removeFile(directory, name) catch {
                emptyDirectory(directory, name, depth - 1);
                os.removeDirectory(directory, name) catch continue;
            };
            removed = true;
        }
        if (!removed) return;
    }
}

test "the install that a temporary is for" {
    try std.testing.expectEqualStrings("hello-1.0.0-0123", installOf("hello-1.0.0-0123.0123456789abcdef.tmp").?);
    try std.testing.expectEqual(null, installOf("hello-1.0.0-0123"));
    try std.testing.expectEqual(null, installOf("notes of somebody else who likes it.tmp"));
    try std.testing.expectEqual(null, installOf(".tmp"));
}
