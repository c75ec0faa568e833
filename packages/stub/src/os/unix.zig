//! What Linux and macOS share: the calls that POSIX names, locks by `flock`, error numbers. See `os.zig` for what each
//! declaration means.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("../os.zig");
const place = @import("unix_place.zig");
const system = switch (builtin.os.tag) {
    .linux => @import("linux.zig"),
    else => @import("darwin.zig"),
};
/// The system calls of Linux, the functions of libSystem on macOS: the same names, and nearly the same types.
const posix = std.posix.system;
const call = system.call;
const Error = os.Error;
const Handle = system.Handle;

pub const settle = place.settle;
pub const belongs = place.belongs;
pub const cacheDirectories = place.cacheDirectories;
pub const homeIsOpen = place.homeIsOpen;
pub const preparedDirectories = place.preparedDirectories;

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

const stopping_signals = [_]std.posix.SIG{ .HUP, .INT, .TERM };

fn stopping() std.posix.sigset_t {
    var set = std.posix.sigemptyset();
    for (stopping_signals) |signal| std.posix.sigaddset(&set, signal);
    return set;
}

pub fn holdStopping() std.posix.sigset_t {
    var before: std.posix.sigset_t = undefined;
    std.posix.sigprocmask(std.posix.SIG.BLOCK, &stopping(), &before);
    return before;
}

pub fn letStopping(before: std.posix.sigset_t) void {
    std.posix.sigprocmask(std.posix.SIG.SETMASK, &before, null);
}

pub fn onStopping(comptime handler: fn () void) void {
    const caught: std.posix.Sigaction = .{
        .handler = .{
            .handler = struct {
                fn stop(signal: std.posix.SIG) callconv(.c) void {
                    handler();
                    const by_default: std.posix.Sigaction = .{ .handler = .{ .handler = std.posix.SIG.DFL }, .mask = std.posix.sigemptyset(), .flags = 0 };
                    std.posix.sigaction(signal, &by_default, null);
                    _ = posix.kill(posix.getpid(), signal);
                    std.posix.sigprocmask(std.posix.SIG.UNBLOCK, &stopping(), null);
                    // The kernel spares the first process of a container.
                    system.exit(128 + @as(u8, @intCast(@intFromEnum(signal))));
                }
            }.stop,
        },
        // One after the other.
        .mask = stopping(),
        .flags = 0,
    };
    for (stopping_signals) |signal| {
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

pub const path_max = if (builtin.os.tag == .linux) 4096 else 1024;

pub fn makeDirectory(dir: Handle, path: [:0]const u8, mode: u32) Error!void {
    _ = try call(posix.mkdirat, .{ dir, path.ptr, @as(posix.mode_t, @intCast(mode)) });
}

pub fn setMode(dir: Handle, path: [:0]const u8, mode: u32) Error!void {
    const bits: posix.mode_t = @intCast(mode);
    const opened = openDirectory(dir, path) catch |err| {
        if (err != error.Denied) return err;
        // Its owner took all permissions away.
        _ = if (builtin.os.tag == .linux) try call(posix.fchmodat, .{ dir, path.ptr, bits }) else try call(posix.fchmodat, .{ dir, path.ptr, bits, @as(c_uint, posix.AT.SYMLINK_NOFOLLOW) });
        return;
    };
    defer close(opened);
    _ = try call(posix.fchmod, .{ opened, bits });
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
    // Not by the page of code that the kernel maps for it: to find the function there takes longer than the few calls.
    if (builtin.os.tag == .linux and @sizeOf(usize) == 8)
        _ = std.os.linux.syscall2(.clock_gettime, @intFromEnum(clock), @intFromPtr(&time))
    else
        _ = posix.clock_gettime(clock, &time);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

pub fn sleep(milliseconds: u32) void {
    const time: posix.timespec = .{ .sec = @intCast(milliseconds / 1000), .nsec = @intCast(milliseconds % 1000 * std.time.ns_per_ms) };
    _ = posix.nanosleep(&time, null);
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
        // `use` itself is closed by `execve`.
        if (copy <= last_held) return;
        close(copy);
    }
    // All taken by whoever started us. A child that holds the lock too only delays a removal.
    _ = try system.duplicateFrom(use, last_held + 1);
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
