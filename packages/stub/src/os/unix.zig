//! What Linux and macOS share: the calls that POSIX names, whose a directory is, where caches lie, locks by `flock`, error
//! numbers. See `os.zig` for what each declaration means.

const std = @import("std");
const builtin = @import("builtin");
const message = @import("../message.zig");
const os = @import("../os.zig");
const system = switch (builtin.os.tag) {
    .linux => @import("linux.zig"),
    else => @import("darwin.zig"),
};
/// The system calls of Linux, the functions of libSystem on macOS: the same names, and nearly the same types.
const posix = std.posix.system;
const call = system.call;
const Allocator = std.mem.Allocator;
const Error = os.Error;
const Handle = system.Handle;

// --- environment

pub const Environment = []const ?[*:0]const u8;
pub const no_environment: Environment = &.{};

/// `open` takes the lowest number, so the null device lands on the closed stream, until the program
/// opens it as it does always. Where there is none, a directory keeps the stub's messages out of its files as well.
pub fn startUp() void {
    for ([_]Handle{ system.stdin, system.stdout, system.stderr }) |stream| {
        if (!system.isOpen(stream)) _ = openNull() catch openDirectory(system.cwd, "/") catch return;
    }
}

pub fn ignoreStopping() void {
    const ignored: std.posix.Sigaction = .{ .handler = .{ .handler = std.posix.SIG.IGN }, .mask = std.posix.sigemptyset(), .flags = 0 };
    for ([_]std.posix.SIG{ .HUP, .INT, .QUIT, .TERM }) |signal| std.posix.sigaction(signal, &ignored, null);
}

/// A file that gets larger than `ulimit -f` is an error then, which can be told, and not the end. Not for the program:
/// what a process catches is forgotten when it becomes another.
pub fn outliveFileLimit() void {
    const caught: std.posix.Sigaction = .{ .handler = .{ .handler = struct {
        fn goOn(_: std.posix.SIG) callconv(.c) void {}
    }.goOn }, .mask = std.posix.sigemptyset(), .flags = 0 };
    var before: std.posix.Sigaction = undefined;
    std.posix.sigaction(.XFSZ, null, &before);
    if (before.handler.handler != std.posix.SIG.IGN) std.posix.sigaction(.XFSZ, &caught, null);
}

pub fn onStopping(comptime handler: fn () void) void {
    const caught: std.posix.Sigaction = .{
        .handler = .{ .handler = struct {
            fn stop(signal: std.posix.SIG) callconv(.c) void {
                handler();
                const by_default: std.posix.Sigaction = .{ .handler = .{ .handler = std.posix.SIG.DFL }, .mask = std.posix.sigemptyset(), .flags = 0 };
                std.posix.sigaction(signal, &by_default, null);
                _ = posix.kill(posix.getpid(), signal);
                // The kernel spares the first process of a container.
                system.exit(128 + @as(u8, @intCast(@intFromEnum(signal))));
            }
        }.stop },
        .mask = std.posix.sigemptyset(),
        .flags = std.posix.SA.NODEFER,
    };
    for ([_]std.posix.SIG{ .HUP, .INT, .TERM }) |signal| {
        var before: std.posix.Sigaction = undefined;
        std.posix.sigaction(signal, null, &before);
        // As nohup does.
        if (before.handler.handler != std.posix.SIG.IGN) std.posix.sigaction(signal, &caught, null);
    }
}

pub fn variable(environment: Environment, name: []const u8) ?[]const u8 {
    for (environment) |entry| {
        const text = std.mem.sliceTo(entry.?, 0);
        if (text.len > name.len and text[name.len] == '=' and std.mem.startsWith(u8, text, name)) {
            return if (text.len > name.len + 1) text[name.len + 1 ..] else null;
        }
    }
    return null;
}

// --- files

/// Never waits: a pipe in the place of a file is opened at once, and then it is no file.
pub fn openRead(dir: Handle, path: [:0]const u8) Error!Handle {
    return system.open(dir, path, .{ .CLOEXEC = true, .NOCTTY = true, .NONBLOCK = true }, 0);
}

pub fn openDirectory(dir: Handle, path: [:0]const u8) Error!Handle {
    return system.open(dir, path, .{ .CLOEXEC = true, .DIRECTORY = true, .NOFOLLOW = true }, 0);
}

pub fn create(dir: Handle, path: [:0]const u8, mode: u32) Error!Handle {
    return system.open(dir, path, .{ .ACCMODE = .WRONLY, .CREAT = true, .EXCL = true, .NOFOLLOW = true, .CLOEXEC = true }, mode);
}

pub fn openAppend(dir: Handle, path: [:0]const u8, mode: u32) Error!Handle {
    return system.open(dir, path, .{ .ACCMODE = .WRONLY, .CREAT = true, .APPEND = true, .NOCTTY = true, .CLOEXEC = true }, mode);
}

pub fn openLock(dir: Handle, path: [:0]const u8) Error!Handle {
    return system.open(dir, path, .{ .ACCMODE = .RDWR, .CREAT = true, .NOFOLLOW = true, .CLOEXEC = true }, 0o600);
}

fn openNull() Error!Handle {
    return system.open(system.cwd, "/dev/null", .{ .ACCMODE = .RDWR, .CLOEXEC = true }, 0);
}

pub fn close(file: Handle) void {
    _ = posix.close(file);
}

pub fn read(file: Handle, buffer: []u8) Error!usize {
    return call(posix.read, .{ file, buffer.ptr, buffer.len });
}

pub fn pread(file: Handle, buffer: []u8, offset: u64) Error!usize {
    return call(posix.pread, .{ file, buffer.ptr, buffer.len, @as(i64, @intCast(offset)) });
}

pub fn write(file: Handle, bytes: []const u8) Error!usize {
    return call(posix.write, .{ file, bytes.ptr, bytes.len });
}

pub fn pwrite(file: Handle, bytes: []const u8, offset: u64) Error!usize {
    return call(posix.pwrite, .{ file, bytes.ptr, bytes.len, @as(i64, @intCast(offset)) });
}

pub fn setFileTime(file: Handle, seconds: i64) Error!void {
    const times = twice(seconds);
    _ = try call(posix.futimens, .{ file, &times });
}

pub fn setTime(dir: Handle, path: [:0]const u8, seconds: i64) Error!void {
    const times = twice(seconds);
    _ = try call(posix.utimensat, .{ dir, path.ptr, &times, @as(u32, posix.AT.SYMLINK_NOFOLLOW) });
}

fn twice(seconds: i64) [2]posix.timespec {
    return @splat(.{ .sec = @intCast(seconds), .nsec = 0 });
}

// --- names

pub fn makeDirectory(dir: Handle, path: [:0]const u8, mode: u32) Error!void {
    _ = try call(posix.mkdirat, .{ dir, path.ptr, @as(posix.mode_t, @intCast(mode)) });
}

pub fn rename(from_dir: Handle, from: [:0]const u8, to_dir: Handle, to: [:0]const u8) Error!void {
    _ = try call(posix.renameat, .{ from_dir, from.ptr, to_dir, to.ptr });
}

pub fn link(from_dir: Handle, from: [:0]const u8, to_dir: Handle, to: [:0]const u8) Error!void {
    _ = try call(posix.linkat, .{ from_dir, from.ptr, to_dir, to.ptr, @as(u32, 0) });
}

pub fn symlink(target: [:0]const u8, dir: Handle, path: [:0]const u8) Error!void {
    _ = try call(posix.symlinkat, .{ target.ptr, dir, path.ptr });
}

pub fn readLink(dir: Handle, path: [:0]const u8, buffer: []u8) Error![]u8 {
    return buffer[0..try call(posix.readlinkat, .{ dir, path.ptr, buffer.ptr, buffer.len })];
}

pub fn removeFile(dir: Handle, path: [:0]const u8) Error!void {
    _ = try call(posix.unlinkat, .{ dir, path.ptr, @as(u32, 0) });
}

pub fn removeDirectory(dir: Handle, path: [:0]const u8) Error!void {
    _ = try call(posix.unlinkat, .{ dir, path.ptr, @as(u32, posix.AT.REMOVEDIR) });
}

// --- time

pub fn monotonic() u64 {
    return nanoseconds(.MONOTONIC);
}

pub fn now() i64 {
    return @intCast(nanoseconds(.REALTIME) / std.time.ns_per_s);
}

fn nanoseconds(clock: posix.clockid_t) u64 {
    var time: posix.timespec = undefined;
    _ = posix.clock_gettime(clock, &time);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

pub fn sleep(milliseconds: u32) void {
    const time: posix.timespec = .{ .sec = @intCast(milliseconds / 1000), .nsec = @intCast(milliseconds % 1000 * std.time.ns_per_ms) };
    _ = posix.nanosleep(&time, null);
}

// --- whose a directory is

/// More than any sane file system has; keeps a circle of links from holding the stub up.
const links_max = 40;
pub const path_max = if (builtin.os.tag == .linux) 4096 else 1024;

pub fn isAbsolute(path: []const u8) bool {
    return path.len > 0 and path[0] == '/';
}

/// One `lstat` per component. Whoever can write to any directory on the way could put his own in the place of ours after
/// the check, so a private directory at the end does not make up for an open one above it.
pub fn settle(arena: Allocator, path: []const u8, make: bool, trust: os.Trust) Allocator.Error!os.Settled {
    if (!isAbsolute(path)) return .{ .refused = "not an absolute path" };
    var done: std.ArrayList(u8) = .empty;
    try done.ensureTotalCapacity(arena, path_max + 1);
    var rest: []const u8 = path;
    var links: u32 = 0;
    var way: Way = .{ .trust = trust };
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
            continue;
        }
        if (done.items.len + name.len + 2 > path_max) return .{ .refused = "the path is too long" };
        const before = done.items.len;
        done.appendAssumeCapacity('/');
        done.appendSliceAssumeCapacity(name);
        const here = terminated(&done);
        const found = system.lstat(system.cwd, here) catch |err| found: {
            if (err != error.NotFound) return .{ .refused = try because(arena, "cannot look at", here, os.describe(err)) };
            if (!make) return .missing;
            makeDirectory(system.cwd, here, 0o700) catch |failure| if (failure != error.Exists) {
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
            const buffer = try arena.alloc(u8, path_max);
            const target = readLink(system.cwd, here, buffer) catch |err| return .{ .refused = try because(arena, "cannot read", here, os.describe(err)) };
            done.items.len = if (isAbsolute(target)) 0 else before;
            rest = try std.mem.concat(arena, u8, &.{ target, rest });
            continue;
        }
        if (try refusalOf(arena, here, found, &way)) |reason| return .{ .refused = reason };
    }
    if (done.items.len == 0) done.appendAssumeCapacity('/');
    // A directory like /tmp will do above a place, not as one: others could have made the folders that are to come in it.
    var place: Way = .{ .trust = trust, .at_end = trust == .user };
    if (try checkDirectory(arena, terminated(&done), &place)) |reason| {
        // An uninstall took it away between the two looks.
        return if (system.lstat(system.cwd, terminated(&done)) == error.NotFound) .missing else .{ .refused = reason };
    }
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
        if (uid != unmapped) return own;
        var buffer: [256]u8 = undefined;
        const map = namespaceMap(&buffer) orelse return own;
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
    if (!others_write and (found.mode & 0o020 == 0 or (isPrivateGroup(found.gid) and !system.hasAccessList(path)))) return null;
    if (found.mode & sticky != 0) {
        way.shared = true;
        return null;
    }
    return try because(arena, "others can write to", path, "");
}

fn because(arena: Allocator, what: []const u8, path: []const u8, why: []const u8) Allocator.Error![]const u8 {
    return std.mem.concat(arena, u8, &.{ what, ": ", path, if (why.len > 0) ": " else "", why });
}

/// What the kernel shows for owners that a user namespace does not know.
const unmapped = 65534;

/// Which users the process's namespace knows; empty while it is none of them. null in the first one, which knows all.
fn namespaceMap(buffer: *[256]u8) ?[]const u8 {
    if (builtin.os.tag != .linux) return null;
    const map = readSmall("/proc/self/uid_map", buffer) orelse return null;
    // The first namespace maps every number: "0 0 4294967295".
    return if (std.mem.indexOf(u8, map, "4294967295") == null) map else null;
}

/// Debian and others give each user a group of his own, and `umask 002` with it.
fn isPrivateGroup(gid: u32) bool {
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
    const file = openRead(system.cwd, path) catch return null;
    defer close(file);
    var filled: usize = 0;
    while (filled < buffer.len) {
        const count = read(file, buffer[filled..]) catch return null;
        if (count == 0) return buffer[0..filled];
        filled += count;
    }
    return null;
}

// --- where caches lie

/// The user's cache directory, then the places any user has, with the user's number in the name.
pub fn cacheDirectories(arena: Allocator, environment: Environment) Allocator.Error![]const []const u8 {
    var list: std.ArrayList([]const u8) = .empty;
    if (absolute(variable(environment, "XDG_CACHE_HOME"))) |cache| {
        try list.append(arena, try std.mem.concat(arena, u8, &.{ cache, "/sarma" }));
    }
    if (try homeDirectory(arena, environment)) |home| {
        try list.append(arena, try std.mem.concat(arena, u8, &.{ std.mem.trimEnd(u8, home, "/"), "/" ++ system.user_cache ++ "/sarma" }));
    }
    for (system.shared_directories) |directory| {
        // "" stands for the directory that the environment names.
        const place = if (directory.len > 0) directory else absolute(variable(environment, "TMPDIR")) orelse continue;
        // A system without one does not get one from the stub.
        if (try ownerOf(arena, place) == null) continue;
        var digits: [20]u8 = undefined;
        try list.append(arena, try std.mem.concat(arena, u8, &.{ place, "/sarma-", message.decimal(&digits, system.effectiveUser()) }));
    }
    return list.items;
}

fn absolute(path: ?[]const u8) ?[]const u8 {
    return if (path != null and isAbsolute(path.?)) path else null;
}

/// HOME, or the home of the effective user's entry where HOME is missing or somebody else's (sudo).
fn homeDirectory(arena: Allocator, environment: Environment) Allocator.Error!?[]const u8 {
    if (absolute(variable(environment, "HOME"))) |home| {
        if (try ownerOf(arena, home) == system.effectiveUser()) return home;
    }
    // One that does not exist is not for the stub to create.
    const home = try system.homeOfUser(arena) orelse return null;
    return if (try ownerOf(arena, home) == null) null else home;
}

/// Node looks for modules in HOME too, wherever the one that asks for them lies.
pub fn homeIsOpen(arena: Allocator, environment: Environment) Allocator.Error!bool {
    const home = absolute(variable(environment, "HOME")) orelse return false;
    const found = system.stat(system.cwd, try arena.dupeZ(u8, home)) catch return false;
    return found.mode & 0o002 != 0 or (found.uid != 0 and found.uid != system.effectiveUser());
}

fn ownerOf(arena: Allocator, path: []const u8) Allocator.Error!?u32 {
    const found = system.stat(system.cwd, try arena.dupeZ(u8, path)) catch return null;
    return found.uid;
}

pub fn homeInPasswd(arena: Allocator) Allocator.Error!?[]const u8 {
    const buffer = system.pages(database_max) catch return null;
    defer system.release(buffer);
    const passwd = readSmall("/etc/passwd", buffer) orelse return null;
    var lines = std.mem.splitScalar(u8, passwd, '\n');
    while (lines.next()) |line| {
        const user = User.parse(line) orelse continue;
        if (user.uid == system.effectiveUser() and isAbsolute(user.home)) return try arena.dupe(u8, user.home);
    }
    return null;
}

pub fn preparedDirectories(arena: Allocator, own_path: []const u8) Allocator.Error![]const []const u8 {
    const directory = own_path[0 .. std.mem.lastIndexOfScalar(u8, own_path, '/') orelse 0];
    const parent = directory[0 .. std.mem.lastIndexOfScalar(u8, directory, '/') orelse 0];
    const beside = try std.mem.concat(arena, u8, &.{ parent, "/lib/sarma" });
    if (std.mem.eql(u8, beside, "/usr/lib/sarma")) return arena.dupe([]const u8, &.{beside});
    return arena.dupe([]const u8, &.{ beside, "/usr/lib/sarma" });
}

// --- locks

pub fn tryLock(file: Handle, mode: os.LockMode) Error!bool {
    const operation: i32 = switch (mode) {
        .shared => std.posix.LOCK.SH,
        .exclusive => std.posix.LOCK.EX,
    };
    _ = call(posix.flock, .{ file, operation | std.posix.LOCK.NB }) catch |err| switch (err) {
        error.WouldBlock => return false,
        else => return err,
    };
    return true;
}

pub fn useDirectory(dir: Handle, path: [:0]const u8) Error!?Handle {
    return lockedDirectory(dir, path, .shared);
}

pub fn claimDirectory(dir: Handle, path: [:0]const u8) Error!?Handle {
    return lockedDirectory(dir, path, .exclusive);
}

fn lockedDirectory(dir: Handle, path: [:0]const u8, mode: os.LockMode) Error!?Handle {
    const handle = try openDirectory(dir, path);
    errdefer close(handle);
    if (try tryLock(handle, mode)) return handle;
    close(handle);
    return null;
}

/// The last descriptor in which a program may hold its install.
pub const last_held = 16;

/// Node marks the descriptors 3 to 16 close-on-exec when it starts, so a copy there without that mark reaches the
/// program and none of its children.
pub fn holdForProgram(use: Handle) Error!void {
    for ([_]Handle{ 10, 3 }) |lowest| {
        // `ulimit -n` may be lower than the first.
        const copy = system.duplicateFrom(use, lowest) catch continue;
        if (copy <= last_held) break close(use);
        close(copy);
    } else {
        // All taken by whoever started us. A child that holds the lock too only delays a removal.
        _ = try system.duplicateFrom(use, last_held + 1);
        close(use);
    }
}

// --- modes and numbers

pub fn kindOfMode(mode: u32) os.Kind {
    return switch (mode & 0o170000) {
        0o100000 => .file,
        0o040000 => .directory,
        0o120000 => .link,
        else => .other,
    };
}

pub fn errorOfNumber(number: std.posix.E) Error {
    return switch (number) {
        .NOENT => error.NotFound,
        .EXIST => error.Exists,
        .ACCES, .PERM => error.Denied,
        .NOSPC, .DQUOT => error.NoSpace,
        .FBIG => error.FileTooLarge,
        .ROFS => error.ReadOnly,
        .NOTDIR => error.NotDirectory,
        .ISDIR => error.IsDirectory,
        .NOTEMPTY => error.NotEmpty,
        .LOOP => error.LinkLoop,
        .NAMETOOLONG => error.NameTooLong,
        .BUSY, .TXTBSY => error.Busy,
        .AGAIN => error.WouldBlock,
        .NOSYS, .OPNOTSUPP, .NOLCK => error.Unsupported,
        .MFILE, .NFILE => error.TooManyOpen,
        .NOMEM => error.NoMemory,
        .NOEXEC => error.NotExecutable,
        .@"2BIG" => error.TooBig,
        .IO => error.InputOutput,
        else => error.Unexpected,
    };
}
