//! The process on Windows: environment, console, time, memory, other processes. See `os.zig`.

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("nt.zig");
const gui = @import("windows_gui.zig");
const Allocator = std.mem.Allocator;
const Error = os.Error;

// --- standard handles

/// Not handles but the numbers that GetStdHandle takes; no handle has such a value.
pub const stdin: nt.Handle = @ptrFromInt(std.math.maxInt(usize) - 9);
pub const stdout: nt.Handle = @ptrFromInt(std.math.maxInt(usize) - 10);
pub const stderr: nt.Handle = @ptrFromInt(std.math.maxInt(usize) - 11);

pub fn standard(file: nt.Handle) nt.Handle {
    if (file != stdin and file != stdout and file != stderr) return file;
    return nt.GetStdHandle(@truncate(@intFromPtr(file))) orelse nt.invalid;
}

pub fn isTerminal(file: nt.Handle) bool {
    var mode: u32 = 0;
    return nt.GetConsoleMode(standard(file), &mode) != 0;
}

pub fn writeStandard(file: nt.Handle, bytes: []const u8) Error!usize {
    const handle = standard(file);
    if (file == stderr and gui.unheard) {
        gui.keep(bytes);
        return bytes.len;
    }
    if (isTerminal(handle)) {
        if (writeConsole(handle, bytes)) |count| return count;
    }
    var written: u32 = 0;
    if (nt.WriteFile(handle, bytes.ptr, @intCast(@min(bytes.len, 1 << 20)), &written, null) == 0) return error.InputOutput;
    return written;
}

/// As text, whatever the code page of the console is. Escape sequences have to be switched on.
fn writeConsole(console: nt.Handle, bytes: []const u8) ?usize {
    const virtual_terminal = 0x4;
    var mode: u32 = 0;
    _ = nt.GetConsoleMode(console, &mode);
    if (mode & virtual_terminal == 0) _ = nt.SetConsoleMode(console, mode | virtual_terminal);
    defer if (mode & virtual_terminal == 0) {
        _ = nt.SetConsoleMode(console, mode);
    };
    var text: [2048]u16 = undefined;
    const some = wholeCharacters(bytes, text.len);
    const length = std.unicode.wtf8ToWtf16Le(&text, some) catch return null;
    var written: u32 = 0;
    if (nt.WriteConsoleW(console, &text, @intCast(length), &written, null) == 0) return null;
    return some.len;
}

fn wholeCharacters(bytes: []const u8, most: usize) []const u8 {
    if (bytes.len <= most) return bytes;
    var end = most;
    while (end > 0 and bytes[end] & 0xC0 == 0x80) end -= 1;
    return bytes[0..end];
}

// --- the executable and its environment

const text_max = 32768;

/// Variables are asked for one by one; what was found lies in the arena.
pub const Environment = struct { arena: ?Allocator };
pub const no_environment: Environment = .{ .arena = null };

pub fn variable(environment: Environment, name: []const u8) ?[]const u8 {
    const arena = environment.arena orelse return null;
    var wide_name: [256]u16 = undefined;
    if (name.len >= wide_name.len) return null;
    const length = std.unicode.wtf8ToWtf16Le(&wide_name, name) catch return null;
    wide_name[length] = 0;
    var value: [text_max]u16 = undefined;
    const count = nt.GetEnvironmentVariableW(wide_name[0..length :0], &value, value.len);
    if (count == 0 or count >= value.len) return null;
    return std.unicode.wtf16LeToWtf8Alloc(arena, value[0..count]) catch null;
}

pub fn ownPath(arena: Allocator) (Error || Allocator.Error)![:0]const u8 {
    var buffer: [text_max]u16 = undefined;
    const count = nt.GetModuleFileNameW(null, &buffer, buffer.len);
    if (count == 0 or count >= buffer.len) return error.NotFound;
    return plainPath(arena, buffer[0..count]);
}

/// Without the prefixes that switch off the system's treatment of names: `\\?\C:\x` is `C:\x`, `\\?\UNC\a` is `\\a`.
pub fn plainPath(arena: Allocator, path: []const u16) Allocator.Error![:0]const u8 {
    const text = std.unicode.utf8ToUtf16LeStringLiteral;
    const whole = try std.unicode.wtf16LeToWtf8AllocZ(arena, path);
    if (std.mem.startsWith(u16, path, text("\\\\?\\UNC\\"))) {
        return std.mem.concatWithSentinel(arena, u8, &.{ "\\\\", whole[8..] }, 0);
    }
    return if (std.mem.startsWith(u16, path, text("\\\\?\\"))) whole[4..] else whole;
}

/// Closed standard handles are nobody's: a handle is not the lowest free number here.
pub fn startUp() void {
    if (gui.isGui()) gui.joinConsole();
}

/// A handler that has handled everything. (A null handler would be inherited, and is for Ctrl-C alone.)
pub fn ignoreStopping() void {
    _ = nt.SetConsoleCtrlHandler(&handled, 1);
}

fn handled(_: u32) callconv(.winapi) nt.Bool {
    return 1;
}

// --- the machine

pub fn bootId(buffer: *[64]u8) ?[]const u8 {
    // Counts the starts of the system. Zero where it is not kept (Wine).
    const counted = std.os.windows.SharedUserData.BootId;
    if (counted != 0) return std.fmt.bufPrint(buffer, "{d}", .{counted}) catch unreachable;
    var time: nt.TimeOfDay = undefined;
    if (nt.NtQuerySystemInformation(.time_of_day, &time, @sizeOf(nt.TimeOfDay), null) != .success) return null;
    if (time.boot == 0) return null;
    return std.fmt.bufPrint(buffer, "at-{d}", .{secondsOf(@intCast(time.boot))}) catch unreachable;
}

pub fn processorCount() usize {
    var mask: usize = 0;
    var system: usize = 0;
    if (nt.GetProcessAffinityMask(nt.current_process, &mask, &system) == 0) return 1;
    return @max(@popCount(mask), 1);
}

pub fn random(buffer: []u8) void {
    // Loaded here, since only a first run needs it.
    const library = nt.LoadLibraryExW(std.unicode.utf8ToUtf16LeStringLiteral("advapi32.dll"), null, nt.search_system32) orelse unreachable;
    // The name under which RtlGenRandom is exported.
    const function = nt.GetProcAddress(library, "SystemFunction036") orelse unreachable;
    const generate: *const fn ([*]u8, u32) callconv(.winapi) u8 = @ptrCast(@alignCast(function));
    _ = generate(buffer.ptr, @intCast(buffer.len));
}

pub fn exit(code: u8) noreturn {
    if (code != 0) gui.showKept();
    nt.RtlExitUserProcess(code);
}

// --- other processes

const processes_max = 16384;

/// By its program, or by the path on its command line (a forked child runs the shared runtime on a file of the release).
pub fn processesInside(arena: Allocator, path: []const u8) Allocator.Error![]const u32 {
    const wanted = std.unicode.wtf8ToWtf16LeAlloc(arena, path) catch return &.{};
    const ids = try arena.alloc(u32, processes_max);
    var bytes: u32 = 0;
    if (nt.K32EnumProcesses(ids.ptr, processes_max * @sizeOf(u32), &bytes) == 0) return &.{};
    var found: std.ArrayList(u32) = .empty;
    const own = nt.GetCurrentProcessId();
    const memory = try arena.alignedAlloc(u8, .of(usize), 2 * text_max + 64);
    for (ids[0 .. bytes / @sizeOf(u32)]) |id| {
        if (id == own or id == 0) continue;
        const process = nt.OpenProcess(nt.process_access.query_limited_information, 0, id) orelse continue;
        defer _ = nt.NtClose(process);
        if (runsInside(process, wanted, memory)) try found.append(arena, id);
    }
    return found.items;
}

fn runsInside(process: nt.Handle, path: []const u16, memory: []align(@alignOf(usize)) u8) bool {
    const image: [*]u16 = @ptrCast(memory.ptr);
    var length: u32 = text_max;
    if (nt.QueryFullProcessImageNameW(process, 0, image, &length) != 0) {
        if (namesInside(image[0..length], path)) return true;
    }
    const line: *const nt.UnicodeString = @ptrCast(memory.ptr);
    if (nt.NtQueryInformationProcess(process, .command_line, memory.ptr, @intCast(memory.len), null) != .success) return false;
    return namesInside(line.buffer[0 .. line.length / 2], path);
}

/// Whether something below `path` is named in `text`. Only the case of ASCII letters is disregarded: what the
/// stub itself started carries the path as it is.
fn namesInside(text: []const u16, path: []const u16) bool {
    if (text.len <= path.len) return false;
    for (0..text.len - path.len) |at| {
        if (plain(text[at + path.len]) != '\\') continue;
        for (text[at..][0..path.len], path) |a, b| {
            if (plain(a) != plain(b)) break;
        } else return true;
    }
    return false;
}

fn plain(unit: u16) u16 {
    return switch (unit) {
        '/' => '\\',
        'A'...'Z' => unit + ('a' - 'A'),
        else => unit,
    };
}

// --- time

/// FILETIME and the kernel count units of 100 ns since 1601.
pub const ticks_per_second = 10_000_000;
const seconds_1601_to_1970 = 11_644_473_600;

pub fn secondsOf(ticks: u64) i64 {
    return @as(i64, @intCast(ticks / ticks_per_second)) - seconds_1601_to_1970;
}

pub fn timeOf(seconds: i64) i64 {
    return (seconds + seconds_1601_to_1970) * ticks_per_second;
}

pub fn monotonic() u64 {
    var count: i64 = 0;
    var frequency: i64 = 1;
    _ = nt.QueryPerformanceCounter(&count);
    _ = nt.QueryPerformanceFrequency(&frequency);
    const whole: u64 = @intCast(count);
    const per_second: u64 = @intCast(frequency);
    return whole / per_second * std.time.ns_per_s + whole % per_second * std.time.ns_per_s / per_second;
}

pub fn now() i64 {
    var time: [2]u32 = undefined;
    nt.GetSystemTimeAsFileTime(&time);
    return secondsOf((@as(u64, time[1]) << 32) | time[0]);
}

pub fn sleep(milliseconds: u32) void {
    nt.Sleep(milliseconds);
}

// --- memory

pub fn pages(size: usize) Error![]align(4096) u8 {
    const reserve_and_commit = 0x3000;
    const read_write = 0x4;
    const address = nt.VirtualAlloc(null, size, reserve_and_commit, read_write) orelse return error.NoMemory;
    return @as([*]align(4096) u8, @ptrCast(@alignCast(address)))[0..size];
}

pub fn release(memory: []align(4096) u8) void {
    const whole = 0x8000;
    _ = nt.VirtualFree(memory.ptr, 0, whole);
}
