//! Where installs lie on Windows, and who else can write there. See `os.zig`.

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("nt.zig");
const files = @import("windows.zig");
const process = @import("windows_process.zig");
const access_list = @import("windows_access.zig");
const Allocator = std.mem.Allocator;
const Error = os.Error;

/// On a drive or a share, with or without the prefixes that switch off the system's treatment of names; no device of another
/// kind.
fn isAbsolute(path: []const u8) bool {
    if (path.len < 3) return false;
    if (isSeparator(path[0]) and isSeparator(path[1])) {
        if (path.len < 4 or !isSeparator(path[3]) or (path[2] != '.' and path[2] != '?')) return true;
        const rest = path[4..];
        return isOnDrive(rest) or (rest.len > 4 and std.ascii.eqlIgnoreCase(rest[0..3], "UNC") and isSeparator(rest[3]));
    }
    return isOnDrive(path);
}

fn isOnDrive(path: []const u8) bool {
    if (path.len < 3) return false;
    return std.ascii.isAlphabetic(path[0]) and path[1] == ':' and isSeparator(path[2]);
}

fn isSeparator(byte: u8) bool {
    return byte == '\\' or byte == '/';
}

// --- candidates

/// Never the roaming profile: a runtime would be copied to a server at every logoff.
pub fn cacheDirectories(arena: Allocator, environment: process.Environment) Allocator.Error![]const os.CacheDirectory {
    var list: std.ArrayList(os.CacheDirectory) = .empty;
    if (absolute(process.variable(environment, "LOCALAPPDATA"))) |local| {
        try list.append(arena, .{ .path = try std.mem.concat(arena, u8, &.{ local, "\\sarma" }) });
    } else if (absolute(process.variable(environment, "USERPROFILE")) orelse try access_list.profileOfUser(arena)) |profile| {
        try list.append(arena, .{ .path = try std.mem.concat(arena, u8, &.{ profile, "\\AppData\\Local\\sarma" }) });
    }
    if (absolute(process.variable(environment, "TEMP"))) |temporary| {
        // Services share one such directory, hence the user's identifier in the name.
        const user = try access_list.userText(arena) orelse "user";
        try list.append(arena, .{ .path = try std.mem.concat(arena, u8, &.{ temporary, "\\sarma-", user }) });
    }
    return list.items;
}

fn absolute(path: ?[]const u8) ?[]const u8 {
    return if (path != null and isAbsolute(path.?)) std.mem.trimEnd(u8, path.?, "\\/") else null;
}

pub fn preparedDirectories(arena: Allocator, own_path: []const u8) Allocator.Error![]const []const u8 {
    const directory = std.fs.path.dirnameWindows(own_path) orelse return &.{};
    const parent = std.fs.path.dirnameWindows(directory) orelse return &.{};
    return arena.dupe([]const u8, &.{try std.mem.concat(arena, u8, &.{ std.mem.trimEnd(u8, parent, "\\/"), "\\lib\\sarma" })});
}

// --- checks

/// Junctions and links on the way do not matter: what is checked, and used from then on, is the path they lead to.
pub fn settle(arena: Allocator, path: []const u8, make: bool, _: os.Trust) Allocator.Error!os.Settled {
    if (!isAbsolute(path)) return .{ .refused = "not an absolute path on a drive or a share" };
    const directory = openDirectory(path) catch |err| switch (err) {
        error.NotFound => if (make) return settleNew(arena, path) else return .missing,
        else => return refused(arena, "cannot open", path, err),
    };
    defer files.close(directory);
    const final = try finalPath(arena, directory, path) orelse return .{ .refused = "the path is too long" };
    var shared = false;
    if (try access_list.reasonAgainst(arena, final, .inside, &shared)) |reason| return .{ .refused = reason };
    return .{ .place = .{ .path = final, .shared = shared, .mounted = false } };
}

/// Nothing is created before all that is above it is known to be safe.
fn settleNew(arena: Allocator, path: []const u8) Allocator.Error!os.Settled {
    const name = std.fs.path.basenameWindows(path);
    const above = std.fs.path.dirnameWindows(path) orelse return .{ .refused = try std.fmt.allocPrint(arena, "{s} is not there", .{path}) };
    const parent = if (openDirectory(above)) |directory| parent: {
        defer files.close(directory);
        break :parent try finalPath(arena, directory, above) orelse return .{ .refused = "the path is too long" };
    } else |err| switch (err) {
        error.NotFound => switch (try settleNew(arena, above)) {
            .place => |place| place.path,
            else => |other| return other,
        },
        else => return refused(arena, "cannot open", above, err),
    };
    var shared = false;
    if (try access_list.reasonAgainst(arena, parent, .above, &shared)) |reason| return .{ .refused = reason };
    const whole = try std.mem.concat(arena, u8, &.{ std.mem.trimEnd(u8, parent, "\\"), "\\", name });
    const private = access_list.Private.forUser() orelse return .{ .refused = "the user's identifier cannot be found out" };
    const made = files.open(files.cwd, whole, .{
        .access = nt.access.read_attributes,
        .disposition = .create,
        .options = nt.option.directory_file | nt.option.open_reparse_point,
        .security = &private.descriptor(),
    });
    if (made) |directory| files.close(directory) else |err| switch (err) {
        // Somebody was faster; checked like any other.
        error.Exists => {},
        error.NoSpace => return .{ .no_room = whole },
        else => return refused(arena, "cannot create", whole, err),
    }
    return settle(arena, whole, false, .user);
}

/// What is made in a directory has its access list.
pub fn belongs(_: [:0]const u8, _: os.Stat, _: os.Trust, _: bool) bool {
    return true;
}

/// Everybody's profile is his own.
pub fn homeIsOpen(_: Allocator, _: os.Environment) Allocator.Error!bool {
    return false;
}

fn openDirectory(path: []const u8) Error!nt.Handle {
    return files.open(files.cwd, path, .{ .access = nt.access.read_attributes, .options = nt.option.directory_file });
}

fn refused(arena: Allocator, what: []const u8, path: []const u8, err: Error) Allocator.Error!os.Settled {
    return .{ .refused = try std.fmt.allocPrint(arena, "{s} {s}: {s}", .{ what, path, os.describe(err) }) };
}

/// Some volumes cannot say it (those that the mount manager does not know, long ones under Wine): then the path as it was
/// given, which may hold no link (`access_list` refuses them).
fn finalPath(arena: Allocator, directory: nt.Handle, path: []const u8) Allocator.Error!?[:0]const u8 {
    var buffer: [files.path_max]u16 = undefined;
    const length = nt.GetFinalPathNameByHandleW(directory, &buffer, buffer.len, 0);
    if (length > 0 and length < buffer.len) return try process.plainPath(arena, buffer[0..length]);
    var name: files.Name = undefined;
    name.set(files.cwd, path) catch return null;
    // `\??\` and `\\?\` mean the same.
    name.buffer[1] = '\\';
    return try process.plainPath(arena, name.text());
}

// --- the volume

pub fn fileSystem(path: [:0]const u8) Error!os.FileSystem {
    const directory = try files.open(files.cwd, path, .{ .access = nt.access.read_attributes });
    defer files.close(directory);
    var size: nt.VolumeSize = undefined;
    try query(directory, &size, .full_size);
    var device: nt.VolumeDevice = undefined;
    try query(directory, &device, .device);
    const units: u64 = @intCast(@max(size.available_to_caller, 0));
    return .{
        .available = units *| (@as(u64, size.sectors_per_unit) * size.bytes_per_sector),
        .noexec = false,
        .read_only = device.characteristics & nt.VolumeDevice.read_only_device != 0,
        .network = device.characteristics & nt.VolumeDevice.remote_device != 0,
        .removable = device.characteristics & nt.VolumeDevice.removable_media != 0,
    };
}

fn query(file: nt.Handle, information: anytype, class: nt.VolumeClass) Error!void {
    var status: nt.IoStatus = .{};
    try files.check(nt.NtQueryVolumeInformationFile(file, &status, information, @sizeOf(@TypeOf(information.*)), class));
}
