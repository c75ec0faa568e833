//! Users and groups: the databases in /etc, and what a user namespace makes of their numbers.

const std = @import("std");
const builtin = @import("builtin");
const unix = @import("unix.zig");
const system = switch (builtin.os.tag) {
    .linux => @import("linux.zig"),
    else => @import("darwin.zig"),
};
const Allocator = std.mem.Allocator;

/// What the kernel shows for owners that a user namespace does not know.
pub const unmapped = 65534;

/// Which users the process's namespace knows; empty while it is none of them. null in the first one, which knows all.
pub fn namespaceMap(buffer: *[256]u8) ?[]const u8 {
    if (builtin.os.tag != .linux) return null;
    const map = readSmall("/proc/self/uid_map", buffer) orelse return null;
    // The first namespace maps every number: "0 0 4294967295".
    return if (std.mem.indexOf(u8, map, "4294967295") == null) map else null;
}

/// Debian and others give each user a group of his own, and `umask 002` with it.
pub fn isPrivateGroup(gid: u32) bool {
    if (builtin.os.tag != .linux or gid != system.effectiveGroup() or gid == unmapped) return false;
    const buffer = system.pages(database_max) catch return false;
    defer system.release(buffer);
    const passwd = readSmall("/etc/passwd", buffer) orelse return false;
    var name: []const u8 = "";
    var lines = std.mem.splitScalar(u8, passwd, '\n');
    while (lines.next()) |line| {
        const user = User.parse(line) orelse continue;
        if (user.gid != gid) continue;
        if (user.uid != system.effectiveUser() or name.len > 0) return false;
        name = user.name;
    }
    if (name.len == 0 or name.len > 64) return false;
    var own: [64]u8 = undefined;
    @memcpy(own[0..name.len], name);
    const groups = readSmall("/etc/group", buffer) orelse return false;
    return !hasOtherMembers(groups, gid, own[0..name.len]);
}

/// A line of /etc/group is `name:password:gid:member,member`.
pub fn hasOtherMembers(groups: []const u8, gid: u32, name: []const u8) bool {
    var lines = std.mem.splitScalar(u8, groups, '\n');
    while (lines.next()) |line| {
        var fields = std.mem.splitScalar(u8, line, ':');
        _ = fields.next();
        _ = fields.next();
        const number = std.fmt.parseInt(u32, fields.next() orelse continue, 10) catch continue;
        if (number != gid) continue;
        var members = std.mem.tokenizeScalar(u8, fields.next() orelse "", ',');
        while (members.next()) |member| if (!std.mem.eql(u8, member, name)) return true;
        return false;
    }
    return true;
}

/// A larger user database is nothing this is meant for.
const database_max = 1 << 20;

/// A line of /etc/passwd: `name:password:uid:gid:comment:home:shell`.
pub const User = struct {
    name: []const u8,
    uid: u32,
    gid: u32,
    home: []const u8,

    pub fn parse(line: []const u8) ?User {
        var fields = std.mem.splitScalar(u8, line, ':');
        const name = fields.next() orelse return null;
        _ = fields.next() orelse return null;
        const uid = std.fmt.parseInt(u32, fields.next() orelse return null, 10) catch return null;
        const gid = std.fmt.parseInt(u32, fields.next() orelse return null, 10) catch return null;
        _ = fields.next() orelse return null;
        return .{ .name = name, .uid = uid, .gid = gid, .home = fields.next() orelse return null };
    }
};

fn readSmall(path: [:0]const u8, buffer: []u8) ?[]const u8 {
    const file = unix.openRead(system.cwd, path) catch return null;
    defer unix.close(file);
    var filled: usize = 0;
    while (filled < buffer.len) {
        const count = unix.read(file, buffer[filled..]) catch return null;
        if (count == 0) return buffer[0..filled];
        filled += count;
    }
    return null;
}

pub fn homeInPasswd(arena: Allocator) Allocator.Error!?[]const u8 {
    const buffer = system.pages(database_max) catch return null;
    defer system.release(buffer);
    const passwd = readSmall("/etc/passwd", buffer) orelse return null;
    var lines = std.mem.splitScalar(u8, passwd, '\n');
    while (lines.next()) |line| {
        const user = User.parse(line) orelse continue;
        if (user.uid == system.effectiveUser() and std.fs.path.isAbsolutePosix(user.home)) return try arena.dupe(u8, user.home);
    }
    return null;
}
