//! `starter FLAGS COMMAND LINE...` starts what the rest of its command line says, with these CreateProcess flags and without
//! standard handles, as Explorer and terminals start a program of the subsystem `gui`; waits, and exits like it.
//! `starter window` exits with a number that says what console it is on.

const std = @import("std");

pub fn main(init: std.process.Init.Minimal) u8 {
    const line = init.args.vector;
    var rest: usize = 0;
    rest = skip(line, rest);
    const word = argument(line, rest);
    if (word[0] == 'w') return console();
    var flags: u32 = 0;
    for (word) |unit| flags = flags * 10 + (unit - '0');
    rest = skip(line, rest);
    var buffer: [32768]u16 = undefined;
    @memcpy(buffer[0 .. line.len - rest], line[rest..]);
    buffer[line.len - rest] = 0;
    for ([_]u32{ 0xFFFFFFF6, 0xFFFFFFF5, 0xFFFFFFF4 }) |number| _ = SetStdHandle(number, null);
    var startup: Startup = std.mem.zeroes(Startup);
    startup.size = @sizeOf(Startup);
    var process: Information = undefined;
    if (CreateProcessW(null, buffer[0 .. line.len - rest :0], null, null, 0, flags, null, null, &startup, &process) == 0) return 99;
    _ = WaitForSingleObject(process.process, 0xFFFFFFFF);
    var code: u32 = 98;
    _ = GetExitCodeProcess(process.process, &code);
    return @truncate(code);
}

/// 0: none, 1: one without a window that is seen, 2: one with.
fn console() u8 {
    if (GetConsoleCP() == 0) return 0;
    const window = GetConsoleWindow() orelse return 1;
    return if (IsWindowVisible(window) != 0) 2 else 1;
}

fn argument(line: []const u16, from: usize) []const u16 {
    var end = from;
    while (end < line.len and line[end] != ' ') end += 1;
    return line[from..end];
}

fn skip(line: []const u16, from: usize) usize {
    var at = from;
    var quoted = false;
    while (at < line.len and (quoted or line[at] != ' ')) : (at += 1) if (line[at] == '"') {
        quoted = !quoted;
    };
    while (at < line.len and line[at] == ' ') at += 1;
    return at;
}

const Startup = extern struct { size: u32, reserved: usize, desktop: usize, title: usize, numbers: [8]u32, show: u16, table_size: u16, table: usize, handles: [3]usize };
const Information = extern struct { process: *anyopaque, thread: *anyopaque, ids: [2]u32 };
extern "kernel32" fn CreateProcessW(image: ?[*:0]const u16, line: [*:0]u16, a: ?*anyopaque, b: ?*anyopaque, inherit: i32, flags: u32, environment: ?*anyopaque, directory: ?[*:0]const u16, startup: *Startup, information: *Information) callconv(.winapi) i32;
extern "kernel32" fn WaitForSingleObject(object: *anyopaque, milliseconds: u32) callconv(.winapi) u32;
extern "kernel32" fn GetExitCodeProcess(child: *anyopaque, code: *u32) callconv(.winapi) i32;
extern "kernel32" fn GetConsoleCP() callconv(.winapi) u32;
extern "kernel32" fn GetConsoleWindow() callconv(.winapi) ?*anyopaque;
extern "user32" fn IsWindowVisible(window: *anyopaque) callconv(.winapi) i32;
extern "kernel32" fn SetStdHandle(number: u32, handle: ?*anyopaque) callconv(.winapi) i32;
