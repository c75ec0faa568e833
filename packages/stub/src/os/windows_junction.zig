//! Junctions: links to directories that need no privilege. They hold an absolute path, so it is the
//! one that the install will have when it is published. See `os.zig`.

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("nt.zig");
const files = @import("windows.zig");
const Error = os.Error;

/// REPARSE_DATA_BUFFER of a mount point (ntifs.h), names in bytes.
const Reparse = extern struct {
    tag: u32,
    length: u16,
    reserved: u16,
    substitute_offset: u16,
    substitute_length: u16,
    print_offset: u16,
    print_length: u16,
    names: [names_max]u16,

    /// MAXIMUM_REPARSE_DATA_BUFFER_SIZE is 16 KiB.
    const names_max = (16384 - 16) / 2;
    /// Of the fields behind `reserved`.
    const header = 8;
};

const object_prefix = std.unicode.utf8ToUtf16LeStringLiteral("\\??\\");

pub fn create(target: [:0]const u8, dir: nt.Handle, path: [:0]const u8) Error!void {
    var absolute: Absolute = .{};
    try absolute.setDirectory(dir);
    try absolute.enter(std.fs.path.dirnamePosix(path) orelse "");
    try absolute.enter(target);

    var reparse: Reparse = undefined;
    const name = absolute.text();
    // Both names, their ends, and the prefix of the first.
    const units = 2 * name.len + object_prefix.len + 2;
    if (units > Reparse.names_max) return error.NameTooLong;
    reparse.tag = nt.reparse_tag.mount_point;
    reparse.length = @intCast(Reparse.header + 2 * units);
    reparse.reserved = 0;
    reparse.substitute_offset = 0;
    reparse.substitute_length = @intCast(2 * (object_prefix.len + name.len));
    reparse.print_offset = reparse.substitute_length + 2;
    reparse.print_length = @intCast(2 * name.len);
    const print = object_prefix.len + name.len + 1;
    @memcpy(reparse.names[0..object_prefix.len], object_prefix);
    @memcpy(reparse.names[object_prefix.len..][0..name.len], name);
    reparse.names[print - 1] = 0;
    @memcpy(reparse.names[print..][0..name.len], name);
    reparse.names[print + name.len] = 0;

    const directory = try files.open(dir, path, .{
        .access = nt.access.write_data | nt.access.write_attributes | nt.access.delete,
        .disposition = .create,
        .options = nt.option.directory_file | nt.option.open_reparse_point,
    });
    defer files.close(directory);
    var status: nt.IoStatus = .{};
    files.check(nt.NtFsControlFile(directory, null, null, null, &status, nt.fsctl_set_reparse_point, &reparse, 8 + @as(u32, reparse.length), null, 0)) catch |err| {
        files.removeDirectory(dir, path) catch {};
        return err;
    };
}

/// As it would be written in a symbolic link: relative to the link's directory, with `/`.
pub fn read(dir: nt.Handle, path: [:0]const u8, buffer: []u8) Error![]u8 {
    const file = try files.open(dir, path, .{ .access = nt.access.read_attributes, .options = nt.option.open_reparse_point });
    defer files.close(file);
    var reparse: Reparse = undefined;
    var status: nt.IoStatus = .{};
    try files.check(nt.NtFsControlFile(file, null, null, null, &status, nt.fsctl_get_reparse_point, null, 0, &reparse, @sizeOf(Reparse)));
    if (reparse.tag != nt.reparse_tag.mount_point) return error.Unsupported;
    const start = reparse.substitute_offset / 2;
    const length = reparse.substitute_length / 2;
    if (start + length > Reparse.names_max or length < object_prefix.len) return error.Unexpected;
    const target = std.mem.trimEnd(u16, reparse.names[start + object_prefix.len ..][0 .. length - object_prefix.len], &.{'\\'});

    var absolute: Absolute = .{};
    try absolute.setDirectory(dir);
    try absolute.enter(std.fs.path.dirnamePosix(path) orelse "");
    return relative(absolute.text(), target, buffer);
}

/// Up to where both paths part, then down.
fn relative(from: []const u16, to: []const u16, buffer: []u8) Error![]u8 {
    var common: usize = 0;
    var at: usize = 0;
    while (at < from.len and at < to.len and from[at] == to[at]) {
        at += 1;
        const from_ends = at == from.len or from[at] == '\\';
        const to_ends = at == to.len or to[at] == '\\';
        if (from_ends and to_ends) common = at;
    }
    if (common == 0) return error.Unsupported;
    var length: usize = 0;
    for (from[common..]) |unit| {
        if (unit != '\\') continue;
        if (length + 3 > buffer.len) return error.NameTooLong;
        buffer[length..][0..3].* = "../".*;
        length += 3;
    }
    const down = if (common < to.len) to[common + 1 ..] else to[to.len..];
    if (length + 3 * down.len > buffer.len) return error.NameTooLong;
    const end = length + std.unicode.wtf16LeToWtf8(buffer[length..], down);
    for (buffer[length..end]) |*byte| if (byte.* == '\\') {
        byte.* = '/';
    };
    return buffer[0..std.mem.trimEnd(u8, buffer[0..end], "/").len];
}

/// A path that is walked from name to name.
const Absolute = struct {
    length: usize = 0,
    buffer: [files.path_max]u16 = undefined,

    fn text(absolute: *const Absolute) []const u16 {
        return absolute.buffer[0..absolute.length];
    }

    /// Where `dir` is, or will be when its temporary name is gone.
    fn setDirectory(absolute: *Absolute, dir: nt.Handle) Error!void {
        const dos_prefix = std.unicode.utf8ToUtf16LeStringLiteral("\\\\?\\");
        const unc_prefix = std.unicode.utf8ToUtf16LeStringLiteral("\\\\?\\UNC\\");
        const length = nt.GetFinalPathNameByHandleW(dir, &absolute.buffer, absolute.buffer.len, 0);
        if (length == 0 or length >= absolute.buffer.len) return error.Unsupported;
        const whole = absolute.buffer[0..length];
        // A junction cannot lead to another machine.
        if (std.mem.startsWith(u16, whole, unc_prefix) or !std.mem.startsWith(u16, whole, dos_prefix)) return error.Unsupported;
        const end = length - temporarySuffix(whole);
        std.mem.copyForwards(u16, &absolute.buffer, whole[dos_prefix.len..end]);
        absolute.length = end - dos_prefix.len;
    }

    fn enter(absolute: *Absolute, path: []const u8) Error!void {
        var names = std.mem.splitAny(u8, path, "/\\");
        while (names.next()) |name| {
            if (name.len == 0 or std.mem.eql(u8, name, ".")) continue;
            if (std.mem.eql(u8, name, "..")) {
                absolute.length = std.mem.lastIndexOfScalar(u16, absolute.text(), '\\') orelse return error.NotFound;
                continue;
            }
            if (absolute.length + 1 + name.len > absolute.buffer.len) return error.NameTooLong;
            absolute.buffer[absolute.length] = '\\';
            absolute.length += 1;
            absolute.length += std.unicode.wtf8ToWtf16Le(absolute.buffer[absolute.length..], name) catch return error.NotFound;
        }
    }
};

/// `.<16 hex digits>.tmp` (docs/format.md, "Install"): its length, or 0.
fn temporarySuffix(path: []const u16) usize {
    const digits = 16;
    const end = std.unicode.utf8ToUtf16LeStringLiteral(".tmp");
    const length = 1 + digits + end.len;
    if (path.len <= length or !std.mem.endsWith(u16, path, end)) return 0;
    const suffix = path[path.len - length ..];
    if (suffix[0] != '.') return 0;
    for (suffix[1..][0..digits]) |unit| {
        if (unit > 'f' or !std.ascii.isHex(@intCast(unit))) return 0;
    }
    return length;
}

test "a link's target, from link to junction and back" {
    const literal = std.unicode.utf8ToUtf16LeStringLiteral;
    const home = literal("C:\\a\\releases\\x-1");
    for ([_][3][]const u8{
        .{ "node_modules/b", "../packages/b", "C:\\a\\releases\\x-1\\packages\\b" },
        .{ "n/@s/ü", "../../.pnpm/ü@1/n/ü", "C:\\a\\releases\\x-1\\.pnpm\\ü@1\\n\\ü" },
        .{ "n/self", "..", "C:\\a\\releases\\x-1" },
        .{ "here", "there", "C:\\a\\releases\\x-1\\there" },
    }) |case| {
        var absolute: Absolute = .{ .length = home.len };
        @memcpy(absolute.buffer[0..home.len], home);
        try absolute.enter(std.fs.path.dirnamePosix(case[0]) orelse "");
        const from = absolute;
        try absolute.enter(case[1]);
        var buffer: [256]u8 = undefined;
        try std.testing.expectEqualStrings(case[2], buffer[0..std.unicode.wtf16LeToWtf8(&buffer, absolute.text())]);
        try std.testing.expectEqualStrings(case[1], try relative(from.text(), absolute.text(), &buffer));
    }
    try std.testing.expectEqual(21, temporarySuffix(literal("C:\\a\\x-1.0123456789abcdef.tmp")));
    try std.testing.expectEqual(0, temporarySuffix(literal("C:\\a\\x-1.0123456789abcdeg.tmp")));
}
