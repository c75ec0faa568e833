//! macOS through libSystem, which is the only stable interface there; what Linux does the same way is in `unix.zig`. See
//! `os.zig` for what each declaration means.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("../os.zig");
const unix = @import("unix.zig");
const c = std.c;
const Allocator = std.mem.Allocator;
const Error = os.Error;

pub const Handle = c.fd_t;
pub const cwd: Handle = c.AT.FDCWD;
pub const stdin: Handle = 0;
pub const stdout: Handle = 1;
pub const stderr: Handle = 2;

/// Where caches lie below the home directory.
pub const user_cache = "Library/Caches";
/// For users without a home, and hosts where it is read-only or without room. "" is $TMPDIR.
pub const shared_directories = [_][]const u8{ "/var/tmp", "", "/tmp" };

// --- files

pub fn lstat(dir: Handle, path: [:0]const u8) Error!os.Stat {
    var result: c.Stat = undefined;
    _ = try call(c.fstatat, .{ dir, path.ptr, &result, c.AT.SYMLINK_NOFOLLOW });
    return converted(result);
}

pub fn stat(dir: Handle, path: [:0]const u8) Error!os.Stat {
    var result: c.Stat = undefined;
    _ = try call(c.fstatat, .{ dir, path.ptr, &result, 0 });
    return converted(result);
}

pub fn fstat(file: Handle) Error!os.Stat {
    var result: c.Stat = undefined;
    _ = try call(c.fstat, .{ file, &result });
    return converted(result);
}

fn converted(found: c.Stat) os.Stat {
    return .{
        .kind = unix.kindOfMode(found.mode),
        .mode = found.mode & 0o7777,
        .uid = found.uid,
        .gid = found.gid,
        .size = @intCast(found.size),
        .seconds = found.mtimespec.sec,
        .nanoseconds = @intCast(found.mtimespec.nsec),
        .device = @as(u32, @bitCast(found.dev)),
        .inode = found.ino,
    };
}

pub fn open(dir: Handle, path: [:0]const u8, flags: c.O, mode: u32) Error!Handle {
    return @intCast(try call(c.openat, .{ dir, path.ptr, flags, @as(c_uint, mode) }));
}

/// `fstore_t` of fcntl(2), F_PREALLOCATE.
const Store = extern struct {
    flags: u32,
    position_mode: i32,
    offset: i64,
    length: i64,
    allocated: i64,
};

pub fn allocate(file: Handle, size: u64) Error!void {
    if (size == 0) return;
    const allocate_all = 4;
    const from_end_of_file = 3;
    var store: Store = .{ .flags = allocate_all, .position_mode = from_end_of_file, .offset = 0, .length = @intCast(size), .allocated = 0 };
    _ = call(c.fcntl, .{ file, @as(c_int, c.F.PREALLOCATE), &store }) catch |err| switch (err) {
        error.NoSpace => return err,
        // Not every file system can reserve; a file of the right size is enough then.
        else => {},
    };
    _ = try call(c.ftruncate, .{ file, @as(i64, @intCast(size)) });
}

pub fn copyRange(_: Handle, _: u64, _: Handle, _: u64, _: u64) Error!usize {
    return error.Unsupported;
}

pub fn syncFileSystem(_: Handle) Error!void {
    c.sync();
}

// --- names

extern "c" fn __getdirentries64(directory: c_int, buffer: [*]u8, size: usize, position: *i64) isize;

/// `__getdirentries64`, as `readdir` uses it: records of `struct dirent` with 64-bit inodes.
pub const Entries = struct {
    directory: Handle,
    buffer: [8192]u8 align(8) = undefined,
    filled: usize = 0,
    at: usize = 0,
    seek: i64 = 0,

    pub fn of(directory: Handle) Entries {
        return .{ .directory = directory };
    }

    pub fn next(entries: *Entries) Error!?[:0]const u8 {
        while (true) {
            if (entries.at >= entries.filled) {
                entries.filled = try call(__getdirentries64, .{ entries.directory, &entries.buffer, entries.buffer.len, &entries.seek });
                entries.at = 0;
                if (entries.filled == 0) return null;
            }
            // inode (8), seek offset (8), record length (2), name length (2), type (1), name.
            const record = entries.buffer[entries.at..entries.filled];
            entries.at += std.mem.readInt(u16, record[16..18], .little);
            if (std.mem.readInt(u64, record[0..8], .little) == 0) continue;
            const name = std.mem.sliceTo(@as([*:0]const u8, @ptrCast(record[21..].ptr)), 0);
            if (!std.mem.eql(u8, name, ".") and !std.mem.eql(u8, name, "..")) return name;
        }
    }
};

// --- descriptors

pub fn duplicateFrom(file: Handle, lowest: Handle) Error!Handle {
    return @intCast(try call(c.fcntl, .{ file, @as(c_int, c.F.DUPFD), lowest }));
}

pub fn isOpen(file: Handle) bool {
    return c.fcntl(file, c.F.GETFD) != -1;
}

// --- the place

/// `struct statfs` with 64-bit inodes, sys/mount.h.
const Statfs = extern struct {
    block_size: u32,
    io_size: i32,
    blocks: u64,
    free: u64,
    available: u64,
    files: u64,
    files_free: u64,
    id: [2]i32,
    owner: u32,
    type: u32,
    flags: u32,
    subtype: u32,
    type_name: [16]u8,
    mounted_on: [1024]u8,
    mounted_from: [1024]u8,
    extended_flags: u32,
    reserved: [7]u32,
};
extern "c" fn @"statfs$INODE64"(path: [*:0]const u8, result: *Statfs) c_int;
extern "c" fn statfs(path: [*:0]const u8, result: *Statfs) c_int;
const statfs64 = if (builtin.cpu.arch == .x86_64) @"statfs$INODE64" else statfs;

const mount_rdonly = 0x1;
const mount_noexec = 0x4;
const mount_removable = 0x200;
const mount_local = 0x1000;

pub fn fileSystem(path: [:0]const u8) Error!os.FileSystem {
    var result: Statfs = undefined;
    _ = try call(statfs64, .{ path.ptr, &result });
    return .{
        .available = result.available *| result.block_size,
        .noexec = result.flags & mount_noexec != 0,
        .read_only = result.flags & mount_rdonly != 0,
        .network = result.flags & mount_local == 0,
        .removable = result.flags & mount_removable != 0,
    };
}

pub fn homeOfUser(arena: Allocator) Allocator.Error!?[]const u8 {
    const entry = c.getpwuid(c.geteuid()) orelse return null;
    const home = std.mem.sliceTo(entry.dir orelse return null, 0);
    return if (std.fs.path.isAbsolutePosix(home)) try arena.dupe(u8, home) else null;
}

// --- the process

pub fn ownPath(arena: Allocator) (Error || Allocator.Error)![:0]const u8 {
    var given: [4096:0]u8 = undefined;
    var size: u32 = given.len;
    if (c._NSGetExecutablePath(&given, &size) != 0) return error.NameTooLong;
    const buffer = try arena.alloc(u8, c.PATH_MAX);
    const resolved = c.realpath(&given, buffer.ptr) orelse return error.NotFound;
    return std.mem.sliceTo(resolved, 0);
}

pub fn openSelf(own_path: [:0]const u8) Error!Handle {
    return unix.openRead(cwd, own_path);
}

pub fn bootId(buffer: *[64]u8) ?[]const u8 {
    var size: usize = buffer.len;
    if (c.sysctlbyname("kern.bootsessionuuid", buffer, &size, null, 0) != 0) return null;
    const id = std.mem.sliceTo(buffer[0..size], 0);
    return if (id.len == 0) null else id;
}

pub fn processorCount() usize {
    var count: c_int = 0;
    var size: usize = @sizeOf(c_int);
    if (c.sysctlbyname("hw.logicalcpu", &count, &size, null, 0) != 0 or count < 1) return 1;
    return @intCast(count);
}

extern "c" fn proc_listallpids(buffer: ?[*]c_int, size: c_int) c_int;
extern "c" fn proc_pidpath(pid: c_int, buffer: [*]u8, size: u32) c_int;

pub fn processesInside(arena: Allocator, path: []const u8) Allocator.Error![]const u32 {
    var found: std.ArrayList(u32) = .empty;
    const processes = try arena.alloc(c_int, 16384);
    const count = proc_listallpids(processes.ptr, @intCast(processes.len * @sizeOf(c_int)));
    if (count <= 0) return &.{};
    var buffer: [4096]u8 = undefined;
    for (processes[0..@min(processes.len, @as(usize, @intCast(count)))]) |pid| {
        const length = proc_pidpath(pid, &buffer, buffer.len);
        if (length <= path.len or pid == c.getpid()) continue;
        const program = buffer[0..@intCast(length)];
        if (program[path.len] == '/' and std.mem.startsWith(u8, program, path)) try found.append(arena, @intCast(pid));
    }
    return found.items;
}

pub fn random(buffer: []u8) void {
    c.arc4random_buf(buffer.ptr, buffer.len);
}

pub fn hasProc() bool {
    return true;
}

pub fn isTerminal(file: Handle) bool {
    return c.isatty(file) == 1;
}

pub fn isInBackground(file: Handle) bool {
    const group = tcgetpgrp(file);
    return group > 0 and group != getpgrp();
}

extern "c" fn tcgetpgrp(file: c_int) c.pid_t;
extern "c" fn getpgrp() c.pid_t;

pub fn pages(size: usize) Error![]align(4096) u8 {
    const address = c.mmap(null, size, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true }, -1, 0);
    if (address == c.MAP_FAILED) return error.NoMemory;
    return @as([*]align(4096) u8, @ptrCast(@alignCast(address)))[0..size];
}

pub fn release(memory: []align(4096) u8) void {
    _ = c.munmap(@ptrCast(@alignCast(memory.ptr)), memory.len);
}

pub fn beginInstalling() c.mode_t {
    unix.outliveFileLimit();
    return c.umask(0o022);
}

pub fn endInstalling(before: c.mode_t) void {
    _ = c.umask(before);
}

pub fn exit(code: u8) noreturn {
    c._exit(code);
}

/// Nobody has a group of his own there, for which alone this is asked.
pub fn hasAccessList(_: [:0]const u8) bool {
    return true;
}

/// Asked only in namespaces, which there are none of.
pub fn isWritable(_: [:0]const u8) bool {
    return false;
}

pub fn effectiveUser() u32 {
    return c.geteuid();
}

pub fn effectiveGroup() u32 {
    return c.getegid();
}

// --- calls

/// Repeats an interrupted call and turns -1 into an error.
pub fn call(comptime function: anytype, arguments: anytype) Error!usize {
    while (true) {
        const result = @call(.auto, function, arguments);
        if (result != -1) return @intCast(result);
        switch (@as(c.E, @enumFromInt(c._errno().*))) {
            .INTR => continue,
            else => |number| return unix.errorOfNumber(number),
        }
    }
}

pub fn execute(path: [:0]const u8, arguments: [*:null]const ?[*:0]const u8, environment: [*:null]const ?[*:0]const u8) Error {
    _ = call(c.execve, .{ path.ptr, arguments, environment }) catch |err| return err;
    return error.Unexpected;
}
