//! Memory in which a step too far is noticed in any build mode: what is handed out ends where a page begins that nobody may
//! touch.

const std = @import("std");
const os = @import("../src/os.zig");
const linux = std.os.linux;

/// Of an input, and of what it may be decoded to.
pub const largest = 1 << 20;
const page = 4096;
const heap_size = 64 << 20;

pub const Memory = struct {
    source: []u8,
    destination: []u8,
    heap: std.heap.FixedBufferAllocator,

    pub fn init() Memory {
        return .{ .source = fenced(largest), .destination = fenced(largest), .heap = .init(fenced(heap_size)) };
    }

    pub fn reset(memory: *Memory) void {
        memory.heap.reset();
    }

    pub fn arena(memory: *Memory) std.mem.Allocator {
        return memory.heap.allocator();
    }

    /// Bytes that were asked for since `reset`.
    pub fn used(memory: *const Memory) usize {
        return memory.heap.end_index;
    }

    /// A copy that nothing can be read behind.
    pub fn input(memory: *Memory, bytes: []const u8) []u8 {
        const kept = @min(bytes.len, largest);
        const copy = memory.source[largest - kept ..];
        @memcpy(copy, bytes[0..kept]);
        return copy;
    }

    /// Room that nothing can be written behind; what is in it is what the last input left.
    pub fn room(memory: *Memory, size: usize) []u8 {
        return memory.destination[largest - size ..];
    }

    /// What is in the file, as the next input. Closes it.
    pub fn file(memory: *Memory, handle: os.Handle) os.Error![]u8 {
        defer os.close(handle);
        memory.reset();
        var filled: usize = 0;
        while (filled < largest) {
            const count = try os.read(handle, memory.destination[filled..]);
            if (count == 0) break;
            filled += count;
        }
        return memory.input(memory.destination[0..filled]);
    }
};

fn fenced(size: usize) []u8 {
    const memory = os.pages(page + size + page) catch @panic("no memory");
    for ([_]usize{ 0, page + size }) |at| {
        if (linux.mprotect(memory.ptr + at, page, .{}) != 0) @panic("cannot fence memory");
    }
    return memory[page..][0..size];
}
