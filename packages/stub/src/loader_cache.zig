//! /etc/ld.so.cache of glibc: where the loader finds libraries. Format: dl-cache.h of glibc ("new" format, the
//! only one since 2.32; before, it followed the old one in the same file).

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const Allocator = std.mem.Allocator;

pub const path = "/etc/ld.so.cache";
const magic = "glibc-ld.so.cache1.1";
const header_size = 48;
const entry_size = 24;
const size_max = 16 << 20;

/// From the header on; empty if there is none.
pub fn read(arena: Allocator) []const u8 {
    const file = os.openRead(os.cwd, path) catch return "";
    defer os.close(file);
    const size = (os.fstat(file) catch return "").size;
    if (size > size_max) return "";
    const bytes = arena.alloc(u8, @intCast(size)) catch return "";
    var filled: usize = 0;
    while (filled < bytes.len) {
        const count = os.read(file, bytes[filled..]) catch return "";
        if (count == 0) break;
        filled += count;
    }
    const start = std.mem.indexOf(u8, bytes[0..filled], magic) orelse return "";
    return bytes[start..filled];
}

pub const Entries = struct {
    cache: []const u8,
    left: usize,
    at: usize = header_size,

    pub fn of(cache: []const u8) Entries {
        return .{ .cache = cache, .left = if (cache.len < header_size) 0 else word(cache, magic.len) };
    }

    pub fn next(entries: *Entries) ?struct { name: []const u8, path: []const u8 } {
        if (entries.left == 0 or entries.at + entry_size > entries.cache.len) return null;
        defer entries.at += entry_size;
        entries.left -= 1;
        return .{
            .name = entries.string(word(entries.cache, entries.at + 4)),
            .path = entries.string(word(entries.cache, entries.at + 8)),
        };
    }

    fn string(entries: *const Entries, offset: u32) []const u8 {
        if (offset >= entries.cache.len) return "";
        const rest = entries.cache[offset..];
        return rest[0 .. std.mem.indexOfScalar(u8, rest, 0) orelse 0];
    }
};

fn word(bytes: []const u8, offset: usize) u32 {
    return std.mem.readInt(u32, bytes[offset..][0..4], builtin.cpu.arch.endian());
}

test "this host's cache, if it has one, names the C library" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const cache = read(memory.allocator());
    if (cache.len == 0) return error.SkipZigTest;
    var entries: Entries = .of(cache);
    while (entries.next()) |entry| if (std.mem.eql(u8, entry.name, "libc.so.6")) return;
    return error.TestUnexpectedResult;
}
