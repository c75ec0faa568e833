//! Windows. See `os.zig` for what each declaration means. Files are opened by NtCreateFile: it takes
//! a name relative to an open directory, knows no limit of 260 characters, and lets every handle be
//! shared for deletion, so that nothing of ours stands in the way of a rename.

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("nt.zig");
const place = @import("windows_place.zig");
const process = @import("windows_process.zig");
const junction = @import("windows_junction.zig");
const Error = os.Error;

pub const Handle = nt.Handle;
pub const cwd: Handle = nt.invalid;
pub const stdin = process.stdin;
pub const stdout = process.stdout;
pub const stderr = process.stderr;

pub const fileSystem = place.fileSystem;
pub const settle = place.settle;
pub const belongs = place.belongs;
pub const homeIsOpen = place.homeIsOpen;
pub const cacheDirectories = place.cacheDirectories;
pub const preparedDirectories = place.preparedDirectories;

pub const ownPath = process.ownPath;
pub const variable = process.variable;
pub const Environment = process.Environment;
pub const no_environment = process.no_environment;
pub const startUp = process.startUp;
pub const ignoreStopping = process.ignoreStopping;
pub fn onStopping(comptime _: fn () void) void {}

pub fn holdStopping() void {}

pub fn letStopping(_: void) void {}
pub const bootId = process.bootId;
pub const processorCount = process.processorCount;
pub const processesInside = process.processesInside;
pub const monotonic = process.monotonic;
pub const now = process.now;
pub const sleep = process.sleep;
pub const random = process.random;
pub const isTerminal = process.isTerminal;
pub fn isInBackground(_: Handle) bool {
    return false;
}
pub const pages = process.pages;
pub const release = process.release;
pub const exit = process.exit;

pub fn copyRange(_: Handle, _: u64, _: Handle, _: u64, _: u64) Error!usize {
    return error.Unsupported;
}

pub const syncFileSystem = @import("windows_sync.zig").syncTree;
pub const symlink = junction.create;
pub const readLink = junction.read;

// --- opening

/// Longer paths exist only to break programs; the system's own limit is 32767.
pub const path_max = 8192;

/// A name as NtCreateFile wants it: below an open directory, or absolute in the namespace of the
/// object manager (`\??\C:\…`, `\??\UNC\server\…`).
pub const Name = struct {
    root: ?Handle,
    length: usize,
    buffer: [path_max]u16,

    pub fn set(name: *Name, dir: Handle, path: []const u8) Error!void {
        if (path.len + 16 > path_max) return error.NameTooLong;
        if (dir == cwd) return name.setAbsolute(path);
        name.root = dir;
        name.length = std.unicode.wtf8ToWtf16Le(&name.buffer, path) catch return error.NotFound;
        for (name.buffer[0..name.length]) |*unit| if (unit.* == '/') {
            unit.* = '\\';
        };
        while (name.length > 0 and name.buffer[name.length - 1] == '\\') name.length -= 1;
    }

    fn setAbsolute(name: *Name, path: []const u8) Error!void {
        var given: [path_max]u16 = undefined;
        const length = std.unicode.wtf8ToWtf16Le(&given, path) catch return error.NotFound;
        given[length] = 0;
        name.root = null;
        // `\\` becomes `\??\UNC\`.
        const prefix_max = 6;
        const room = path_max - prefix_max;
        const whole = nt.GetFullPathNameW(given[0..length :0], room, name.buffer[prefix_max..].ptr, null);
        if (whole == 0 or whole >= room) return error.NameTooLong;
        name.prefix(prefix_max, whole);
    }

    fn prefix(name: *Name, start: usize, length: usize) void {
        const full = name.buffer[start..][0..length];
        const literal = std.unicode.utf8ToUtf16LeStringLiteral;
        const put: struct { []const u16, usize } = if (startsWith(full, literal("\\\\?\\")) or startsWith(full, literal("\\\\.\\")))
            .{ literal("\\??\\"), 4 }
        else if (startsWith(full, literal("\\\\")))
            .{ literal("\\??\\UNC\\"), 2 }
        else
            .{ literal("\\??\\"), 0 };
        std.mem.copyForwards(u16, name.buffer[put[0].len..], full[put[1]..]);
        @memcpy(name.buffer[0..put[0].len], put[0]);
        name.length = put[0].len + length - put[1];
    }

    pub fn text(name: *const Name) []const u16 {
        return name.buffer[0..name.length];
    }
};

fn startsWith(text: []const u16, start: []const u16) bool {
    return std.mem.startsWith(u16, text, start);
}

pub const How = struct {
    access: u32,
    share: u32 = nt.share.all,
    disposition: nt.Disposition = .open,
    options: u32 = 0,
    security: ?*const anyopaque = null,
};

pub fn open(dir: Handle, path: []const u8, how: How) Error!Handle {
    var name: Name = undefined;
    try name.set(dir, path);
    return openName(&name, how);
}

pub fn openName(name: *const Name, how: How) Error!Handle {
    const text: nt.UnicodeString = .of(name.text());
    const attributes: nt.ObjectAttributes = .{ .root = name.root, .name = &text, .security_descriptor = how.security };
    var handle: Handle = undefined;
    var status: nt.IoStatus = .{};
    var patience: Patience = .{};
    while (true) {
        const result = nt.NtCreateFile(&handle, how.access | nt.access.synchronize, &attributes, &status, null, nt.attribute.normal, how.share, how.disposition, how.options | nt.option.synchronous | nt.option.for_backup, null, 0);
        switch (result) {
            .success => return handle,
            // The old bearer of the name is gone as soon as the last who looks at it closes it.
            .delete_pending => if (!patience.wait()) return error.Busy,
            else => return errorOfStatus(result),
        }
    }
}

/// Virus scanners and indexers open what was just written, for a moment. About two seconds in all, for all threads together.
pub const Patience = struct {
    milliseconds: std.atomic.Value(u32) = .init(1),

    pub fn wait(patience: *Patience) bool {
        const milliseconds = patience.milliseconds.load(.monotonic);
        if (milliseconds > 1024) return false;
        process.sleep(milliseconds);
        patience.milliseconds.store(milliseconds * 2, .monotonic);
        return true;
    }
};

// --- files

pub fn lstat(dir: Handle, path: [:0]const u8) Error!os.Stat {
    return statOpened(try open(dir, path, .{ .access = nt.access.read_attributes, .options = nt.option.open_reparse_point }));
}

pub fn stat(dir: Handle, path: [:0]const u8) Error!os.Stat {
    return statOpened(try open(dir, path, .{ .access = nt.access.read_attributes }));
}

fn statOpened(file: Handle) Error!os.Stat {
    defer close(file);
    return fstat(file);
}

pub fn fstat(file: Handle) Error!os.Stat {
    var found: nt.FileInformation = undefined;
    if (nt.GetFileInformationByHandle(file, &found) == 0) return error.Unexpected;
    const written = join(found.written[1], found.written[0]);
    return .{
        .kind = try kindOf(file, found.attributes),
        .mode = 0o755,
        .uid = 0,
        .gid = 0,
        .size = join(found.size_high, found.size_low),
        .seconds = process.secondsOf(written),
        .nanoseconds = @intCast(written % process.ticks_per_second * 100),
        .device = found.volume,
        .inode = join(found.index_high, found.index_low),
    };
}

/// Reparse points are more than links: compressed, deduplicated and cloud files are such too.
fn kindOf(file: Handle, attributes: u32) Error!os.Kind {
    if (attributes & nt.attribute.reparse_point != 0) {
        var found: nt.AttributeTag = undefined;
        var status: nt.IoStatus = .{};
        try check(nt.NtQueryInformationFile(file, &status, &found, @sizeOf(nt.AttributeTag), .attribute_tag));
        if (found.tag == nt.reparse_tag.mount_point or found.tag == nt.reparse_tag.symlink) return .link;
    }
    return if (attributes & nt.attribute.directory != 0) .directory else .file;
}

fn join(high: u32, low: u32) u64 {
    return (@as(u64, high) << 32) | low;
}

pub fn openRead(dir: Handle, path: [:0]const u8) Error!Handle {
    var patience: Patience = .{};
    while (true) {
        const result = open(dir, path, .{ .access = nt.access.read_data | nt.access.read_attributes });
        // Held by somebody who lets nobody else read it.
        if (result == error.Busy and patience.wait()) continue;
        return result;
    }
}

const enumerate = nt.access.list_directory | nt.access.read_attributes;

pub fn openDirectory(dir: Handle, path: [:0]const u8) Error!Handle {
    return openDirectoryAs(dir, path, .{ .access = enumerate });
}

fn openDirectoryAs(dir: Handle, path: [:0]const u8, how: How) Error!Handle {
    var wanted = how;
    wanted.options |= nt.option.directory_file | nt.option.open_reparse_point;
    const handle = try open(dir, path, wanted);
    errdefer close(handle);
    if ((try fstat(handle)).kind == .link) return error.LinkLoop;
    return handle;
}

pub fn create(dir: Handle, path: [:0]const u8, _: u32) Error!Handle {
    return open(dir, path, .{
        .access = nt.access.generic_write | nt.access.read_attributes,
        .disposition = .create,
        .options = nt.option.non_directory_file | nt.option.open_reparse_point,
    });
}

pub fn openAppend(dir: Handle, path: [:0]const u8, _: u32) Error!Handle {
    return open(dir, path, .{
        .access = nt.access.append_data | nt.access.read_attributes,
        .disposition = .open_or_create,
        .options = nt.option.non_directory_file,
    });
}

pub fn openLock(dir: Handle, path: [:0]const u8) Error!Handle {
    return open(dir, path, .{
        .access = nt.access.read_data | nt.access.generic_write | nt.access.read_attributes,
        .disposition = .open_or_create,
        .options = nt.option.non_directory_file | nt.option.open_reparse_point,
    });
}

pub fn close(file: Handle) void {
    _ = nt.NtClose(file);
}

pub fn read(file: Handle, buffer: []u8) Error!usize {
    return readAt(process.standard(file), buffer, null);
}

pub fn pread(file: Handle, buffer: []u8, offset: u64) Error!usize {
    const at: i64 = @intCast(offset);
    return readAt(file, buffer, &at);
}

fn readAt(file: Handle, buffer: []u8, offset: ?*const i64) Error!usize {
    var status: nt.IoStatus = .{};
    const result = nt.NtReadFile(file, null, null, null, &status, buffer.ptr, part(buffer.len), offset, null);
    if (result == .end_of_file) return 0;
    try check(result);
    return status.information;
}

pub fn write(file: Handle, bytes: []const u8) Error!usize {
    if (file == stdout or file == stderr) return process.writeStandard(file, bytes);
    return writeAt(file, bytes, null);
}

pub fn pwrite(file: Handle, bytes: []const u8, offset: u64) Error!usize {
    const at: i64 = @intCast(offset);
    return writeAt(file, bytes, &at);
}

fn writeAt(file: Handle, bytes: []const u8, offset: ?*const i64) Error!usize {
    var status: nt.IoStatus = .{};
    try check(nt.NtWriteFile(file, null, null, null, &status, bytes.ptr, part(bytes.len), offset, null));
    return status.information;
}

fn part(length: usize) u32 {
    return @intCast(@min(length, 1 << 30));
}

pub fn allocate(file: Handle, size: u64) Error!void {
    var wanted: i64 = @intCast(size);
    try setInformation(file, &wanted, .end_of_file);
}

pub fn setFileTime(file: Handle, seconds: i64) Error!void {
    const time = process.timeOf(seconds);
    // Zero leaves what is there.
    var basic: nt.BasicInformation = .{ .accessed = time, .written = time };
    try setInformation(file, &basic, .basic);
}

pub fn setTime(dir: Handle, path: [:0]const u8, seconds: i64) Error!void {
    const file = try open(dir, path, .{ .access = nt.access.write_attributes, .options = nt.option.open_reparse_point });
    defer close(file);
    try setFileTime(file, seconds);
}

fn setInformation(file: Handle, information: anytype, class: nt.FileClass) Error!void {
    var status: nt.IoStatus = .{};
    try check(nt.NtSetInformationFile(file, &status, information, @sizeOf(@TypeOf(information.*)), class));
}

// --- names

pub fn setMode(_: Handle, _: [:0]const u8, _: u32) Error!void {}

pub fn makeDirectory(dir: Handle, path: [:0]const u8, _: u32) Error!void {
    close(try open(dir, path, .{
        .access = nt.access.read_attributes,
        .disposition = .create,
        .options = nt.option.directory_file | nt.option.open_reparse_point,
    }));
}

/// FILE_RENAME_INFORMATION and FILE_LINK_INFORMATION, followed by the name.
const NewName = extern struct {
    flags: u32,
    root: ?Handle align(@alignOf(usize)),
    length: u32,
    name: [path_max]u16,

    const replace = 0x1;
    /// The name changes hands at once, also while the old bearer is open (Windows 10 1709, NTFS).
    const posix = 0x2;
    const ignore_read_only = 0x40;

    fn set(new: *NewName, dir: Handle, path: []const u8) Error!void {
        var name: Name = undefined;
        try name.set(dir, path);
        new.root = name.root;
        new.length = @intCast(name.length * 2);
        @memcpy(new.name[0..name.length], name.text());
    }

    fn give(new: *NewName, file: Handle, class: nt.FileClass) nt.Status {
        var status: nt.IoStatus = .{};
        // Never less than the structure has in C, with one unit of the name and what fills it up.
        return nt.NtSetInformationFile(file, &status, new, @intCast(@offsetOf(NewName, "name") + @max(new.length, 4)), class);
    }
};

pub fn rename(from_dir: Handle, from: [:0]const u8, to_dir: Handle, to: [:0]const u8) Error!void {
    var new: NewName = undefined;
    try new.set(to_dir, to);
    var patience: Patience = .{};
    while (true) {
        const result = renameOnce(from_dir, from, &new);
        result catch |err| switch (err) {
            error.Denied, error.Busy => {
                // A directory in the place of the new name is no passing trouble.
                if (lstat(to_dir, to)) |found| {
                    if (found.kind == .directory) return error.Exists;
                } else |_| {}
                if (patience.wait()) continue;
            },
            else => {},
        };
        return result;
    }
}

fn renameOnce(from_dir: Handle, from: [:0]const u8, new: *NewName) Error!void {
    const file = try open(from_dir, from, .{ .access = nt.access.delete | nt.access.read_attributes, .options = nt.option.open_reparse_point });
    defer close(file);
    const replace: u32 = if ((try fstat(file)).kind == .directory) 0 else NewName.replace;
    new.flags = replace | NewName.posix | NewName.ignore_read_only;
    const result = new.give(file, .rename_ex);
    switch (result) {
        .invalid_parameter, .invalid_info_class, .not_supported, .not_implemented, .invalid_device_request => {
            new.flags = replace;
            try check(new.give(file, .rename));
        },
        else => try check(result),
    }
}

pub fn link(from_dir: Handle, from: [:0]const u8, to_dir: Handle, to: [:0]const u8) Error!void {
    const file = try open(from_dir, from, .{ .access = nt.access.write_attributes, .options = nt.option.open_reparse_point });
    defer close(file);
    var new: NewName = undefined;
    try new.set(to_dir, to);
    new.flags = 0;
    try check(new.give(file, .link));
}

pub fn removeFile(dir: Handle, path: [:0]const u8) Error!void {
    return remove(dir, path, .file);
}

pub fn removeDirectory(dir: Handle, path: [:0]const u8) Error!void {
    return remove(dir, path, .directory);
}

/// One for all that a run removes: what stays held is left for the next one, however much it is.
var removing: Patience = .{};

fn remove(dir: Handle, path: [:0]const u8, kind: os.Kind) Error!void {
    while (true) {
        const result = removeOnce(dir, path, kind);
        if (result == error.Busy and removing.wait()) continue;
        return result;
    }
}

fn removeOnce(dir: Handle, path: [:0]const u8, kind: os.Kind) Error!void {
    const file = try open(dir, path, .{ .access = nt.access.delete | nt.access.read_attributes, .options = nt.option.open_reparse_point });
    defer close(file);
    // A junction is a link here, as it is to its makers.
    const found = (try fstat(file)).kind;
    if (kind == .directory and found != .directory) return error.NotDirectory;
    if (kind == .file and found == .directory) return error.IsDirectory;
    const delete = 0x1;
    const posix = 0x2;
    const ignore_read_only = 0x10;
    var flags: u32 = delete | posix | ignore_read_only;
    var status: nt.IoStatus = .{};
    const result = nt.NtSetInformationFile(file, &status, &flags, @sizeOf(u32), .disposition_ex);
    switch (result) {
        .invalid_parameter, .invalid_info_class, .not_supported, .not_implemented, .invalid_device_request => {
            var yes: u8 = 1;
            setInformation(file, &yes, .disposition) catch |err| {
                if (err != error.Busy or kind != .file) return err;
                // Read-only, perhaps: the program may have made it so.
                try makeWritable(dir, path);
                try setInformation(file, &yes, .disposition);
            };
        },
        else => try check(result),
    }
}

fn makeWritable(dir: Handle, path: [:0]const u8) Error!void {
    const file = try open(dir, path, .{ .access = nt.access.write_attributes, .options = nt.option.open_reparse_point });
    defer close(file);
    var basic: nt.BasicInformation = .{ .attributes = nt.attribute.normal };
    try setInformation(file, &basic, .basic);
}

/// FILE_NAMES_INFORMATION: offset of the next (4), index (4), length in bytes (4), name.
pub const Entries = struct {
    directory: Handle,
    buffer: [4096]u8 align(8) = undefined,
    name: [3 * 255 + 1]u8 = undefined,
    started: bool = false,
    at: ?usize = null,

    pub fn of(directory: Handle) Entries {
        return .{ .directory = directory };
    }

    pub fn next(entries: *Entries) Error!?[:0]const u8 {
        while (true) {
            const at = entries.at orelse {
                if (!try entries.fill()) return null;
                continue;
            };
            const record = entries.buffer[at..];
            const step = std.mem.readInt(u32, record[0..4], .little);
            const length = std.mem.readInt(u32, record[8..12], .little);
            entries.at = if (step == 0) null else at + step;
            const wide: []align(1) const u16 = std.mem.bytesAsSlice(u16, record[12..][0..length]);
            var units: [255]u16 = undefined;
            if (wide.len > units.len) continue;
            @memcpy(units[0..wide.len], wide);
            const end = std.unicode.wtf16LeToWtf8(&entries.name, units[0..wide.len]);
            entries.name[end] = 0;
            const name = entries.name[0..end :0];
            if (!std.mem.eql(u8, name, ".") and !std.mem.eql(u8, name, "..")) return name;
        }
    }

    fn fill(entries: *Entries) Error!bool {
        var status: nt.IoStatus = .{};
        const restart = @intFromBool(!entries.started);
        const result = nt.NtQueryDirectoryFile(entries.directory, null, null, null, &status, &entries.buffer, entries.buffer.len, .names, 0, null, restart);
        if (result == .no_more_files or result == .no_such_file) return false;
        try check(result);
        entries.started = true;
        entries.at = 0;
        return true;
    }
};

// --- locks

/// A byte that no file reaches: locks are mandatory here, and the rest stays readable.
fn lockedByte() nt.Overlapped {
    return .{ .low = 0, .high = 0x40000000 };
}

pub fn tryLock(file: Handle, mode: os.LockMode) Error!bool {
    const fail_immediately = 1;
    const exclusive = 2;
    const lock_violation = 33;
    const io_pending = 997;
    // Taking a lock again adds a second one to the first instead of changing it.
    unlock(file);
    var at = lockedByte();
    const flags: u32 = fail_immediately | @as(u32, if (mode == .exclusive) exclusive else 0);
    if (nt.LockFileEx(file, flags, 0, 1, 0, &at) != 0) return true;
    return switch (nt.GetLastError()) {
        lock_violation, io_pending => false,
        else => error.Unsupported,
    };
}

fn unlock(file: Handle) void {
    var at = lockedByte();
    _ = nt.UnlockFileEx(file, 0, 1, 0, &at);
}

/// A file inside could be locked instead, but a directory with an open file in it cannot be renamed. So
/// it is said by sharing: who uses the directory opens it to write, a remover allows nobody to write.
pub fn useDirectory(dir: Handle, path: [:0]const u8) Error!?Handle {
    return openDirectoryAs(dir, path, .{ .access = enumerate | nt.access.add_file }) catch |err| switch (err) {
        error.Busy => null,
        // An administrator's, for others to read. The running image keeps it from being removed.
        error.Denied, error.ReadOnly => try openDirectory(dir, path),
        else => err,
    };
}

pub fn claimDirectory(dir: Handle, path: [:0]const u8) Error!?Handle {
    return openDirectoryAs(dir, path, .{ .access = enumerate, .share = nt.share.read | nt.share.delete }) catch |err| switch (err) {
        error.Busy => null,
        else => err,
    };
}

/// The stub lives as long as the program, and its handles are not inherited.
pub fn holdForProgram(_: Handle) Error!void {}

/// What is written inherits the access list of its directory.
pub fn beginInstalling() void {}
pub fn endInstalling(_: void) void {}

pub fn openSelf(own_path: [:0]const u8) Error!Handle {
    return openRead(cwd, own_path);
}

pub fn check(status: nt.Status) Error!void {
    if (status != .success) return errorOfStatus(status);
}

fn errorOfStatus(status: nt.Status) Error {
    return switch (status) {
        .object_name_not_found, .object_path_not_found, .no_such_file, .no_such_device, .object_name_invalid, .object_path_invalid, .object_path_syntax_bad, .bad_network_path, .bad_network_name => error.NotFound,
        .object_name_collision => error.Exists,
        .access_denied, .privilege_not_held, .virus_infected, .virus_deleted => error.Denied,
        .disk_full, .quota_exceeded, .disk_quota_exceeded => error.NoSpace,
        .media_write_protected => error.ReadOnly,
        .not_a_directory => error.NotDirectory,
        .file_is_a_directory => error.IsDirectory,
        .directory_not_empty => error.NotEmpty,
        .reparse_point_not_resolved, .stopped_on_symlink => error.LinkLoop,
        .name_too_long => error.NameTooLong,
        .sharing_violation, .delete_pending, .cannot_delete => error.Busy,
        .lock_not_granted, .file_lock_conflict => error.WouldBlock,
        .not_supported, .not_implemented, .invalid_device_request, .invalid_info_class, .not_same_device => error.Unsupported,
        .too_many_opened_files => error.TooManyOpen,
        .no_memory, .insufficient_resources => error.NoMemory,
        .invalid_image_format => error.NotExecutable,
        .data_error, .crc_error, .io_device_error => error.InputOutput,
        else => error.Unexpected,
    };
}
