//! A program of the subsystem `gui` gets no console and, unless somebody redirects them, no standard handles. Started in a
//! terminal it prints there all the same; started elsewhere, what it has to say before it ends is shown in a box.

const std = @import("std");
const nt = @import("nt.zig");

pub fn isGui() bool {
    const windows_gui = 2; // IMAGE_SUBSYSTEM_WINDOWS_GUI
    return std.os.windows.peb().ImageSubSystem == windows_gui;
}

/// STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE, and what opens the console they stand for.
const streams = [_]struct { number: u32, console: [:0]const u16 }{
    .{ .number = 0xFFFFFFF6, .console = text16("CONIN$") },
    .{ .number = 0xFFFFFFF5, .console = text16("CONOUT$") },
    .{ .number = 0xFFFFFFF4, .console = text16("CONOUT$") },
};
const text16 = std.unicode.utf8ToUtf16LeStringLiteral;

/// Nobody reads what goes to stderr.
pub var unheard = false;

/// Attaches to the console of whoever started this; without one, what is written goes nowhere, as with `stdio: 'ignore'` of
/// Node. Streams that were redirected stay as they are.
pub fn joinConsole() void {
    const parent = 0xFFFFFFFF; // ATTACH_PARENT_PROCESS
    var given: [streams.len]bool = undefined;
    for (&given, streams) |*is_given, stream| is_given.* = isOpen(nt.GetStdHandle(stream.number));
    const has_one = 5; // ERROR_ACCESS_DENIED: it is on a console already
    const joined = AttachConsole(parent) != 0 or nt.GetLastError() == has_one;
    for (given, streams) |is_given, stream| {
        if (!is_given) _ = SetStdHandle(stream.number, open(if (joined) stream.console else text16("NUL")));
    }
    unheard = !joined and !given[2];
}

/// Handles that were never inherited may have numbers all the same.
fn isOpen(handle: ?nt.Handle) bool {
    const unknown = 0;
    const known = handle orelse return false;
    return known != nt.invalid and GetFileType(known) != unknown;
}

fn open(device: [*:0]const u16) ?nt.Handle {
    const read_and_write = 0xC0000000;
    const share_both = 3;
    const open_existing = 3;
    const handle = CreateFileW(device, read_and_write, share_both, null, open_existing, 0, null);
    return if (handle == nt.invalid) null else handle;
}

/// As long as one message can be (run.zig).
var unsaid: [8192]u8 = undefined;
var unsaid_length: usize = 0;

/// For `showKept`.
pub fn keep(text: []const u8) void {
    if (text.len > unsaid.len - unsaid_length) return;
    @memcpy(unsaid[unsaid_length..][0..text.len], text);
    unsaid_length += text.len;
}

/// What could be said to nobody, in a box. It waits until it was read, so only where somebody can: on the desktop of a
/// service it would wait for ever.
pub fn showKept() void {
    if (unsaid_length == 0) return;
    const library = nt.LoadLibraryExW(text16("user32.dll"), null, nt.search_system32) orelse return;
    if (!isDesktopSeen(library)) return;
    const MessageBox = fn (window: ?nt.Handle, text: [*:0]const u16, caption: ?[*:0]const u16, kind: u32) callconv(.winapi) i32;
    const message_box = function(MessageBox, library, "MessageBoxW") orelse return;
    var text: [unsaid.len + 1]u16 = undefined;
    const length = std.unicode.wtf8ToWtf16Le(&text, unsaid[0..unsaid_length]) catch return;
    text[length] = 0;
    const error_icon = 0x10;
    const foreground = 0x10000;
    _ = message_box(null, text[0..length :0], null, error_icon | foreground);
}

fn isDesktopSeen(library: nt.Handle) bool {
    const Station = fn () callconv(.winapi) ?nt.Handle;
    const Information = fn (object: ?nt.Handle, index: i32, information: *anyopaque, length: u32, needed: ?*u32) callconv(.winapi) nt.Bool;
    const station = function(Station, library, "GetProcessWindowStation") orelse return false;
    const information = function(Information, library, "GetUserObjectInformationW") orelse return false;
    const user_object_flags = 1; // UOI_FLAGS
    const visible = 1; // WSF_VISIBLE
    var flags: extern struct { inherit: nt.Bool, reserved: nt.Bool, flags: u32 } = undefined;
    if (information(station(), user_object_flags, &flags, @sizeOf(@TypeOf(flags)), null) == 0) return false;
    return flags.flags & visible != 0;
}

fn function(comptime Function: type, library: nt.Handle, name: [:0]const u8) ?*const Function {
    return @ptrCast(@alignCast(nt.GetProcAddress(library, name) orelse return null));
}

extern "kernel32" fn AttachConsole(process: u32) callconv(.winapi) nt.Bool;
extern "kernel32" fn SetStdHandle(number: u32, handle: ?nt.Handle) callconv(.winapi) nt.Bool;
extern "kernel32" fn GetFileType(file: nt.Handle) callconv(.winapi) u32;
extern "kernel32" fn CreateFileW(name: [*:0]const u16, access: u32, share: u32, security: ?*anyopaque, disposition: u32, flags: u32, template: ?nt.Handle) callconv(.winapi) nt.Handle;
