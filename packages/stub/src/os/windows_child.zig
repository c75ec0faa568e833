//! A child that this process stays behind, so thinly that neither the child nor whoever started us has to know: it waits,
//! dies with it and it with us, and keeps no handle of it.

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("nt.zig");
const Patience = @import("windows.zig").Patience;
const command_line = @import("../command_line.zig");
const Allocator = std.mem.Allocator;

/// Runs the child with this process's handles, console and environment until it ends: its exit code, or null if it could
/// not be started (GetLastError).
pub fn carry(image: [:0]const u16, line: [:0]u16) ?u32 {
    // From here on the program decides about Ctrl-C.
    _ = nt.SetConsoleCtrlHandler(onControl, 1);
    const child = startPatiently(image, line) orelse return null;
    running.store(child, .release);
    closeInherited();
    _ = wait(child, infinite);
    return exitCode(child);
}

fn startPatiently(image: [:0]const u16, line: [:0]u16) ?nt.Handle {
    var patience: Patience = .{};
    while (true) {
        if (start(image, line, .{})) |child| return child;
        if (nt.GetLastError() != sharing_violation or !patience.wait()) return null;
    }
}

/// False when the time is over.
pub fn wait(child: nt.Handle, milliseconds: u32) bool {
    return WaitForSingleObject(child, milliseconds) == 0;
}

pub fn exitCode(child: nt.Handle) u32 {
    var code: u32 = 125;
    _ = GetExitCodeProcess(child, &code);
    return code;
}

/// Why a program could not be started, to stand after "cannot execute X: ".
pub fn describe(code: u32) []const u8 {
    return switch (code) {
        2, 3 => "it is not there",
        access_denied => "access is denied",
        sharing_violation => "another program holds it",
        193, 216 => "it is for another CPU or system",
        225 => "the virus scanner takes it for dangerous",
        577 => "its signature is not accepted",
        1260, 4551 => "a policy of this machine forbids it",
        206, 123 => "its path is too long",
        else => "Windows refuses it",
    };
}

pub fn isForbidden(code: u32) bool {
    return code == access_denied or code == 1260 or code == 4551;
}

const access_denied = 5;
const sharing_violation = 32;

// --- what it is started with

/// CreateProcess takes long paths only with the prefix, and Node would show it in `process.execPath`.
pub fn imagePath(arena: Allocator, file: []const u8) Allocator.Error![:0]const u16 {
    const path_limit = 260;
    const path = try arena.dupe(u8, file);
    backslashes(path);
    // Of UTF-16: most of what is long as bytes is not long as that.
    const plain = try wide(arena, path);
    if (plain.len < path_limit) return plain;
    const long = if (std.mem.startsWith(u8, path, "\\\\"))
        try std.mem.concat(arena, u8, &.{ "\\\\?\\UNC\\", path[2..] })
    else
        try std.mem.concat(arena, u8, &.{ "\\\\?\\", path });
    return wide(arena, long);
}

/// In a path that was just made.
pub fn backslashes(path: []const u8) void {
    for (@constCast(path)) |*byte| if (byte.* == '/') {
        byte.* = '\\';
    };
}

/// Of text that came from the system, or was checked when it was read.
pub fn wide(arena: Allocator, text: []const u8) Allocator.Error![:0]const u16 {
    return std.unicode.wtf8ToWtf16LeAllocZ(arena, text) catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        error.InvalidWtf8 => unreachable,
    };
}

/// In the environment of this process, which the child inherits. null takes it away.
pub fn setVariable(arena: Allocator, name: []const u8, value: ?[]const u8) Allocator.Error!void {
    _ = nt.SetEnvironmentVariableW(try wide(arena, name), if (value) |text| try wide(arena, text) else null);
}

// --- starting

pub const Streams = struct {
    /// For both output streams, instead of what this process has: the end of a `pipe`.
    output: ?nt.Handle = null,
};

pub const Pipe = struct { read_end: nt.Handle, write_end: nt.Handle };

/// For the output of a child. null if the system gives none; after the start the end to write is to be closed here.
pub fn pipe() ?Pipe {
    var ends: Pipe = undefined;
    if (CreatePipe(&ends.read_end, &ends.write_end, null, 64 << 10) == 0) return null;
    makeInheritable(ends.write_end);
    return ends;
}

fn makeInheritable(handle: nt.Handle) void {
    const inherit = 1;
    _ = SetHandleInformation(handle, inherit, inherit);
}

/// What a program prints up to the end of its first line. null if it cannot be started, or prints nothing.
pub fn firstLine(arena: Allocator, file: []const u8, arguments: []const []const u8) Allocator.Error!?[]const u8 {
    const ends = pipe() orelse return null;
    defer _ = nt.NtClose(ends.read_end);
    const line = try command_line.compose(arena, file, arguments, &.{});
    const started = start(try imagePath(arena, file), line, .{ .output = ends.write_end });
    _ = nt.NtClose(ends.write_end);
    _ = nt.NtClose(started orelse return null);
    const text = try arena.alloc(u8, 4096);
    const length = os.read(ends.read_end, text) catch return null;
    const end = std.mem.indexOfAny(u8, text[0..length], "\r\n") orelse length;
    return if (end > 0) text[0..end] else null;
}

/// With the standard handles, the inherited ones, and the C runtime's table of them (`lpReserved2`: descriptors from 3 on,
/// such as the channel of `fork`) as this process got them.
pub fn start(image: [:0]const u16, line: [:0]u16, streams: Streams) ?nt.Handle {
    var startup: StartupEx = undefined;
    GetStartupInfoW(&startup.info);
    const hot_key_or_monitor = 0x200 | 0x400;
    const use_standard_handles = 0x100;
    // Those two flags give other meanings to the fields of the standard handles.
    startup.info.flags = startup.info.flags & ~@as(u32, hot_key_or_monitor) | use_standard_handles;
    for ([_]*?nt.Handle{ &startup.info.input, &startup.info.output, &startup.info.err }, standard_numbers) |field, number| {
        field.* = if (streams.output != null) (if (number == standard_numbers[0]) null else streams.output) else nt.GetStdHandle(number);
        if (field.*) |handle| makeInheritable(handle);
    }

    var list: [256]u8 align(16) = undefined;
    var job = jobOfChild();
    startup.attributes = if (job != null) attributesWith(&list, &job.?) else null;
    if (create(image, line, &startup)) |child| return child;
    // A job that this process is in may forbid another one.
    if (startup.attributes == null or nt.GetLastError() != access_denied) return null;
    startup.attributes = null;
    return create(image, line, &startup);
}

fn create(image: [:0]const u16, line: [:0]u16, startup: *StartupEx) ?nt.Handle {
    const extended_startup_info = 0x80000;
    const no_window = 0x8000000;
    startup.info.size = if (startup.attributes == null) @sizeOf(Startup) else @sizeOf(StartupEx);
    var flags: u32 = if (startup.attributes == null) 0 else extended_startup_info;
    // Only the classes below the normal one would be inherited by themselves; `start /high` means the program.
    flags |= GetPriorityClass(nt.current_process);
    // Windows would open a console, with a window, for a console program that is started by one without.
    if (!hasConsole()) flags |= no_window;
    var child: ProcessInformation = undefined;
    if (CreateProcessW(image, line, null, null, 1, flags, null, null, &startup.info, &child) == 0) return null;
    _ = nt.NtClose(child.thread);
    return child.process;
}

fn hasConsole() bool {
    var member: u32 = undefined;
    return GetConsoleProcessList(&member, 1) != 0;
}

/// Ends its one member when its last handle is closed, so when this process ends, however that happens. The member's children
/// are in no such job: libuv puts those that must not outlive the program into one of its own, and leaves out detached ones.
fn jobOfChild() ?nt.Handle {
    const kill_on_job_close = 0x2000;
    const silent_breakaway_ok = 0x1000;
    // For children that ask for it (CREATE_BREAKAWAY_FROM_JOB), which would not be started at all otherwise.
    const breakaway_ok = 0x800;
    const extended_limits = 9;
    const job = CreateJobObjectW(null, null) orelse return null;
    var limits: JobLimits = std.mem.zeroes(JobLimits);
    limits.flags = kill_on_job_close | silent_breakaway_ok | breakaway_ok;
    _ = SetInformationJobObject(job, extended_limits, &limits, @sizeOf(JobLimits));
    return job;
}

/// The child is in the job from its first instruction on.
fn attributesWith(list: []align(16) u8, job: *nt.Handle) ?*anyopaque {
    const job_list = 0x2000D;
    var size = list.len;
    if (InitializeProcThreadAttributeList(list.ptr, 1, 0, &size) == 0) return null;
    if (UpdateProcThreadAttribute(list.ptr, 0, job_list, job, @sizeOf(nt.Handle), null, null) == 0) return null;
    return list.ptr;
}

// --- while it runs

/// The program, for the handler, which runs in a thread of its own.
var running: std.atomic.Value(?nt.Handle) = .init(null);

/// Every process on the console gets each event by itself. The program does what it likes with it; the stub stays until it has.
/// (Ignoring Ctrl-C by a null handler instead would be inherited.)
fn onControl(event: u32) callconv(.winapi) nt.Bool {
    const interrupt = 0;
    const pause = 1;
    // Closing, logging off and shutting down end this process when the handler returns.
    if (event != interrupt and event != pause) {
        if (running.load(.acquire)) |child| _ = WaitForSingleObject(child, infinite);
    }
    return 1;
}

/// What the program closes must be closed: a pipe ends only with its last handle.
fn closeInherited() void {
    var info: Startup = undefined;
    GetStartupInfoW(&info);
    var standard: [standard_numbers.len]?nt.Handle = undefined;
    for (&standard, standard_numbers) |*handle, number| handle.* = nt.GetStdHandle(number);
    if (info.table) |bytes| closeTable(bytes[0..info.table_size], &standard);
    for (standard, 0..) |handle, at| {
        const known = handle orelse continue;
        if (known == nt.invalid or std.mem.indexOfScalar(?nt.Handle, standard[0..at], known) != null) continue;
        _ = nt.NtClose(known);
    }
}

/// The C runtime's table: a count of 32 bits, one byte of flags for each descriptor, then the handles.
fn closeTable(bytes: []const u8, standard: []const ?nt.Handle) void {
    if (bytes.len < 4) return;
    const count = std.mem.readInt(u32, bytes[0..4], .little);
    const word = @sizeOf(usize);
    if (count > (bytes.len - 4) / (1 + word)) return;
    const is_open = 1;
    for (bytes[4..][0..count], 0..) |flags, at| {
        if (flags & is_open == 0) continue;
        const value = std.mem.readInt(usize, bytes[4 + count + at * word ..][0..word], .little);
        if (value == 0 or value >= std.math.maxInt(usize) - 16) continue;
        const handle: nt.Handle = @ptrFromInt(value);
        if (std.mem.indexOfScalar(?nt.Handle, standard, handle) == null) _ = nt.NtClose(handle);
    }
}

// --- declarations of winbase.h and winnt.h

const infinite = 0xFFFFFFFF;
/// STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE.
const standard_numbers = [_]u32{ 0xFFFFFFF6, 0xFFFFFFF5, 0xFFFFFFF4 };

const Startup = extern struct {
    size: u32,
    reserved: ?[*:0]u16,
    desktop: ?[*:0]u16,
    title: ?[*:0]u16,
    position: [2]u32,
    extent: [2]u32,
    characters: [2]u32,
    fill: u32,
    flags: u32,
    show_window: u16,
    table_size: u16,
    table: ?[*]u8,
    input: ?nt.Handle,
    output: ?nt.Handle,
    err: ?nt.Handle,
};

const StartupEx = extern struct { info: Startup, attributes: ?*anyopaque };

const ProcessInformation = extern struct { process: nt.Handle, thread: nt.Handle, process_id: u32, thread_id: u32 };

/// JOBOBJECT_EXTENDED_LIMIT_INFORMATION
const JobLimits = extern struct {
    process_time: i64,
    job_time: i64,
    flags: u32,
    working_set: [2]usize,
    active_processes: u32,
    affinity: usize,
    priority_class: u32,
    scheduling_class: u32,
    io_counters: [6]u64,
    memory: [4]usize,
};

extern "kernel32" fn GetStartupInfoW(info: *Startup) callconv(.winapi) void;
extern "kernel32" fn GetConsoleProcessList(members: *u32, room: u32) callconv(.winapi) u32;
extern "kernel32" fn CreatePipe(read_end: *nt.Handle, write_end: *nt.Handle, security: ?*anyopaque, size: u32) callconv(.winapi) nt.Bool;
extern "kernel32" fn SetHandleInformation(handle: nt.Handle, mask: u32, flags: u32) callconv(.winapi) nt.Bool;
extern "kernel32" fn CreateProcessW(image: [*:0]const u16, line: [*:0]u16, process_security: ?*anyopaque, thread_security: ?*anyopaque, inherit: nt.Bool, flags: u32, environment: ?*anyopaque, directory: ?[*:0]const u16, startup: *Startup, information: *ProcessInformation) callconv(.winapi) nt.Bool;
extern "kernel32" fn GetPriorityClass(process: nt.Handle) callconv(.winapi) u32;
extern "kernel32" fn CreateJobObjectW(security: ?*anyopaque, name: ?[*:0]const u16) callconv(.winapi) ?nt.Handle;
extern "kernel32" fn SetInformationJobObject(job: nt.Handle, class: u32, information: *const anyopaque, length: u32) callconv(.winapi) nt.Bool;
extern "kernel32" fn InitializeProcThreadAttributeList(list: ?[*]u8, count: u32, flags: u32, size: *usize) callconv(.winapi) nt.Bool;
extern "kernel32" fn UpdateProcThreadAttribute(list: [*]u8, flags: u32, attribute: usize, value: *nt.Handle, size: usize, previous: ?*anyopaque, returned: ?*usize) callconv(.winapi) nt.Bool;
extern "kernel32" fn WaitForSingleObject(object: nt.Handle, milliseconds: u32) callconv(.winapi) u32;
extern "kernel32" fn GetExitCodeProcess(child: nt.Handle, code: *u32) callconv(.winapi) nt.Bool;
