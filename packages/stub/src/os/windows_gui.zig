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
    .{ .number = 0xFFFFFFF6, .console = std.unicode.utf8ToUtf16LeStringLiteral("CONIN$") },
    .{ .number = 0xFFFFFFF5, .console = std.unicode.utf8ToUtf16LeStringLiteral("CONOUT$") },
    .{ .number = 0xFFFFFFF4, .console = std.unicode.utf8ToUtf16LeStringLiteral("CONOUT$") },
};

/// Attaches to the console of whoever started this. Streams that were redirected stay as they are.
pub fn joinConsole() void {
    const parent = 0xFFFFFFFF; // ATTACH_PARENT_PROCESS
    var given: [streams.len]bool = undefined;
    for (&given, streams) |*is_given, stream| is_given.* = isOpen(nt.GetStdHandle(stream.number));
    if (AttachConsole(parent) == 0) {
        // Numbers of handles that were never inherited mean nothing here.
        for (given, streams) |is_given, stream| if (!is_given) {
            _ = SetStdHandle(stream.number, null);
        };
        return;
    }
    for (given, streams) |is_given, stream| {
        if (is_given) continue;
        const read_and_write = 0xC0000000;
        const share_both = 3;
        const open_existing = 3;
        const console = CreateFileW(stream.console, read_and_write, share_both, null, open_existing, 0, null);
        _ = SetStdHandle(stream.number, if (console == nt.invalid) null else console);
    }
}

pub fn isOpen(handle: ?nt.Handle) bool {
    const unknown = 0;
    const known = handle orelse return false;
    return known != nt.invalid and GetFileType(known) != unknown;
}

/// What could be said to nobody.
var unsaid: [4096]u8 = undefined;
var unsaid_length: usize = 0;

pub fn keep(text: []const u8) void {
    const some = text[0..@min(text.len, unsaid.len - unsaid_length)];
    @memcpy(unsaid[unsaid_length..][0..some.len], some);
    unsaid_length += some.len;
}

/// Waits until it was read, where somebody can: a box on the desktop of a service would wait for ever.
pub fn showKept() void {
    if (unsaid_length == 0) return;
    const library = nt.LoadLibraryExW(std.unicode.utf8ToUtf16LeStringLiteral("user32.dll"), null, nt.search_system32) orelse return;
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
