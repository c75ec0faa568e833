//! `holder FILE SHARE` opens a file to read it, as a virus scanner, an editor or a backup does, and holds it until it is
//! killed. SHARE: what others may do meanwhile, a sum of 1 (read), 2 (write) and 4 (delete). Says so once it has it.

const std = @import("std");

pub fn main(init: std.process.Init.Minimal) u8 {
    const allocator = std.heap.page_allocator;
    var arguments = std.process.Args.Iterator.initAllocator(init.args, allocator) catch return 90;
    _ = arguments.skip();
    const file = std.unicode.wtf8ToWtf16LeAllocZ(allocator, arguments.next() orelse return 91) catch return 92;
    const share = std.fmt.parseInt(u32, arguments.next() orelse return 93, 10) catch return 94;
    const generic_read = 0x80000000;
    const open_existing = 3;
    if (CreateFileW(file, generic_read, share, null, open_existing, 0, null) == invalid) return @truncate(GetLastError());
    var written: u32 = 0;
    _ = WriteFile(GetStdHandle(0xFFFFFFF5) orelse return 95, "held", 4, &written, null);
    Sleep(0xFFFFFFFF);
    return 0;
}

const invalid: *anyopaque = @ptrFromInt(std.math.maxInt(usize));
extern "kernel32" fn CreateFileW(name: [*:0]const u16, access: u32, share: u32, security: ?*anyopaque, disposition: u32, flags: u32, template: ?*anyopaque) callconv(.winapi) *anyopaque;
extern "kernel32" fn WriteFile(file: *anyopaque, bytes: [*]const u8, length: u32, written: *u32, overlapped: ?*anyopaque) callconv(.winapi) i32;
extern "kernel32" fn GetStdHandle(number: u32) callconv(.winapi) ?*anyopaque;
extern "kernel32" fn GetLastError() callconv(.winapi) u32;
extern "kernel32" fn Sleep(milliseconds: u32) callconv(.winapi) void;
