//! Reads the entries of a tar that is in memory: ustar (POSIX.1-1988), with the pax records `path`, `linkpath`
//! and `size` (POSIX.1-2001) for what does not fit into it. Any other kind of entry is an error.

const std = @import("std");
const Allocator = std.mem.Allocator;

pub const Entry = struct {
    kind: enum { directory, file, link },
    /// Without the slash at the end that tar gives directories. Valid until the next entry.
    path: []const u8,
    link_target: []const u8,
    mode: u32,
    bytes: []const u8,
};

const block = 512;

pub const Reader = struct {
    bytes: []const u8,
    at: usize = 0,
    path_buffer: [256]u8 = undefined,

    /// null at the end: of the bytes, or at a block of zeros.
    pub fn next(reader: *Reader) error{Malformed}!?Entry {
        var path: ?[]const u8 = null;
        var link_target: ?[]const u8 = null;
        var size_record: ?u64 = null;
        while (reader.at < reader.bytes.len) {
            const header = try reader.take(block);
            if (header[0] == 0) return null;
            if (!std.mem.eql(u8, header[257..262], "ustar")) return error.Malformed;
            const kind = header[156];
            const size = if (kind == 'x') try octal(header[124..136]) else size_record orelse try octal(header[124..136]);
            const bytes = try reader.content(size);
            switch (kind) {
                'x' => {
                    var records: Records = .{ .rest = bytes };
                    while (try records.next()) |record| {
                        if (std.mem.eql(u8, record.key, "path")) path = record.value;
                        if (std.mem.eql(u8, record.key, "linkpath")) link_target = record.value;
                        if (std.mem.eql(u8, record.key, "size")) size_record = std.fmt.parseInt(u64, record.value, 10) catch return error.Malformed;
                    }
                },
                0, '0', '2', '5' => return .{
                    .kind = switch (kind) {
                        '5' => .directory,
                        '2' => .link,
                        else => .file,
                    },
                    .path = std.mem.trimEnd(u8, path orelse reader.name(header), "/"),
                    .link_target = link_target orelse text(header[157..257]),
                    .mode = @intCast(try octal(header[100..108]) & 0o7777),
                    .bytes = bytes,
                },
                else => return error.Malformed,
            }
        }
        return null;
    }

    fn take(reader: *Reader, length: usize) error{Malformed}![]const u8 {
        if (reader.bytes.len - reader.at < length) return error.Malformed;
        defer reader.at += length;
        return reader.bytes[reader.at..][0..length];
    }

    fn content(reader: *Reader, size: u64) error{Malformed}![]const u8 {
        if (size > reader.bytes.len) return error.Malformed;
        const data = try reader.take(@intCast(size));
        _ = try reader.take(std.mem.alignForward(usize, data.len, block) - data.len);
        return data;
    }

    /// `prefix/name`, or the name alone.
    fn name(reader: *Reader, header: []const u8) []const u8 {
        const prefix = text(header[345..500]);
        const last = text(header[0..100]);
        if (prefix.len == 0) return last;
        @memcpy(reader.path_buffer[0..prefix.len], prefix);
        reader.path_buffer[prefix.len] = '/';
        @memcpy(reader.path_buffer[prefix.len + 1 ..][0..last.len], last);
        return reader.path_buffer[0 .. prefix.len + 1 + last.len];
    }
};

/// `LENGTH KEY=VALUE\n`, LENGTH counting the whole record.
const Records = struct {
    rest: []const u8,

    fn next(records: *Records) error{Malformed}!?struct { key: []const u8, value: []const u8 } {
        if (records.rest.len == 0) return null;
        const space = std.mem.indexOfScalar(u8, records.rest, ' ') orelse return error.Malformed;
        const length = std.fmt.parseInt(usize, records.rest[0..space], 10) catch return error.Malformed;
        if (length > records.rest.len or length < space + 3 or records.rest[length - 1] != '\n') return error.Malformed;
        const record = records.rest[space + 1 .. length - 1];
        records.rest = records.rest[length..];
        const equals = std.mem.indexOfScalar(u8, record, '=') orelse return error.Malformed;
        return .{ .key = record[0..equals], .value = record[equals + 1 ..] };
    }
};

fn text(field: []const u8) []const u8 {
    return std.mem.sliceTo(field, 0);
}

fn octal(field: []const u8) error{Malformed}!u64 {
    const digits = std.mem.trim(u8, field, " \x00");
    if (digits.len == 0) return 0;
    return std.fmt.parseInt(u64, digits, 8) catch error.Malformed;
}

fn testHeader(name: []const u8, kind: u8, size: []const u8) [block]u8 {
    var header: [block]u8 = @splat(0);
    @memcpy(header[0..name.len], name);
    @memcpy(header[100..107], "0000644");
    @memcpy(header[124..][0..size.len], size);
    header[156] = kind;
    @memcpy(header[257..262], "ustar");
    return header;
}

test "files, directories, links and pax paths" {
    const body = "16 path=long/xy\n".* ++ [_]u8{0} ** (block - 16);
    const bytes = testHeader("d/", '5', "0") ++ testHeader("d/f", '0', "5") ++ ("hello".* ++ [_]u8{0} ** (block - 5)) ++
        testHeader("x", 'x', "20") ++ body ++ testHeader("short", '0', "0") ++ [_]u8{0} ** 1024;
    var reader: Reader = .{ .bytes = &bytes };
    const directory = (try reader.next()).?;
    try std.testing.expectEqualStrings("d", directory.path);
    try std.testing.expect(directory.kind == .directory);
    const file = (try reader.next()).?;
    try std.testing.expectEqualStrings("hello", file.bytes);
    try std.testing.expectEqual(0o644, file.mode);
    try std.testing.expectEqualStrings("long/xy", (try reader.next()).?.path);
    try std.testing.expectEqual(null, try reader.next());
}

test "a tar that ends early or holds a device is malformed" {
    var device: Reader = .{ .bytes = &testHeader("d", '3', "0") };
    try std.testing.expectError(error.Malformed, device.next());
    var short: Reader = .{ .bytes = &testHeader("f", '0', "1000") };
    try std.testing.expectError(error.Malformed, short.next());
    var half: Reader = .{ .bytes = testHeader("f", '0', "0")[0..300] };
    try std.testing.expectError(error.Malformed, half.next());
}
