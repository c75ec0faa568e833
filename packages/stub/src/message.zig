//! Texts of a format and values. `std.fmt` compiles every format into code of its own, and a stub has more than a hundred.

const std = @import("std");

/// A text, or a number where `text` is null.
pub const Value = struct {
    text: ?[*]const u8,
    /// The length of the text.
    number: u64,

    fn of(value: anytype) Value {
        switch (@typeInfo(@TypeOf(value))) {
            .int, .comptime_int => return .{ .text = null, .number = value },
            .bool => return .of(if (value) "true" else "false"),
            else => {
                const text: []const u8 = value;
                return .{ .text = text.ptr, .number = text.len };
            },
        }
    }
};

/// The values for a format: texts, numbers that are not negative, and truth; as many as it names.
pub inline fn values(comptime format: []const u8, arguments: anytype) [arguments.len]Value {
    comptime if (wanted(format) != arguments.len) @compileError("another number of values than in \"" ++ format ++ "\"");
    var list: [arguments.len]Value = undefined;
    inline for (&list, arguments) |*value, argument| value.* = .of(argument);
    return list;
}

fn wanted(comptime format: []const u8) usize {
    @setEvalBranchQuota(10_000);
    var in_order: usize = 0;
    var by_number: usize = 0;
    for (format, 1..) |byte, next| if (byte == '{') {
        if (std.ascii.isDigit(format[next])) by_number = @max(by_number, format[next] - '0' + 1) else in_order += 1;
    };
    return @max(in_order, by_number);
}

/// Replaces every `{…}` by the next value, `{0…}` to `{9…}` by the one of that number. What does not fit into `buffer` is cut off.
pub fn print(buffer: []u8, format: []const u8, list: []const Value) []u8 {
    var filled: usize = 0;
    var used: usize = 0;
    var rest = format;
    while (std.mem.indexOfScalar(u8, rest, '{')) |start| {
        filled += put(buffer[filled..], rest[0..start]);
        const end = std.mem.indexOfScalarPos(u8, rest, start, '}').?;
        const named = std.ascii.isDigit(rest[start + 1]);
        const value = list[if (named) rest[start + 1] - '0' else used];
        if (!named) used += 1;
        var digits: [20]u8 = undefined;
        filled += put(buffer[filled..], if (value.text) |text| text[0..@intCast(value.number)] else decimal(&digits, value.number));
        rest = rest[end + 1 ..];
    }
    filled += put(buffer[filled..], rest);
    return buffer[0..filled];
}

/// With a NUL behind it. `buffer` has room for all of it.
pub inline fn printZ(buffer: []u8, comptime format: []const u8, arguments: anytype) [:0]u8 {
    const text = print(buffer, format ++ "\x00", &values(format, arguments));
    return text[0 .. text.len - 1 :0];
}

fn put(buffer: []u8, text: []const u8) usize {
    const length = @min(buffer.len, text.len);
    @memcpy(buffer[0..length], text[0..length]);
    return length;
}

/// In the last bytes of `digits`.
pub fn decimal(digits: *[20]u8, number: u64) []const u8 {
    var at = digits.len;
    var rest = number;
    while (true) {
        at -= 1;
        digits[at] = @intCast('0' + rest % 10);
        rest /= 10;
        if (rest == 0) return digits[at..];
    }
}

test "texts, numbers and truth take the places of a format, in order or by number" {
    var buffer: [64]u8 = undefined;
    const path: [:0]const u8 = "/x";
    try std.testing.expectEqualStrings("/x: 0 of 18446744073709551615, true", print(&buffer, "{s}: {d} of {d}, {}", &values("{s}: {d} of {d}, {}", .{ path, 0, @as(u64, std.math.maxInt(u64)), true })));
    try std.testing.expectEqualStrings("b a b", print(&buffer, "{1s} {0s} {1s}", &values("{1s} {0s} {1s}", .{ "a", "b" })));
    try std.testing.expectEqualStrings("abc", print(buffer[0..3], "ab{s}", &values("ab{s}", .{"cd"})));
    try std.testing.expectEqualStrings("/proc/7", printZ(&buffer, "/proc/{d}", .{7}));
}
