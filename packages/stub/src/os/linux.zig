//! Linux by system calls alone: no libc, static; what macOS does the same way is in `unix.zig`. See `os.zig` for what each
//! declaration means.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("../os.zig");
const unix = @import("unix.zig");
const linux = std.os.linux;
const Allocator = std.mem.Allocator;
const Error = os.Error;

pub const Handle = i32;
pub const cwd: Handle = linux.AT.FDCWD;
pub const stdin: Handle = 0;
pub const stdout: Handle = 1;
pub const stderr: Handle = 2;

// --- files

pub fn lstat(dir: Handle, path: [:0]const u8) Error!os.Stat {
    return statx(dir, path, linux.AT.SYMLINK_NOFOLLOW);
}

pub fn stat(dir: Handle, path: [:0]const u8) Error!os.Stat {
    return statx(dir, path, 0);
}

pub fn fstat(file: Handle) Error!os.Stat {
    return statx(file, "", linux.AT.EMPTY_PATH);
}

/// `statx` and not `stat`: the same structure on every CPU, and 64-bit times on 32-bit ones. Kernels before 4.11 do not
/// have it, and containers of Docker before 18.04 forbid it.
fn statx(dir: Handle, path: [*:0]const u8, flags: u32) Error!os.Stat {
    var result: linux.Statx = undefined;
    _ = call(linux.statx, .{ dir, path, flags, linux.STATX.BASIC_STATS, &result }) catch |err| switch (err) {
        error.Unsupported, error.Denied => return fstatat(dir, path, flags),
        else => return err,
    };
    return .{
        .kind = unix.kindOfMode(result.mode),
        .mode = result.mode & 0o7777,
        .uid = result.uid,
        .gid = result.gid,
        .size = result.size,
        .seconds = result.mtime.sec,
        .nanoseconds = result.mtime.nsec,
        .device = (@as(u64, result.dev_major) << 32) | result.dev_minor,
        .inode = result.ino,
    };
}

/// What there was before. `struct stat`, or `stat64` on 32-bit CPUs, by the places of what is asked for
/// (arch/*/include/uapi/asm/stat.h).
fn fstatat(dir: Handle, path: [*:0]const u8, flags: u32) Error!os.Stat {
    const at: struct { device: usize = 0, inode: usize, mode: usize, uid: usize, size: usize, time: usize } = switch (builtin.cpu.arch) {
        .x86_64, .powerpc64le => .{ .inode = 8, .mode = 24, .uid = 28, .size = 48, .time = 88 },
        .aarch64 => .{ .inode = 8, .mode = 16, .uid = 24, .size = 48, .time = 88 },
        .s390x => .{ .inode = 8, .mode = 24, .uid = 28, .size = 48, .time = 72 },
        .arm => .{ .inode = 96, .mode = 16, .uid = 24, .size = 48, .time = 80 },
        else => @compileError("no such target in targets.json"),
    };
    var bytes: [144]u8 align(8) = undefined;
    _ = try check(linux.syscall4(.fstatat64, @bitCast(@as(isize, dir)), @intFromPtr(path), @intFromPtr(&bytes), flags));
    const mode = std.mem.bytesToValue(u32, bytes[at.mode..][0..4]);
    return .{
        .kind = unix.kindOfMode(mode),
        .mode = mode & 0o7777,
        .uid = std.mem.bytesToValue(u32, bytes[at.uid..][0..4]),
        .gid = std.mem.bytesToValue(u32, bytes[at.uid + 4 ..][0..4]),
        .size = std.mem.bytesToValue(u64, bytes[at.size..][0..8]),
        .seconds = std.mem.bytesToValue(isize, bytes[at.time..][0..@sizeOf(isize)]),
        .nanoseconds = @intCast(std.mem.bytesToValue(usize, bytes[at.time + @sizeOf(usize) ..][0..@sizeOf(usize)])),
        .device = std.mem.bytesToValue(u64, bytes[at.device..][0..8]),
        .inode = std.mem.bytesToValue(u64, bytes[at.inode..][0..8]),
    };
}

test "the old way to look at a file tells what the new one does" {
    for ([_][:0]const u8{ "/", "/tmp", "/proc/self/exe", "/dev/null" }) |path| {
        var old = try fstatat(cwd, path, 0);
        const new = try statx(cwd, path, 0);
        // They number devices each in its own way.
        old.device = new.device;
        try std.testing.expectEqual(new, old);
    }
}

pub fn open(dir: Handle, path: [:0]const u8, flags: linux.O, mode: u32) Error!Handle {
    var wanted = flags;
    if (@hasField(linux.O, "LARGEFILE")) wanted.LARGEFILE = true;
    return @intCast(try call(linux.openat, .{ dir, path.ptr, wanted, mode }));
}

pub fn allocate(file: Handle, size: u64) Error!void {
    if (size == 0) return;
    // There it would look for every page, one after the other, before any thread had begun, and each `write` once more.
    if (isInMemory(file)) return setSize(file, size);
    _ = call(linux.fallocate, .{ file, 0, 0, @as(i64, @intCast(size)) }) catch |err| switch (err) {
        // Not every file system can reserve, or is allowed to; a file of the right size is enough then.
        error.Unsupported, error.Unexpected, error.Denied => return setSize(file, size),
        else => return err,
    };
}

fn isInMemory(file: Handle) bool {
    var result: Statfs = undefined;
    _ = if (@hasField(linux.SYS, "fstatfs64"))
        check(linux.syscall3(.fstatfs64, @as(u32, @bitCast(file)), statfs64_size, @intFromPtr(&result))) catch return false
    else
        check(linux.syscall2(.fstatfs, @as(u32, @bitCast(file)), @intFromPtr(&result))) catch return false;
    const tmpfs = 0x01021994;
    return result.type == tmpfs;
}

fn setSize(file: Handle, size: u64) Error!void {
    _ = try call(linux.ftruncate, .{ file, @as(i64, @intCast(size)) });
}

pub fn copyRange(from: Handle, from_offset: u64, to: Handle, to_offset: u64, size: u64) Error!usize {
    var source: i64 = @intCast(from_offset);
    var target: i64 = @intCast(to_offset);
    return call(linux.copy_file_range, .{ from, &source, to, &target, @as(usize, @intCast(size)), 0 });
}

pub fn syncFileSystem(file: Handle) Error!void {
    _ = try call(linux.syncfs, .{file});
}

// --- names

/// `getdents64`: records of inode (8), offset (8), length (2), type (1), name.
pub const Entries = struct {
    directory: Handle,
    buffer: [4096]u8 align(8) = undefined,
    filled: usize = 0,
    at: usize = 0,

    pub fn of(directory: Handle) Entries {
        return .{ .directory = directory };
    }

    pub fn next(entries: *Entries) Error!?[:0]const u8 {
        while (true) {
            if (entries.at >= entries.filled) {
                entries.filled = try call(linux.getdents64, .{ entries.directory, &entries.buffer, entries.buffer.len });
                entries.at = 0;
                if (entries.filled == 0) return null;
            }
            const record = entries.buffer[entries.at..entries.filled];
            entries.at += std.mem.readInt(u16, record[16..18], builtin.cpu.arch.endian());
            const name = std.mem.sliceTo(@as([*:0]const u8, @ptrCast(record[19..].ptr)), 0);
            if (!std.mem.eql(u8, name, ".") and !std.mem.eql(u8, name, "..")) return name;
        }
    }
};

// --- descriptors

pub fn duplicateFrom(file: Handle, lowest: Handle) Error!Handle {
    return @intCast(try call(linux.fcntl, .{ file, linux.F.DUPFD, @as(usize, @intCast(lowest)) }));
}

pub fn isOpen(file: Handle) bool {
    return linux.errno(linux.fcntl(file, linux.F.GETFD, 0)) != .BADF;
}

// --- the place

pub fn fileSystem(path: [:0]const u8) Error!os.FileSystem {
    var result: Statfs = undefined;
    _ = if (@hasField(linux.SYS, "statfs64"))
        try check(linux.syscall3(.statfs64, @intFromPtr(path.ptr), statfs64_size, @intFromPtr(&result)))
    else
        try check(linux.syscall2(.statfs, @intFromPtr(path.ptr), @intFromPtr(&result)));
    const type_number: u32 = @truncate(result.type);
    return .{
        .available = @as(u64, result.available) *| @as(u64, result.fragment_size),
        .noexec = result.flags & st_noexec != 0,
        .read_only = result.flags & st_rdonly != 0,
        .network = std.mem.indexOfScalar(u32, &network_file_systems, type_number) != null,
        .removable = std.mem.indexOfScalar(u32, &removable_file_systems, type_number) != null,
    };
}

/// `struct statfs`: words of 32 bits on s390x and on 32-bit CPUs (there `statfs64`), of 64 elsewhere.
const Statfs = extern struct {
    type: Word,
    block_size: Word,
    blocks: u64,
    free: u64,
    available: u64,
    files: u64,
    files_free: u64,
    id: [2]u32,
    name_length: Word,
    fragment_size: Word,
    flags: Word,
    spare: [5]Word,

    const Word = switch (builtin.cpu.arch) {
        .s390x, .arm => u32,
        else => u64,
    };
};
/// The size the kernel has for it on 32-bit CPUs, without C's padding at the end.
const statfs64_size = 84;
const st_rdonly = 1;
const st_noexec = 8;

/// `f_type` of statfs(2) and linux/magic.h: nfs, smb, smb2, cifs, fuse, 9p, afs, coda, ceph, lustre,
/// gpfs, ocfs2, gfs2, vboxsf, beegfs.
const network_file_systems = [_]u32{
    0x6969,     0x517B,     0xFE534D42, 0xFF534D42, 0x65735546, 0x01021997, 0x5346414F, 0x73757245,
    0x00C36400, 0x0BD00BD0, 0x47504653, 0x7461636F, 0x01161970, 0x786F4256, 0x19830326,
};
/// vfat, exfat, ntfs, ntfs3, hfs+.
const removable_file_systems = [_]u32{ 0x4D44, 0x2011BAB0, 0x5346544E, 0x7366746E, 0x482B };

// --- the process

/// What `ownPath` found out.
var has_proc = false;

/// Whether a program can learn from the system which file it is.
pub fn hasProc() bool {
    return has_proc;
}

pub fn ownPath(arena: Allocator) (Error || Allocator.Error)![:0]const u8 {
    var buffer: [4096]u8 = undefined;
    if (unix.readLink(cwd, "/proc/self/exe", &buffer)) |target| {
        has_proc = true;
        const deleted = " (deleted)";
        if (std.mem.endsWith(u8, target, deleted)) {
            const whole = try arena.dupeZ(u8, target);
            // A file may really be called that.
            if (lstat(cwd, whole)) |_| return whole else |_| {}
            return arena.dupeZ(u8, target[0 .. target.len - deleted.len]);
        }
        if (target.len > 0 and target[0] == '/') return arena.dupeZ(u8, target);
    } else |_| {}
    const name = linux.getauxval(std.elf.AT_EXECFN);
    if (name == 0) return error.NotFound;
    const given = std.mem.sliceTo(@as([*:0]const u8, @ptrFromInt(name)), 0);
    if (std.mem.startsWith(u8, given, "/")) return arena.dupeZ(u8, given);
    const length = try check(linux.getcwd(&buffer, buffer.len));
    return std.mem.joinZ(arena, "/", &.{ buffer[0 .. length - 1], given });
}

pub fn openSelf(own_path: [:0]const u8) Error!Handle {
    return unix.openRead(cwd, "/proc/self/exe") catch unix.openRead(cwd, own_path);
}

pub fn bootId(buffer: *[64]u8) ?[]const u8 {
    const file = unix.openRead(cwd, "/proc/sys/kernel/random/boot_id") catch return null;
    defer unix.close(file);
    const length = unix.read(file, buffer) catch return null;
    const id = std.mem.trimEnd(u8, buffer[0..length], "\n");
    return if (id.len == 0) null else id;
}

pub fn processorCount() usize {
    var set: linux.cpu_set_t = undefined;
    const length = check(linux.syscall3(.sched_getaffinity, 0, @sizeOf(linux.cpu_set_t), @intFromPtr(&set))) catch return 1;
    var count: usize = 0;
    for (std.mem.asBytes(&set)[0..length]) |byte| count += @popCount(byte);
    return @max(count, 1);
}

pub const processesInside = @import("linux_processes.zig").inside;

pub fn random(buffer: []u8) void {
    var filled: usize = 0;
    while (filled < buffer.len) {
        // Linux 3.17 has it, and a Node of this age needs more.
        filled += call(linux.getrandom, .{ buffer.ptr + filled, buffer.len - filled, 0 }) catch unreachable;
    }
}

pub fn memoryFile(inherited: bool) Error!Handle {
    // Linux 6.3 wants to be told that it will be executed, and older ones do not know the word.
    const exec = 0x10;
    const file: Handle = @intCast(call(linux.memfd_create, .{ "node", linux.MFD.CLOEXEC | exec }) catch |err| again: {
        if (err != error.Unexpected) return err;
        break :again try call(linux.memfd_create, .{ "node", linux.MFD.CLOEXEC });
    });
    if (!inherited) return file;
    defer unix.close(file);
    // Where Node marks it close-on-exec, and no shell has descriptors of its own.
    return duplicateFrom(file, 10);
}

pub fn isTerminal(file: Handle) bool {
    var settings: linux.termios = undefined;
    return linux.errno(linux.tcgetattr(file, &settings)) == .SUCCESS;
}

pub fn isInBackground(file: Handle) bool {
    var group: linux.pid_t = 0;
    if (linux.errno(linux.tcgetpgrp(file, &group)) != .SUCCESS) return false;
    // 0: one that this PID namespace does not know.
    return group != 0 and group != linux.getpgid(0);
}

pub fn pages(size: usize) Error![]align(4096) u8 {
    const address = try check(linux.mmap(null, size, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true }, -1, 0));
    const memory = @as([*]align(4096) u8, @ptrFromInt(address))[0..size];
    // Fewer page faults for the large buffers of an installation.
    if (size >= 4 << 20) _ = linux.madvise(memory.ptr, size, linux.MADV.HUGEPAGE);
    return memory;
}

pub fn release(memory: []align(4096) u8) void {
    _ = linux.munmap(memory.ptr, memory.len);
}

pub fn beginInstalling() usize {
    unix.outliveFileLimit();
    return linux.syscall1(.umask, 0o022);
}

pub fn endInstalling(before: usize) void {
    _ = linux.syscall1(.umask, before);
}

pub fn exit(code: u8) noreturn {
    linux.exit_group(code);
}

/// Whether more users than the mode says are allowed something (acl(5)).
pub fn hasAccessList(path: [:0]const u8) bool {
    var nothing: [0]u8 = .{};
    const result = linux.lgetxattr(path.ptr, "system.posix_acl_access", &nothing, 0);
    return linux.errno(result) == .SUCCESS and result > 0;
}

pub fn isWritable(path: [:0]const u8) bool {
    return linux.errno(linux.faccessat(cwd, path.ptr, linux.W_OK, 0)) == .SUCCESS;
}

pub fn effectiveUser() u32 {
    return @intCast(linux.getauxval(std.elf.AT_EUID));
}

pub fn effectiveGroup() u32 {
    return @intCast(linux.getauxval(std.elf.AT_EGID));
}

/// Where caches lie below the home directory.
pub const user_cache = ".cache";
pub const homeOfUser = @import("unix_accounts.zig").homeInPasswd;
/// For users without a home, and hosts where it is read-only or without room.
pub const shared_directories = [_][]const u8{ "/var/tmp", "", "/tmp", "/dev/shm" };

// --- calls

/// Repeats an interrupted call and turns its error number into an error.
pub fn call(comptime function: anytype, arguments: anytype) Error!usize {
    while (true) {
        const result = @call(.auto, function, arguments);
        if (linux.errno(result) == .INTR) continue;
        return check(result);
    }
}

fn check(result: usize) Error!usize {
    return switch (linux.errno(result)) {
        .SUCCESS => result,
        else => |number| unix.errorOfNumber(number),
    };
}

pub fn execute(path: [:0]const u8, arguments: [*:null]const ?[*:0]const u8, environment: [*:null]const ?[*:0]const u8) Error {
    _ = check(linux.execve(path.ptr, arguments, environment)) catch |err| return err;
    return error.Unexpected;
}
