//! A thread's own memory, kept from frame to frame.

const std = @import("std");
const os = @import("os.zig");

pub const Desk = struct {
    stored: []align(4096) u8 = &.{},
    decoded: []align(4096) u8 = &.{},
    workspace: []align(4096) u8 = &.{},
    /// What is being written, for a message.
    path: []const u8 = "",

    pub fn room(memory: *[]align(4096) u8, size: usize) os.Error![]u8 {
        if (memory.len < size) {
            if (memory.len > 0) os.release(memory.*);
            memory.* = &.{};
            memory.* = try os.pages(std.mem.alignForward(usize, @max(size, 4096), 4096));
        }
        return memory.*[0..size];
    }

    pub fn clear(desk: *Desk) void {
        for ([_][]align(4096) u8{ desk.stored, desk.decoded, desk.workspace }) |memory| {
            if (memory.len > 0) os.release(memory);
        }
    }
};
