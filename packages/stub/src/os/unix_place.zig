//! Where installs may lie: whose a directory is, and where caches are.

const std = @import("std");
const builtin = @import("builtin");
const message = @import("../message.zig");
const os = @import("../os.zig");
const unix = @import("unix.zig");
const accounts = @import("unix_accounts.zig");
const system = switch (builtin.os.tag) {
    .linux => @import("linux.zig"),
    else => @import("darwin.zig"),
};
const Allocator = std.mem.Allocator;

// --- whose a directory is

/// More than any sane file system has; keeps a circle of links from holding the stub up.
const links_max = 40;

pub fn isAbsolute(path: []const u8) bool {
    return path.len > 0 and path[0] == '/';
}

/// One `lstat` per component. Whoever can write to any directory on the way could put his own in the place of ours after
/// the check, so a private directory at the end does not make up for an open one above it.
pub fn settle(arena: Allocator, path: []const u8, make: bool, trust: os.Trust) Allocator.Error!os.Settled {
    if (!isAbsolute(path)) return .{ .refused = "not an absolute path" };
    var done: std.ArrayList(u8) = .empty;
    try done.ensureTotalCapacity(arena, unix.path_max + 1);
    var rest: []const u8 = path;
    var links: u32 = 0;
    var way: Way = .{ .trust = trust };
    // Of `done`, as long as that is where the last name led.
    var last: ?os.Stat = null;
    if (try checkDirectory(arena, "/", &way)) |reason| return .{ .refused = reason };
    while (true) {
        rest = std.mem.trimStart(u8, rest, "/");
        if (rest.len == 0) break;
        const end = std.mem.indexOfScalar(u8, rest, '/') orelse rest.len;
        const name = rest[0..end];
        rest = rest[end..];
        if (std.mem.eql(u8, name, ".")) continue;
        if (std.mem.eql(u8, name, "..")) {
            done.items.len = std.mem.lastIndexOfScalar(u8, done.items, '/') orelse 0;
            last = null;
            continue;
        }
        if (done.items.len + name.len + 2 > unix.path_max) return .{ .refused = "the path is too long" };
        const before = done.items.len;
        done.appendAssumeCapacity('/');
        done.appendSliceAssumeCapacity(name);
        const here = terminated(&done);
        const found = system.lstat(system.cwd, here) catch |err| found: {
            if (err != error.NotFound) return .{ .refused = try because(arena, "cannot look at", here, os.describe(err)) };
            if (!make) return .missing;
            unix.makeDirectory(system.cwd, here, if (std.mem.trimStart(u8, rest, "/").len == 0) 0o700 | os.made_by_us else 0o700) catch |failure| if (failure != error.Exists) {
                if (failure == error.NoSpace) return .{ .no_room = here };
                return .{ .refused = try because(arena, "cannot create", here, os.describe(failure)) };
            };
            // Checked like any other: somebody may have been faster.
            break :found system.lstat(system.cwd, here) catch |again| {
                if (again == error.NotFound) return .missing;
                return .{ .refused = try because(arena, "cannot look at", here, os.describe(again)) };
            };
        };
        if (found.kind == .link) {
            links += 1;
            if (links > links_max) return .{ .refused = "symbolic links go in a circle" };
            if (!way.isTrusted(here, found.uid)) return .{ .refused = try because(arena, "a symbolic link of another user", here, "") };
            const buffer = try arena.alloc(u8, unix.path_max);
            const target = unix.readLink(system.cwd, here, buffer) catch |err| return .{ .refused = try because(arena, "cannot read", here, os.describe(err)) };
            done.items.len = if (isAbsolute(target)) 0 else before;
            rest = try std.mem.concat(arena, u8, &.{ target, rest });
            last = null;
            continue;
        }
        if (try refusalOf(arena, here, found, &way)) |reason| return .{ .refused = reason };
        last = found;
    }
    if (done.items.len == 0) done.appendAssumeCapacity('/');
    const found = last orelse system.lstat(system.cwd, terminated(&done)) catch |err| {
        // An uninstall took it away between the two looks.
        return if (err == error.NotFound) .missing else .{ .refused = try because(arena, "cannot look at", terminated(&done), os.describe(err)) };
    };
    // A directory like /tmp will do above a place, not as one: others could have made the folders that are to come in it.
    var place: Way = .{ .trust = trust, .at_end = trust == .user };
    if (try refusalOf(arena, terminated(&done), found, &place)) |reason| return .{ .refused = reason };
    if (place.shared) return .{ .refused = "others can create files in it" };
    return .{ .place = .{ .path = terminated(&done), .shared = way.shared, .mounted = way.shared and place.device != way.device } };
}

fn terminated(list: *std.ArrayList(u8)) [:0]const u8 {
    list.items.ptr[list.items.len] = 0;
    return list.items.ptr[0..list.items.len :0];
}

/// What is known of the directories that lead to a place.
const Way = struct {
    trust: os.Trust,
    /// The place itself, and not what is above it.
    at_end: bool = false,
    /// Others can create names in one of them.
    shared: bool = false,
    /// Of the first of these; else of the last directory.
    device: u64 = 0,

    fn isTrusted(way: *const Way, path: [:0]const u8, uid: u32) bool {
        if (uid == 0) return true;
        if (way.trust == .administrator) return false;
        const own = uid == system.effectiveUser();
        if (uid != accounts.unmapped) return own;
        var buffer: [256]u8 = undefined;
        const map = accounts.namespaceMap(&buffer) orelse return own;
        // Anybody may be behind that number. Oneself, where one may write; else the machine's root where only he could have
        // made it, and a stranger where everybody could.
        if (own and (map.len > 0 or system.isWritable(path))) return true;
        return !way.at_end and !way.shared;
    }
};

pub fn belongs(path: [:0]const u8, found: os.Stat, trust: os.Trust, shared: bool) bool {
    const way: Way = .{ .trust = trust, .at_end = trust == .user, .shared = shared };
    return found.mode & 0o022 == 0 and way.isTrusted(path, found.uid);
}

fn checkDirectory(arena: Allocator, path: [:0]const u8, way: *Way) Allocator.Error!?[]const u8 {
    const found = system.lstat(system.cwd, path) catch |err| return try because(arena, "cannot look at", path, os.describe(err));
    return refusalOf(arena, path, found, way);
}

fn refusalOf(arena: Allocator, path: [:0]const u8, found: os.Stat, way: *Way) Allocator.Error!?[]const u8 {
    const sticky = 0o1000;
    if (found.kind != .directory) return try because(arena, "not a directory", path, "");
    if (!way.isTrusted(path, found.uid)) return try because(arena, "owned by another user", path, "");
    if (!way.shared) way.device = found.device;
    const others_write = found.mode & 0o002 != 0;
    if (!others_write and (found.mode & 0o020 == 0 or (accounts.isPrivateGroup(found.gid) and !system.hasAccessList(path)))) return null;
    if (found.mode & sticky != 0) {
        way.shared = true;
        return null;
    }
    return try because(arena, "others can write to", path, "");
}

fn because(arena: Allocator, what: []const u8, path: []const u8, why: []const u8) Allocator.Error![]const u8 {
    return std.mem.concat(arena, u8, &.{ what, ": ", path, if (why.len > 0) ": " else "", why });
}

// --- where caches lie

/// The user's cache directory, then the places any user has, with the user's number in the name.
pub fn cacheDirectories(arena: Allocator, environment: unix.Environment) Allocator.Error![]const os.CacheDirectory {
    var list: std.ArrayList(os.CacheDirectory) = .empty;
    if (absolute(unix.variable(environment, "XDG_CACHE_HOME"))) |cache| {
        try list.append(arena, .{ .path = try std.mem.concat(arena, u8, &.{ cache, "/sarma" }) });
    }
    if (try homeDirectory(arena, environment)) |home| {
        try list.append(arena, .{ .path = try std.mem.concat(arena, u8, &.{ std.mem.trimEnd(u8, home, "/"), "/" ++ system.user_cache ++ "/sarma" }) });
    }
    for (system.shared_directories) |directory| {
        // "" stands for the directory that the environment names.
        const place = if (directory.len > 0) directory else absolute(unix.variable(environment, "TMPDIR")) orelse continue;
        var digits: [20]u8 = undefined;
        // A system without one does not get one from the stub.
        try list.append(arena, .{ .path = try std.mem.concat(arena, u8, &.{ place, "/sarma-", message.decimal(&digits, system.effectiveUser()) }), .within = try arena.dupeZ(u8, place) });
    }
    return list.items;
}

fn absolute(path: ?[]const u8) ?[]const u8 {
    return if (path != null and isAbsolute(path.?)) path else null;
}

/// HOME, or the home of the effective user's entry where HOME is missing or somebody else's (sudo).
fn homeDirectory(arena: Allocator, environment: unix.Environment) Allocator.Error!?[]const u8 {
    if (absolute(unix.variable(environment, "HOME"))) |home| {
        if (try ownerOf(arena, home) == system.effectiveUser()) return home;
    }
    // One that does not exist is not for the stub to create.
    const home = try system.homeOfUser(arena) orelse return null;
    return if (try ownerOf(arena, home) == null) null else home;
}

/// Node looks for modules in HOME too, wherever the one that asks for them lies.
pub fn homeIsOpen(arena: Allocator, environment: unix.Environment) Allocator.Error!bool {
    const home = absolute(unix.variable(environment, "HOME")) orelse return false;
    const found = system.stat(system.cwd, try arena.dupeZ(u8, home)) catch return false;
    return found.mode & 0o002 != 0 or (found.uid != 0 and found.uid != system.effectiveUser());
}

fn ownerOf(arena: Allocator, path: []const u8) Allocator.Error!?u32 {
    const found = system.stat(system.cwd, try arena.dupeZ(u8, path)) catch return null;
    return found.uid;
}

pub fn preparedDirectories(arena: Allocator, own_path: []const u8) Allocator.Error![]const []const u8 {
    const directory = own_path[0 .. std.mem.lastIndexOfScalar(u8, own_path, '/') orelse 0];
    const parent = directory[0 .. std.mem.lastIndexOfScalar(u8, directory, '/') orelse 0];
    const beside = try std.mem.concat(arena, u8, &.{ parent, "/lib/sarma" });
    if (std.mem.eql(u8, beside, "/usr/lib/sarma")) return arena.dupe([]const u8, &.{beside});
    return arena.dupe([]const u8, &.{ beside, "/usr/lib/sarma" });
}
