//! Memory that is only ever taken: the stub ends or becomes another program soon. A warm run fits into
//! the static part and asks the system for nothing. For the main thread alone.

const std = @import("std");
const os = @import("os.zig");
const Allocator = std.mem.Allocator;

const chunk_min = 1 << 20;
var first_chunk: [160 << 10]u8 align(16) = undefined;
var last_chunk: [32 << 10]u8 align(16) = undefined;

pub const Arena = struct {
    chunk: []u8 = &first_chunk,
    used: usize = 0,

    pub fn allocator(arena: *Arena) Allocator {
        return .{ .ptr = arena, .vtable = &.{ .alloc = alloc, .resize = resize, .remap = remap, .free = free } };
    }

    fn alloc(pointer: *anyopaque, length: usize, alignment: std.mem.Alignment, _: usize) ?[*]u8 {
        const arena: *Arena = @ptrCast(@alignCast(pointer));
        var start = aligned(arena, alignment);
        if (start + length > arena.chunk.len) {
            arena.chunk = os.pages(std.mem.alignForward(usize, @max(length, chunk_min), 4096)) catch {
                // What was begun is removed, which takes a few paths.
                if (arena.chunk.ptr != &last_chunk) arena.* = .{ .chunk = &last_chunk };
                return null;
            };
            arena.used = 0;
            start = 0;
        }
        arena.used = start + length;
        return arena.chunk.ptr + start;
    }

    fn aligned(arena: *Arena, alignment: std.mem.Alignment) usize {
        return alignment.forward(@intFromPtr(arena.chunk.ptr) + arena.used) - @intFromPtr(arena.chunk.ptr);
    }

    /// What was taken last can grow and shrink in place.
    fn resize(pointer: *anyopaque, memory: []u8, _: std.mem.Alignment, length: usize, _: usize) bool {
        const arena: *Arena = @ptrCast(@alignCast(pointer));
        if (memory.ptr + memory.len != arena.chunk.ptr + arena.used) return length <= memory.len;
        const start = @intFromPtr(memory.ptr) - @intFromPtr(arena.chunk.ptr);
        if (start + length > arena.chunk.len) return false;
        arena.used = start + length;
        return true;
    }

    fn remap(pointer: *anyopaque, memory: []u8, alignment: std.mem.Alignment, length: usize, address: usize) ?[*]u8 {
        return if (resize(pointer, memory, alignment, length, address)) memory.ptr else null;
    }

    fn free(_: *anyopaque, _: []u8, _: std.mem.Alignment, _: usize) void {}
};
