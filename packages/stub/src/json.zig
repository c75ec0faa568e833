//! Reads a JSON text that is in memory, value by value. For the manifest, whose hash has been checked:
//! it need not tell every malformed text from a good one, only never go wrong on one.

const std = @import("std");
const Allocator = std.mem.Allocator;

pub const Error = error{Malformed} || Allocator.Error;
const depth_max = 16;
/// What JSON holds exactly wherever it is read (RFC 8259, 6). The sum of a few of them is a u64 still.
pub const number_max = (1 << 53) - 1;

pub const Reader = struct {
    arena: Allocator,
    text: []const u8,
    at: usize = 0,

    /// Enters an object; then `key` until it returns null.
    pub fn object(reader: *Reader) Error!void {
        return reader.expect('{');
    }

    pub fn key(reader: *Reader) Error!?[]const u8 {
        if (try reader.ends('}')) return null;
        const name = try reader.string();
        try reader.expect(':');
        return name;
    }

    /// Enters an array; then `element` until it returns false.
    pub fn array(reader: *Reader) Error!void {
        return reader.expect('[');
    }

    pub fn element(reader: *Reader) Error!bool {
        return !try reader.ends(']');
    }

    /// Without escapes it is a part of the text, else a copy.
    pub fn string(reader: *Reader) Error![]const u8 {
        try reader.expect('"');
        const start = reader.at;
        while (reader.at < reader.text.len) : (reader.at += 1) switch (reader.text[reader.at]) {
            '"' => {
                reader.at += 1;
                return reader.text[start .. reader.at - 1];
            },
            '\\' => {
                reader.at = start;
                return reader.escapedString();
            },
            else => {},
        };
        return error.Malformed;
    }

    fn escapedString(reader: *Reader) Error![]const u8 {
        var result: std.ArrayList(u8) = .empty;
        while (true) switch (try reader.byte()) {
            '"' => return result.items,
            '\\' => switch (try reader.byte()) {
                'b' => try result.append(reader.arena, 8),
                'f' => try result.append(reader.arena, 12),
                'n' => try result.append(reader.arena, '\n'),
                'r' => try result.append(reader.arena, '\r'),
                't' => try result.append(reader.arena, '\t'),
                'u' => {
                    var encoded: [4]u8 = undefined;
                    const length = std.unicode.utf8Encode(try reader.codePoint(), &encoded) catch return error.Malformed;
                    try result.appendSlice(reader.arena, encoded[0..length]);
                },
                else => |literal| try result.append(reader.arena, literal),
            },
            else => |plain| try result.append(reader.arena, plain),
        };
    }

    /// Four hex digits, or twice four for a surrogate pair.
    fn codePoint(reader: *Reader) Error!u21 {
        const first = try reader.fourDigits();
        if (first < 0xD800 or first > 0xDFFF) return first;
        if (try reader.byte() != '\\' or try reader.byte() != 'u') return error.Malformed;
        const second = try reader.fourDigits();
        if (first > 0xDBFF or second < 0xDC00 or second > 0xDFFF) return error.Malformed;
        return 0x10000 + ((@as(u21, first) - 0xD800) << 10) + (second - 0xDC00);
    }

    fn fourDigits(reader: *Reader) Error!u16 {
        if (reader.text.len - reader.at < 4) return error.Malformed;
        defer reader.at += 4;
        return std.fmt.parseInt(u16, reader.text[reader.at..][0..4], 16) catch error.Malformed;
    }

    pub fn integer(reader: *Reader) Error!u64 {
        reader.space();
        const start = reader.at;
        while (reader.at < reader.text.len and std.ascii.isDigit(reader.text[reader.at])) reader.at += 1;
        const number = std.fmt.parseInt(u64, reader.text[start..reader.at], 10) catch return error.Malformed;
        return if (number <= number_max) number else error.Malformed;
    }

    pub fn takeNull(reader: *Reader) bool {
        reader.space();
        if (!std.mem.startsWith(u8, reader.text[reader.at..], "null")) return false;
        reader.at += 4;
        return true;
    }

    pub fn skip(reader: *Reader) Error!void {
        return reader.skipWithin(depth_max);
    }

    fn skipWithin(reader: *Reader, depth: u32) Error!void {
        if (depth == 0) return error.Malformed;
        reader.space();
        if (reader.at == reader.text.len) return error.Malformed;
        switch (reader.text[reader.at]) {
            '{' => {
                try reader.object();
                while (try reader.key()) |_| try reader.skipWithin(depth - 1);
            },
            '[' => {
                try reader.array();
                while (try reader.element()) try reader.skipWithin(depth - 1);
            },
            '"' => _ = try reader.string(),
            else => {
                const start = reader.at;
                while (reader.at < reader.text.len and std.mem.indexOfScalar(u8, ",]} \n\r\t", reader.text[reader.at]) == null) reader.at += 1;
                if (reader.at == start) return error.Malformed;
            },
        }
    }

    fn ends(reader: *Reader, closing: u8) Error!bool {
        reader.space();
        if (reader.at == reader.text.len) return error.Malformed;
        if (reader.text[reader.at] == ',') reader.at += 1;
        reader.space();
        if (reader.at == reader.text.len) return error.Malformed;
        if (reader.text[reader.at] != closing) return false;
        reader.at += 1;
        return true;
    }

    fn expect(reader: *Reader, wanted: u8) Error!void {
        reader.space();
        if (try reader.byte() != wanted) return error.Malformed;
    }

    fn byte(reader: *Reader) Error!u8 {
        if (reader.at == reader.text.len) return error.Malformed;
        defer reader.at += 1;
        return reader.text[reader.at];
    }

    fn space(reader: *Reader) void {
        while (reader.at < reader.text.len and std.ascii.isWhitespace(reader.text[reader.at])) reader.at += 1;
    }
};

test "strings with and without escapes, numbers, null, and what is skipped" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    var reader: Reader = .{ .arena = memory.allocator(), .text =
        \\{"a": "x\n\u00e9\ud83d\ude00\\", "skipped": [1, {"b": [true, -1.5e3]}, "}"], "n": null, "i": 12}
    };
    try reader.object();
    try std.testing.expectEqualStrings("a", (try reader.key()).?);
    try std.testing.expectEqualStrings("x\né😀\\", try reader.string());
    _ = try reader.key();
    try reader.skip();
    _ = try reader.key();
    try std.testing.expect(reader.takeNull());
    _ = try reader.key();
    try std.testing.expectEqual(12, try reader.integer());
    try std.testing.expectEqual(null, try reader.key());
}

test "no text makes it read past the end or nest without bound" {
    const deep = "[" ** 100;
    for ([_][]const u8{ "", "{", "\"", "\"\\", "\"\\u12", "[1", "[,", "[}", "{\"a\":}", deep }) |text| {
        var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
        defer memory.deinit();
        var reader: Reader = .{ .arena = memory.allocator(), .text = text };
        try std.testing.expectError(error.Malformed, reader.skip());
    }
}
