//! What the stub asks of the operating system, and nothing else. One of `os/linux.zig`,
//! `os/darwin.zig`, `os/windows.zig` is chosen when compiling, the first two with `os/unix.zig`; together they declare
//! everything that is re-exported here, with the meaning documented here.
//!
//! Paths are bytes (UTF-8 of any form; WTF-8 on Windows), end with NUL, and separate with `/`
//! (Windows takes both). A function that takes `dir` resolves a relative path against that open
//! directory; `cwd` stands there for absolute paths. Nothing here follows a symbolic link in the
//! last component except `stat`, `openRead`, `openAppend` and `fileSystem`. Interrupted calls are repeated.
//! Every descriptor is opened so that the program does not inherit it.

const builtin = @import("builtin");

/// Whether a file has permission bits of its own.
/// The mode of a base has this bit (sticky, which means nothing in a private directory) where a run made it, and not the user.
/// A file in it would tell too late, or be gone too early, for runs that meet.
pub const made_by_us = 0o1000;
pub const keeps_modes = builtin.os.tag != .windows;

const system = switch (builtin.os.tag) {
    .linux => @import("os/linux.zig"),
    .macos => @import("os/darwin.zig"),
    .windows => @import("os/windows.zig"),
    else => @compileError("no such target in targets.json"),
};
/// Where Linux and macOS do the same.
const family = if (builtin.os.tag == .windows) system else @import("os/unix.zig");

/// What can go wrong below. `describe` has the words for it.
pub const Error = error{
    NotFound,
    Exists,
    Denied,
    NoSpace,
    /// Larger than the file system or a limit (`ulimit -f`) allows.
    FileTooLarge,
    ReadOnly,
    NotDirectory,
    IsDirectory,
    NotEmpty,
    LinkLoop,
    NameTooLong,
    Busy,
    WouldBlock,
    Unsupported,
    TooManyOpen,
    NoMemory,
    NotExecutable,
    TooBig,
    InputOutput,
    Unexpected,
};

pub const Kind = enum { file, directory, link, other };

/// What the stub wants to know about a file. Windows: `mode` is 0o755, the owners are 0 (it checks
/// access lists in `settle` instead), `device` and `inode` are volume and file index.
pub const Stat = struct {
    kind: Kind,
    /// Permission bits, with set-id and sticky.
    mode: u32,
    uid: u32,
    gid: u32,
    /// Bytes.
    size: u64,
    /// Modification time since 1970.
    seconds: i64,
    nanoseconds: u32,
    device: u64,
    inode: u64,

    pub fn same(a: Stat, b: Stat) bool {
        return a.device == b.device and a.inode == b.inode;
    }
};

/// What a file system says about itself.
pub const FileSystem = struct {
    /// Bytes that this user may still write.
    available: u64,
    noexec: bool,
    read_only: bool,
    /// Locks cannot be trusted, and other machines may write (NFS, SMB, FUSE, 9p …).
    network: bool,
    /// May be pulled out: what is written must be synced at once.
    removable: bool,
};

pub const LockMode = enum { shared, exclusive };

pub const Handle = system.Handle;
/// Given as `dir` with an absolute path.
pub const cwd: Handle = system.cwd;
pub const stdin: Handle = system.stdin;
pub const stdout: Handle = system.stdout;
pub const stderr: Handle = system.stderr;
/// What joins the parts of a path.
pub const separator = if (builtin.os.tag == .windows) '\\' else '/';

// --- files

/// Does not follow a link at the end.
pub const lstat = system.lstat; // fn (dir: Handle, path: [:0]const u8) Error!Stat
/// Whatever it is, a link that leads nowhere too.
pub fn exists(dir: Handle, path: [:0]const u8) bool {
    return if (lstat(dir, path)) |_| true else |_| false;
}
pub const stat = system.stat; // fn (dir: Handle, path: [:0]const u8) Error!Stat
pub const fstat = system.fstat; // fn (file: Handle) Error!Stat
pub const openRead = family.openRead; // fn (dir: Handle, path: [:0]const u8) Error!Handle
/// Fails with `LinkLoop` or `NotDirectory` where the path is a link.
pub const openDirectory = family.openDirectory; // fn (dir: Handle, path: [:0]const u8) Error!Handle
/// A new file for writing; `Exists` if there is anything by that name.
pub const create = family.create; // fn (dir: Handle, path: [:0]const u8, mode: u32) Error!Handle
/// For writing at the end, created when missing.
pub const openAppend = family.openAppend; // fn (dir: Handle, path: [:0]const u8, mode: u32) Error!Handle
/// A lock file: opened for writing, created (0600) when missing.
pub const openLock = family.openLock; // fn (dir: Handle, path: [:0]const u8) Error!Handle
pub const close = family.close; // fn (file: Handle) void
/// 0 at the end of the file.
pub const read = family.read; // fn (file: Handle, buffer: []u8) Error!usize
pub const pread = family.pread; // fn (file: Handle, buffer: []u8, offset: u64) Error!usize
pub const write = family.write; // fn (file: Handle, bytes: []const u8) Error!usize
pub const pwrite = family.pwrite; // fn (file: Handle, bytes: []const u8, offset: u64) Error!usize
/// All of it, where the file stands.
pub fn writeAll(file: Handle, bytes: []const u8) Error!void {
    var rest = bytes;
    while (rest.len > 0) rest = rest[try write(file, rest)..];
}
/// From one file into another, without the bytes passing through here; returns how many were copied. Linux. Fails with whatever
/// the file systems do not like: then they have to be read and written.
pub const copyRange = system.copyRange; // fn (from: Handle, from_offset: u64, to: Handle, to_offset: u64, size: u64) Error!usize
/// Gives the file its size and reserves the room where the file system can; `NoSpace` if there is none.
pub const allocate = system.allocate; // fn (file: Handle, size: u64) Error!void
/// Modification and access time, whole seconds since 1970.
pub const setFileTime = family.setFileTime; // fn (file: Handle, seconds: i64) Error!void
/// The same by name, for directories and links.
pub const setTime = family.setTime; // fn (dir: Handle, path: [:0]const u8, seconds: i64) Error!void
/// Flushes everything below the open directory (Unix: the whole file system that it is on).
pub const syncFileSystem = system.syncFileSystem; // fn (file: Handle) Error!void

// --- names

/// Of a directory; never of what a link leads to. Windows: nothing to be done.
pub const setMode = family.setMode; // fn (dir: Handle, path: [:0]const u8, mode: u32) Error!void
pub const makeDirectory = family.makeDirectory; // fn (dir: Handle, path: [:0]const u8, mode: u32) Error!void
/// Replaces an existing file, never a directory that is not empty.
pub const rename = family.rename; // fn (from_dir: Handle, from: [:0]const u8, to_dir: Handle, to: [:0]const u8) Error!void
/// A second name for a file; `Exists` if the name is taken.
pub const link = family.link; // fn (from_dir: Handle, from: [:0]const u8, to_dir: Handle, to: [:0]const u8) Error!void
/// Windows: a junction for a directory (`target` resolved against the link), else `Unsupported`.
pub const symlink = family.symlink; // fn (target: [:0]const u8, dir: Handle, path: [:0]const u8) Error!void
pub const readLink = family.readLink; // fn (dir: Handle, path: [:0]const u8, buffer: []u8) Error![]u8
pub const removeFile = family.removeFile; // fn (dir: Handle, path: [:0]const u8) Error!void
pub const removeDirectory = family.removeDirectory; // fn (dir: Handle, path: [:0]const u8) Error!void
/// Reads an open directory from its start: `var entries = os.Entries.of(handle); while (try entries.next()) |name| …`.
/// `.` and `..` are left out; a name is valid until the next call.
pub const Entries = system.Entries;

// --- locks

/// Takes the lock at once or returns false. `Unsupported` where the file system has no locks. The
/// lock ends with the handle (and with its copies in the program).
pub const tryLock = family.tryLock; // fn (file: Handle, mode: LockMode) Error!bool
/// Says that the install in `dir` is in use: an open handle with a shared lock. null: a remover has it.
pub const useDirectory = family.useDirectory; // fn (dir: Handle, path: [:0]const u8) Error!?Handle
/// The remover's side: null if a program uses the install. Releasing is `close`.
pub const claimDirectory = family.claimDirectory; // fn (dir: Handle, path: [:0]const u8) Error!?Handle
/// Makes the program hold `use` for its whole life, without its children holding it.
pub const holdForProgram = family.holdForProgram; // fn (use: Handle) Error!void

// --- the place

/// `path` must exist.
pub const fileSystem = system.fileSystem; // fn (path: [:0]const u8) Error!FileSystem
/// Walks to the directory `path`, resolving links, creating (0700) what is missing if `make` says so, and
/// checks on the way that nobody but the user and the administrator can change anything in it.
pub const settle = family.settle; // fn (arena: Allocator, path: []const u8, make: bool, trust: Trust) Allocator.Error!Settled
/// Whose a directory may be: the user's or the administrator's, for a place of the user or one that was prepared (which is not
/// made by the user); or the administrator's alone.
pub const Trust = enum { user, prepared, administrator };
/// Whether what lies in a settled place is trusted like the place, and nobody else can write to it.
pub const belongs = family.belongs; // fn (path: [:0]const u8, found: Stat, trust: Trust, shared: bool) bool
pub const Settled = union(enum) {
    /// Without links. `shared`: others may create names in some directory above it (sticky, like /tmp). `mounted`: and it
    /// lies on another file system than that.
    place: struct { path: [:0]const u8, shared: bool, mounted: bool },
    missing,
    /// What could not be created for want of room.
    no_room: []const u8,
    /// Why the directory cannot be used.
    refused: []const u8,
};
/// Directories that may hold the installs of this user, best first; the overrides by variable come before them.
pub const cacheDirectories = family.cacheDirectories; // fn (arena: Allocator, environment: Environment) Allocator.Error![]const CacheDirectory
pub const CacheDirectory = struct {
    path: []const u8,
    /// The directory that it lies in, where it is none without that: whether it exists has not been asked.
    within: ?[:0]const u8 = null,
};
/// Whether others can put files into what the environment calls the user's home.
pub const homeIsOpen = family.homeIsOpen; // fn (arena: Allocator, environment: Environment) Allocator.Error!bool
/// Directories filled by an administrator or a package: `<id>` below them is a base.
pub const preparedDirectories = family.preparedDirectories; // fn (arena: Allocator, own_path: []const u8) Allocator.Error![]const []const u8

// --- the process

/// Absolute path of the running executable, and a handle on its bytes even where that path is gone.
pub const ownPath = system.ownPath; // fn (arena: Allocator) (Error || Allocator.Error)![:0]const u8
pub const openSelf = system.openSelf; // fn (own_path: [:0]const u8) Error!Handle
/// Before anything else: no file opened from here on takes the place of a closed standard stream.
pub const startUp = family.startUp; // fn () void
pub const no_environment: Environment = family.no_environment;
/// null where it is empty too.
pub const variable = family.variable; // fn (environment: Environment, name: []const u8) ?[]const u8
/// The environment as the process got it (Unix: `NAME=value` strings; Windows: asked by name).
pub const Environment = family.Environment;
/// Goes on after what usually ends a process by a key or from a distance.
pub const ignoreStopping = family.ignoreStopping; // fn () void
/// Calls `handler` before a signal ends this process that somebody sends to stop it, but not where it is ignored. From then
/// on, until the process becomes another program. Windows: never.
pub const onStopping = family.onStopping; // fn (comptime handler: fn () void) void
/// Keeps these signals from this thread, and from those that it starts meanwhile, until `letStopping` is called with what this
/// returned.
pub const holdStopping = family.holdStopping; // fn () Held
pub const letStopping = family.letStopping; // fn (before: Held) void
/// Fills `buffer` with a text that is another one after every start of the machine; null if there is none.
pub const bootId = system.bootId; // fn (buffer: *[64]u8) ?[]const u8
pub const processorCount = system.processorCount; // fn () usize
/// Processes (not this one) that run from inside `path`, as far as one can see.
pub const processesInside = system.processesInside; // fn (arena: Allocator, path: []const u8) Allocator.Error![]const u32
/// Nanoseconds from an arbitrary start, never backwards.
pub const monotonic = family.monotonic; // fn () u64
/// Seconds since 1970.
pub const now = family.now; // fn () i64
pub const sleep = family.sleep; // fn (milliseconds: u32) void
pub const random = system.random; // fn (buffer: []u8) void
pub const isTerminal = system.isTerminal; // fn (file: Handle) bool
/// Another job has the terminal now: what is written there disturbs it, and stops this process where `stty tostop` is set.
pub const isInBackground = system.isInBackground; // fn (file: Handle) bool
/// Linux: a file in memory alone, to be executed; passed on by the next `execve` if `inherited`.
pub const memoryFile = system.memoryFile; // fn (inherited: bool) Error!Handle
/// Bytes of a path, the one at its end included.
pub const path_max = family.path_max;
/// Zeroed pages; `release` gives them back.
pub const pages = system.pages; // fn (size: usize) Error![]align(4096) u8
pub const release = system.release; // fn (memory: []align(4096) u8) void
/// Modes given to `create` and `makeDirectory` are meant as given until `endInstalling` is called with what this returned.
pub const beginInstalling = system.beginInstalling; // fn () Before, a type of the system's
pub const endInstalling = system.endInstalling; // fn (before: Before) void
pub const exit = system.exit; // fn (code: u8) noreturn

/// The words for an error, to stand after "cannot write X: ".
pub fn describe(err: anyerror) []const u8 {
    return switch (err) {
        error.NotFound => "no such file or directory",
        error.Exists => "it exists already",
        error.Denied => "permission denied",
        error.NoSpace => "no space left on the device, or the quota is used up",
        error.FileTooLarge => "larger than files may be here (`ulimit -f`)",
        error.ReadOnly => "the file system is read-only",
        error.NotDirectory => "not a directory",
        error.IsDirectory => "it is a directory",
        error.NotEmpty => "the directory is not empty",
        error.LinkLoop => "it is a symbolic link, or links go in a circle",
        error.NameTooLong => "the name is too long",
        error.Busy => "it is busy",
        error.WouldBlock => "it is locked",
        error.Unsupported => "not supported here",
        error.TooManyOpen => "too many open files",
        error.NoMemory, error.OutOfMemory => "out of memory",
        error.NotExecutable => "not a program for this machine",
        error.TooBig => "the command line is too long",
        error.InputOutput => "input/output error",
        error.TooLong => "it is too long",
        error.NotText => "it is not UTF-8",
        else => "unexpected error",
    };
}
