//! The command line of a Windows program is one text, which the C runtime of the program splits:
//! "Parsing C command-line arguments" of Microsoft's C documentation. The name ends at white space outside quotes,
//! and backslashes mean nothing in it; behind it `\"` is a quote, and 2n backslashes before a quote are n.

const std = @import("std");
const Allocator = std.mem.Allocator;

/// Of CreateProcess, with the end.
pub const length_max = 32767;

/// An argument split off, as the program would see it.
pub fn argument(arena: Allocator, line: []const u16, index: usize) ?[]const u8 {
    var iterator = std.process.Args.Iterator.Windows.init(arena, line) catch return null;
    for (0..index) |_| if (!iterator.skip()) return null;
    return iterator.next();
}

/// Whether `compose` can take it. Zig 0.16's own answer takes an overlong form for text: E0 and a byte below A0.
pub fn isText(text: []const u8) bool {
    if (!std.unicode.wtf8ValidateSlice(text)) return false;
    for (text, 0..) |byte, at| if (byte == 0xE0 and text[at + 1] < 0xA0) return false;
    return true;
}

/// `given` with `inserted` behind the name. `own_path` is the name where none can be used.
pub fn compose(arena: Allocator, own_path: []const u8, inserted: []const []const u8, given: []const u16) Allocator.Error![:0]u16 {
    const typed = split(given);
    var line: std.ArrayList(u16) = .empty;
    if (typed.usable) try line.appendSlice(arena, typed.name) else try appendQuoted(arena, &line, own_path);
    for (inserted) |text| {
        try line.append(arena, ' ');
        try appendQuoted(arena, &line, text);
    }
    if (typed.rest.len > 0) {
        try line.append(arena, ' ');
        try line.appendSlice(arena, typed.rest);
    }
    return line.toOwnedSliceSentinel(arena, 0);
}

const Typed = struct { name: []const u16, rest: []const u16, usable: bool };

fn split(line: []const u16) Typed {
    var quoted = false;
    var end: usize = 0;
    while (end < line.len) : (end += 1) {
        if (line[end] == '"') quoted = !quoted;
        if (!quoted and isSpace(line[end])) break;
    }
    var rest = end;
    while (rest < line.len and isSpace(line[rest])) rest += 1;
    // A quote that is never closed would swallow what is inserted; of an empty line the C runtime makes the file's name.
    return .{ .name = line[0..end], .rest = line[rest..], .usable = !quoted and line.len > 0 };
}

fn isSpace(unit: u16) bool {
    return unit == ' ' or unit == '\t';
}

fn appendQuoted(arena: Allocator, line: *std.ArrayList(u16), text: []const u8) Allocator.Error!void {
    const units = std.unicode.wtf8ToWtf16LeAlloc(arena, text) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        error.InvalidWtf8 => unreachable,
    };
    const bare = std.mem.indexOfAny(u16, units, &.{ ' ', '\t', '\n', 0x0B, '"' }) == null;
    if (bare and units.len > 0) return line.appendSlice(arena, units);
    try line.append(arena, '"');
    var backslashes: usize = 0;
    for (units) |unit| {
        if (unit == '"') try line.appendNTimes(arena, '\\', backslashes + 1);
        backslashes = if (unit == '\\') backslashes + 1 else 0;
        try line.append(arena, unit);
    }
    try line.appendNTimes(arena, '\\', backslashes);
    try line.append(arena, '"');
}

test "what is typed stays as it is typed, what is inserted is read back as it was" {
    const literal = std.unicode.utf8ToUtf16LeStringLiteral;
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const arena = memory.allocator();
    const inserted = [_][]const u8{ "C:\\a b\\", "", "say \"x\\\\\"", "plain\\" };
    const line = try compose(arena, "C:\\x.exe", &inserted, literal("\"C:\\my dir\\\"x.exe \t \"a\\\\\" b\"c d\"e \\\"ü"));
    try std.testing.expectEqualStrings("C:\\my dir\\x.exe", argument(arena, line, 0).?);
    for (inserted, 1..) |text, at| try std.testing.expectEqualStrings(text, argument(arena, line, at).?);
    for ([_][]const u8{ "a\\", "bc de", "\"ü" }, 5..) |text, at| try std.testing.expectEqualStrings(text, argument(arena, line, at).?);
    try std.testing.expectEqual(null, argument(arena, line, 8));
}

test "whatever is inserted is read back, and so is what was typed behind it" {
    const literal = std.unicode.utf8ToUtf16LeStringLiteral;
    const pieces = [_][]const u8{ "\"", "\"", "\\", "\\", "\\\\", " ", "\t", "\n", "%", "^", "&", "a", "ü", "日", "😀" };
    var random: std.Random.DefaultPrng = .init(20261121);
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    for (0..2000) |_| {
        defer _ = memory.reset(.retain_capacity);
        const arena = memory.allocator();
        var inserted: [4][]const u8 = undefined;
        for (&inserted) |*text| {
            var parts: [8][]const u8 = undefined;
            for (&parts) |*part| part.* = pieces[random.random().uintLessThan(usize, pieces.len)];
            text.* = try std.mem.concat(arena, u8, parts[0..random.random().uintAtMost(usize, parts.len)]);
        }
        const line = try compose(arena, "C:\\x.exe", &inserted, literal("x \"last one\\\\\""));
        for (inserted, 1..) |text, at| try std.testing.expectEqualStrings(text, argument(arena, line, at).?);
        try std.testing.expectEqualStrings("last one\\", argument(arena, line, inserted.len + 1).?);
        try std.testing.expectEqual(null, argument(arena, line, inserted.len + 2));
    }
}

test "a name that cannot be used is replaced" {
    const literal = std.unicode.utf8ToUtf16LeStringLiteral;
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const arena = memory.allocator();
    for ([_][]const u16{ literal(""), literal("\"never closed") }) |given| {
        const line = try compose(arena, "C:\\a b.exe", &.{"x"}, given);
        try std.testing.expectEqualStrings("C:\\a b.exe", argument(arena, line, 0).?);
        try std.testing.expectEqualStrings("x", argument(arena, line, 1).?);
    }
}
