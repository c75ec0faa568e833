//! Who may change what in a directory, read from its owner and its access list ([MS-DTYP] 2.4: SID,
//! ACE, ACL, SECURITY_DESCRIPTOR).

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("nt.zig");
const files = @import("windows.zig");
const Allocator = std.mem.Allocator;

// --- identifiers

/// Revision, number of parts, authority in six bytes, then the parts, 32 bits each.
const Identifier = []const u8;
const identifier_max = 68;

fn wellKnown(comptime parts: []const u32) [8 + 4 * parts.len]u8 {
    var bytes: [8 + 4 * parts.len]u8 = .{ 1, parts.len, 0, 0, 0, 0, 0, 5 } ++ [_]u8{0} ** (4 * parts.len);
    for (parts, 0..) |part, at| std.mem.writeInt(u32, bytes[8 + 4 * at ..][0..4], part, .little);
    return bytes;
}

const system = wellKnown(&.{18});
const administrators = wellKnown(&.{ 32, 544 });
const trusted_installer = wellKnown(&.{ 80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464 });
/// The owner, whoever that is; it is looked at by itself. The other stands for the owner of what will be created, and
/// means nobody where it is not only inherited.
const owner_rights = [_]u8{ 1, 1, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0 };
const creator_owner = [_]u8{ 1, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0 };

fn isTrusted(identifier: Identifier, user: Identifier) bool {
    for ([_]Identifier{ user, &system, &administrators, &trusted_installer, &owner_rights, &creator_owner }) |trusted| {
        if (std.mem.eql(u8, identifier, trusted)) return true;
    }
    return false;
}

fn lengthOf(bytes: []const u8) ?usize {
    if (bytes.len < 8) return null;
    const length = 8 + 4 * @as(usize, bytes[1]);
    return if (length <= bytes.len) length else null;
}

const User = struct {
    buffer: [identifier_max]u8,
    length: usize,

    fn of() ?User {
        const query = 0x8;
        var token: nt.Handle = undefined;
        if (nt.NtOpenProcessToken(nt.current_process, query, &token) != .success) return null;
        defer files.close(token);
        // TOKEN_USER: a pointer to the identifier and its attributes; the identifier follows.
        const TokenUser = extern struct { identifier: [*]const u8, attributes: u32, rest: [identifier_max + 8]u8 };
        var found: TokenUser = undefined;
        var needed: u32 = 0;
        if (nt.NtQueryInformationToken(token, .user, &found, @sizeOf(TokenUser), &needed) != .success) return null;
        const length = lengthOf(found.identifier[0..identifier_max]) orelse return null;
        var user: User = .{ .buffer = undefined, .length = length };
        @memcpy(user.buffer[0..length], found.identifier[0..length]);
        return user;
    }

    fn identifier(user: *const User) Identifier {
        return user.buffer[0..user.length];
    }
};

/// `S-1-5-21-…`
pub fn userText(arena: Allocator) Allocator.Error!?[]const u8 {
    const user = User.of() orelse return null;
    return try textOf(arena, user.identifier());
}

/// The user's directory as the system knows it, for whoever was started without an environment.
pub fn profileOfUser(arena: Allocator) Allocator.Error!?[]const u8 {
    const query = 0x8;
    var token: nt.Handle = undefined;
    if (nt.NtOpenProcessToken(nt.current_process, query, &token) != .success) return null;
    defer files.close(token);
    const library = nt.LoadLibraryExW(std.unicode.utf8ToUtf16LeStringLiteral("userenv.dll"), null, nt.search_system32) orelse return null;
    const function: *const fn (nt.Handle, [*]u16, *u32) callconv(.winapi) nt.Bool =
        @ptrCast(@alignCast(nt.GetProcAddress(library, "GetUserProfileDirectoryW") orelse return null));
    var path: [1024]u16 = undefined;
    var length: u32 = path.len;
    // With its end.
    if (function(token, &path, &length) == 0 or length < 2) return null;
    return try std.unicode.wtf16LeToWtf8Alloc(arena, path[0 .. length - 1]);
}

fn textOf(arena: Allocator, identifier: Identifier) Allocator.Error![]const u8 {
    var text: std.ArrayList(u8) = .empty;
    try text.print(arena, "S-{d}-{d}", .{ identifier[0], std.mem.readInt(u48, identifier[2..8], .big) });
    var at: usize = 8;
    while (at < identifier.len) : (at += 4) {
        try text.print(arena, "-{d}", .{std.mem.readInt(u32, identifier[at..][0..4], .little)});
    }
    return text.items;
}

// --- a directory of one's own

/// A security descriptor: all rights for the user, the system and the administrators, none for others,
/// nothing inherited from above.
pub const Private = struct {
    list: [8 + 3 * (8 + identifier_max)]u8 align(4),

    pub fn forUser() ?Private {
        const user = User.of() orelse return null;
        var private: Private = .{ .list = undefined };
        var at: usize = 8;
        for ([_]Identifier{ user.identifier(), &system, &administrators }) |identifier| {
            const entry = private.list[at..][0 .. 8 + identifier.len];
            const full_control = 0x1F01FF;
            // Allowed; for files and directories inside as well.
            entry[0..2].* = .{ 0, 3 };
            std.mem.writeInt(u16, entry[2..4], @intCast(entry.len), .little);
            std.mem.writeInt(u32, entry[4..8], full_control, .little);
            @memcpy(entry[8..], identifier);
            at += entry.len;
        }
        private.list[0..2].* = .{ 2, 0 };
        std.mem.writeInt(u16, private.list[2..4], @intCast(at), .little);
        std.mem.writeInt(u16, private.list[4..6], 3, .little);
        std.mem.writeInt(u16, private.list[6..8], 0, .little);
        return private;
    }

    /// Points into `private`.
    pub fn descriptor(private: *const Private) Descriptor {
        return .{ .list = &private.list };
    }

    const Descriptor = extern struct {
        revision: u8 = 1,
        reserved: u8 = 0,
        /// SE_DACL_PRESENT, SE_DACL_PROTECTED.
        control: u16 = 0x1004,
        owner: ?*const anyopaque = null,
        group: ?*const anyopaque = null,
        system_list: ?*const anyopaque = null,
        list: *const anyopaque,
    };
};

// --- the check

/// Rights with which somebody could put something else in the place of a directory or its contents.
const replace = nt.access.delete | nt.access.delete_child | nt.access.write_dac | nt.access.write_owner;
const add = nt.access.add_file | nt.access.add_subdirectory;
const change = nt.access.write_attributes | nt.access.write_ea;

const Where = enum {
    /// Nobody else may write in the directory itself.
    inside,
    /// Others may add names beside the next one, as in a sticky directory.
    above,
};

/// Looks at every directory from the root of the volume to `path`. `shared` is set if others may create names in one above.
pub fn reasonAgainst(arena: Allocator, path: [:0]const u8, where: Where, shared: *bool) Allocator.Error!?[]const u8 {
    const user = User.of() orelse return "the user's identifier cannot be found out";
    var buffer: [descriptor_max]u8 align(4) = undefined;
    var end = rootLength(path);
    while (true) {
        const last = end >= path.len;
        const directory = path[0..@min(end, path.len)];
        const here: Where = if (last) where else .above;
        if (try check(arena, directory, end == rootLength(path), here, user.identifier(), &buffer, shared)) |reason| return reason;
        if (last) return null;
        end = std.mem.indexOfScalarPos(u8, path, end + 1, '\\') orelse path.len;
    }
}

/// `C:\` or `\\server\share\`.
fn rootLength(path: []const u8) usize {
    if (path.len > 2 and path[0] == '\\' and path[1] == '\\') {
        const server = std.mem.indexOfScalarPos(u8, path, 2, '\\') orelse return path.len;
        const share = std.mem.indexOfScalarPos(u8, path, server + 1, '\\') orelse return path.len;
        return share + 1;
    }
    return @min(3, path.len);
}

/// The system allows four times as much; nobody keeps such lists.
const descriptor_max = 16 << 10;

fn check(arena: Allocator, path: []const u8, is_root: bool, where: Where, user: Identifier, buffer: *align(4) [descriptor_max]u8, shared: *bool) Allocator.Error!?[]const u8 {
    const directory = files.open(files.cwd, path, .{ .access = nt.access.read_control | nt.access.read_attributes, .options = nt.option.directory_file | nt.option.open_reparse_point }) catch |err| {
        return try std.fmt.allocPrint(arena, "cannot look at {s}: {s}", .{ path, os.describe(err) });
    };
    defer files.close(directory);
    if (files.fstat(directory)) |found| {
        if (found.kind == .link and !is_root) return try std.fmt.allocPrint(arena, "{s} is a link", .{path});
    } else |err| return try std.fmt.allocPrint(arena, "cannot look at {s}: {s}", .{ path, os.describe(err) });
    if (is_root) {
        var volume: nt.VolumeAttribute = undefined;
        var status: nt.IoStatus = .{};
        const result = nt.NtQueryVolumeInformationFile(directory, &status, &volume, @sizeOf(nt.VolumeAttribute), .attribute);
        if (result != .success and result != .buffer_overflow) return "its file system cannot be found out";
        if (volume.attributes & nt.VolumeAttribute.persistent_acls == 0) return "its file system has no access lists, so that anybody could write there";
    }
    const owner_and_list = 1 | 4;
    var needed: u32 = 0;
    if (nt.NtQuerySecurityObject(directory, owner_and_list, buffer, descriptor_max, &needed) != .success or needed > buffer.len) {
        return try std.fmt.allocPrint(arena, "the access list of {s} cannot be read", .{path});
    }
    const found = parse(buffer[0..needed], user) orelse return try std.fmt.allocPrint(arena, "the access list of {s} cannot be understood", .{path});
    if (found.foreign_owner) |owner| return try std.fmt.allocPrint(arena, "{s} belongs to {s}", .{ path, try textOf(arena, owner) });
    // A volume's root has no name that could be taken from it.
    const dangerous: u32 = switch (where) {
        .inside => replace | add | change,
        .above => if (is_root) replace & ~@as(u32, nt.access.delete) else replace,
    };
    if (found.foreign_rights & dangerous != 0) return try std.fmt.allocPrint(arena, "{s} can write to {s}", .{ try textOf(arena, found.foreign), path });
    if (found.foreign_rights & add != 0) shared.* = true;
    return null;
}

const Found = struct {
    foreign_owner: ?Identifier = null,
    /// What others may do, all of them together, and one of them.
    foreign_rights: u32 = 0,
    foreign: Identifier = &.{},
};

/// null if it is not understood. What is denied is not subtracted: it hardly ever matters, and never makes a place worse.
fn parse(bytes: []const u8, user: Identifier) ?Found {
    if (bytes.len < 20) return null;
    const owner = tail(bytes, std.mem.readInt(u32, bytes[4..8], .little)) orelse return null;
    const owner_length = lengthOf(owner) orelse return null;
    var found: Found = .{};
    if (!isTrusted(owner[0..owner_length], user)) found.foreign_owner = owner[0..owner_length];
    const dacl_present = 4;
    const list_offset = std.mem.readInt(u32, bytes[16..20], .little);
    // No list: everybody may do everything.
    if (std.mem.readInt(u16, bytes[2..4], .little) & dacl_present == 0 or list_offset == 0) {
        found.foreign_rights = std.math.maxInt(u32);
        found.foreign = &everyone;
        return found;
    }
    const list = tail(bytes, list_offset) orelse return null;
    if (list.len < 8) return null;
    var rest = list[8..];
    for (0..std.mem.readInt(u16, list[4..6], .little)) |_| {
        if (rest.len < 8) return null;
        const length = std.mem.readInt(u16, rest[2..4], .little);
        if (length < 8 or length > rest.len) return null;
        const entry = rest[0..length];
        rest = rest[length..];
        const inherit_only = 8;
        if (entry[1] & inherit_only != 0) continue;
        const allowed = 0;
        const denied = 1;
        const allowed_callback = 9;
        const denied_callback = 10;
        switch (entry[0]) {
            allowed, allowed_callback => {},
            denied, denied_callback => continue,
            else => return null,
        }
        const identifier_length = lengthOf(entry[8..]) orelse return null;
        const identifier = entry[8..][0..identifier_length];
        if (isTrusted(identifier, user)) continue;
        const rights = mapped(std.mem.readInt(u32, entry[4..8], .little));
        if (rights & (replace | add | change) != 0) found.foreign = identifier;
        found.foreign_rights |= rights;
    }
    return found;
}

const everyone = [_]u8{ 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 };

fn mapped(rights: u32) u32 {
    if (rights & nt.access.generic_all != 0) return std.math.maxInt(u32);
    return if (rights & nt.access.generic_write != 0) rights | add | change else rights;
}

fn tail(bytes: []const u8, offset: u32) ?[]const u8 {
    return if (offset >= 20 and offset < bytes.len) bytes[offset..] else null;
}

test "an access list says what others may do" {
    const user = wellKnown(&.{ 21, 1, 2, 3, 1001 });
    const other = wellKnown(&.{ 21, 1, 2, 3, 1002 });
    const read_and_execute = 0x1200A9;
    const modify = 0x1301BF;
    const Entry = struct { kind: u8 = 0, flags: u8 = 0, rights: u32, who: Identifier };
    const inherit_only = 0xB;
    const cases = [_]struct { Identifier, []const Entry, u32 }{
        .{ &user, &.{ .{ .rights = 0x1F01FF, .who = &user }, .{ .rights = 0x1F01FF, .who = &system }, .{ .rights = 0x1F01FF, .who = &administrators } }, 0 },
        .{ &system, &.{ .{ .rights = 0x1F01FF, .who = &trusted_installer }, .{ .rights = read_and_execute, .who = &everyone } }, 0 },
        .{ &user, &.{.{ .rights = modify, .who = &other }}, add | change | nt.access.delete },
        .{ &user, &.{.{ .rights = modify, .flags = inherit_only, .who = &other }}, 0 },
        .{ &user, &.{.{ .rights = modify, .kind = 1, .who = &other }}, 0 },
        .{ &user, &.{.{ .rights = nt.access.generic_all, .who = &everyone }}, replace | add | change },
        .{ &user, &.{.{ .rights = nt.access.add_subdirectory, .who = &other }}, nt.access.add_subdirectory },
    };
    for (cases) |case| {
        var bytes: std.ArrayList(u8) = .empty;
        defer bytes.deinit(std.testing.allocator);
        const allocator = std.testing.allocator;
        const owner, const entries, const expected = case;
        const list_offset: u8 = @intCast(20 + owner.len);
        try bytes.appendSlice(allocator, &.{ 1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, list_offset, 0, 0, 0 });
        try bytes.appendSlice(allocator, owner);
        try bytes.appendSlice(allocator, &.{ 2, 0, 0, 0, @intCast(entries.len), 0, 0, 0 });
        for (entries) |entry| {
            try bytes.appendSlice(allocator, &.{ entry.kind, entry.flags, @intCast(8 + entry.who.len), 0 });
            try bytes.appendSlice(allocator, &std.mem.toBytes(std.mem.nativeToLittle(u32, entry.rights)));
            try bytes.appendSlice(allocator, entry.who);
        }
        const found = parse(bytes.items, &user).?;
        try std.testing.expectEqual(null, found.foreign_owner);
        try std.testing.expectEqual(expected, found.foreign_rights & (replace | add | change));
        // Whatever is cut off, it is refused or taken for what it is, and nothing is read beyond the end.
        for (0..bytes.items.len) |length| if (parse(bytes.items[0..length], &user)) |cut| {
            try std.testing.expectEqual(expected, cut.foreign_rights & (replace | add | change));
        };
        try std.testing.expect(parse(bytes.items, &other).?.foreign_owner != null or owner.ptr == (&system).ptr);
    }
    // No list: everybody may do everything.
    const bare = [_]u8{ 1, 0, 0, 0x80, 20, 0, 0, 0 } ++ [_]u8{0} ** 12 ++ user;
    try std.testing.expectEqual(std.math.maxInt(u32), parse(&bare, &user).?.foreign_rights);
}
