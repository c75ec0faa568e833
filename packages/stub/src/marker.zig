//! The marker of an install: written last, so that a directory with one was whole once. docs/format.md, "Install".

const std = @import("std");
const message = @import("message.zig");
const os = @import("os.zig");
const Allocator = std.mem.Allocator;

pub const directory = ".sarma";
pub const path = ".sarma/marker";
/// One name, so that what a killed run left is gone with the next. Writers hold the install's lock; where locks cannot
/// be trusted, the one whose file was taken away fails at the rename, and the marker stays as it was.
pub const temporary = path ++ ".new";

/// Above this a marker names no directories, and a sweep is for once a day.
pub const directories_max = 64;
const size_max = 96 << 10;

pub const Marker = struct {
    /// Hex SHA-256 of the manifest, or of the runtime.
    id: []const u8 = "",
    name: []const u8 = "",
    version: []const u8 = "",
    runtime: []const u8 = "",
    /// Of the start of the machine in which the install was made; empty if it was synced.
    boot: []const u8 = "",
    durable: bool = false,
    /// Seconds since 1970.
    installed: i64 = 0,
    host: []const u8 = "",
    /// What the host's fingerprint was taken of.
    interpreter: []const u8 = "",
    directories: []const []const u8 = &.{},
    /// Old versions are still to be removed: whoever began it was killed.
    unpruned: bool = false,
    /// When the directories were last looked at: the file's own time.
    swept: i64 = 0,
};

pub const Error = os.Error || Allocator.Error || error{Malformed};

pub fn read(arena: Allocator, install: os.Handle) Error!Marker {
    const file = try os.openRead(install, path);
    defer os.close(file);
    const found = try os.fstat(file);
    if (found.size > size_max) return error.Malformed;
    const text = try arena.alloc(u8, @intCast(found.size + 1));
    const length = try os.read(file, text);
    var marker = try parse(arena, text[0..length]);
    marker.swept = found.seconds;
    return marker;
}

pub fn parse(arena: Allocator, text: []const u8) Error!Marker {
    var marker: Marker = .{};
    var directories: std.ArrayList([]const u8) = .empty;
    var lines = std.mem.splitScalar(u8, text, '\n');
    if (!std.mem.eql(u8, lines.next() orelse "", "sarma 1")) return error.Malformed;
    while (lines.next()) |line| {
        const space = std.mem.indexOfScalar(u8, line, ' ') orelse continue;
        const value = line[space + 1 ..];
        const key = std.meta.stringToEnum(Key, line[0..space]) orelse continue;
        switch (key) {
            .id => marker.id = value,
            .name => marker.name = value,
            .version => marker.version = value,
            .runtime => marker.runtime = value,
            .boot => marker.boot = value,
            .durable => marker.durable = std.mem.eql(u8, value, "1"),
            .unpruned => marker.unpruned = std.mem.eql(u8, value, "1"),
            .installed => marker.installed = std.fmt.parseInt(i64, value, 10) catch return error.Malformed,
            .host => marker.host = value,
            .interpreter => marker.interpreter = value,
            .directory => {
                if (directories.items.len == directories_max) return error.Malformed;
                try directories.append(arena, value);
            },
        }
    }
    // A torn file after a loss of power has no last line, or a page of zeros.
    if (text[text.len - 1] != '\n' or marker.id.len != 64 or std.mem.indexOfScalar(u8, text, 0) != null) return error.Malformed;
    marker.directories = directories.items;
    return marker;
}

const Key = enum { id, name, version, runtime, boot, durable, unpruned, installed, host, interpreter, directory };

/// Takes the place of an older one in one step.
pub fn write(arena: Allocator, install: os.Handle, marker: Marker) (os.Error || Allocator.Error)!void {
    // A run that renews it has the umask of the program.
    const modes = os.beginInstalling();
    defer os.endInstalling(modes);
    os.makeDirectory(install, directory, 0o755) catch |err| if (err != error.Exists) return err;
    os.removeFile(install, temporary) catch |err| if (err != error.NotFound) return err;
    const file = try os.create(install, temporary, 0o644);
    errdefer os.removeFile(install, temporary) catch {};
    {
        defer os.close(file);
        try os.writeAll(file, try format(arena, marker));
    }
    try os.rename(install, temporary, install, path);
}

fn format(arena: Allocator, marker: Marker) Allocator.Error![]const u8 {
    var text: std.ArrayList(u8) = .empty;
    try text.appendSlice(arena, "sarma 1\n");
    inline for (.{ Key.id, .name, .version, .runtime, .boot, .host, .interpreter }) |key| {
        const value = @field(marker, @tagName(key));
        if (value.len > 0) try text.appendSlice(arena, try std.mem.concat(arena, u8, &.{ @tagName(key), " ", value, "\n" }));
    }
    var digits: [20]u8 = undefined;
    try text.appendSlice(arena, try std.mem.concat(arena, u8, &.{ "installed ", message.decimal(&digits, @intCast(@max(marker.installed, 0))), "\n" }));
    for (marker.directories) |name| try text.appendSlice(arena, try std.mem.concat(arena, u8, &.{ "directory ", name, "\n" }));
    if (marker.unpruned) try text.appendSlice(arena, "unpruned 1\n");
    try text.appendSlice(arena, if (marker.durable) "durable 1\n" else "durable 0\n");
    return text.items;
}

test "a marker is read as it was written; a torn one is not read" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const arena = memory.allocator();
    const text = try format(arena, .{ .id = "0123456789abcdef" ** 4, .name = "a b", .installed = 5, .durable = true, .directories = &.{ "lib", "lib/x y" } });
    const marker = try parse(arena, text);
    try std.testing.expectEqualStrings("a b", marker.name);
    try std.testing.expectEqualStrings("lib/x y", marker.directories[1]);
    try std.testing.expect(marker.durable and marker.installed == 5);
    try std.testing.expectError(error.Malformed, parse(arena, text[0 .. text.len - 3]));
    try std.testing.expectError(error.Malformed, parse(arena, ""));
    const hole = try arena.dupe(u8, text);
    @memset(hole[text.len - 30 .. text.len - 20], 0);
    try std.testing.expectError(error.Malformed, parse(arena, hole));
}
