//! How the runtime is told to load the guard, which keeps modules that others could have planted out of the program.

const std = @import("std");
const builtin = @import("builtin");
const Allocator = std.mem.Allocator;

/// Not `-r`: Node resolves that as if a module of the working directory asked for it, and whoever wrote a `package.json` there
/// or above could put his own file in the guard's place.
pub const option = "--import";

/// `path`, which is absolute, as a URL.
pub fn urlOf(arena: Allocator, path: []const u8) Allocator.Error![:0]const u8 {
    var url: std.ArrayList(u8) = .empty;
    try url.ensureTotalCapacity(arena, "file:///".len + 3 * path.len + 1);
    // A share's path begins with two separators, and its URL with as many.
    const share = path[0] == '\\';
    url.appendSliceAssumeCapacity(if (share) "file:" else if (path[0] == '/') "file://" else "file:///");
    for (path) |byte| switch (byte) {
        0...' ', '%', '?', '#', 127 => url.appendSliceAssumeCapacity(&.{ '%', digit(byte >> 4), digit(byte & 15) }),
        '\\' => if (builtin.os.tag == .windows) url.appendAssumeCapacity('/') else url.appendSliceAssumeCapacity("%5C"),
        else => url.appendAssumeCapacity(byte),
    };
    url.appendAssumeCapacity(0);
    return url.items[0 .. url.items.len - 1 :0];
}

fn digit(value: u8) u8 {
    return "0123456789ABCDEF"[value];
}

test "a path as a URL" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    try std.testing.expectEqualStrings("file:///a%20b/%25%3F%23%0A", try urlOf(memory.allocator(), "/a b/%?#\n"));
    try std.testing.expectEqualStrings("file:///C:/x", try urlOf(memory.allocator(), "C:/x"));
}
