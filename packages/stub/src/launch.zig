//! Becoming the program (Unix), or carrying it (Windows).

const builtin = @import("builtin");

const system = switch (builtin.os.tag) {
    .windows => @import("launch_windows.zig"),
    else => @import("launch_unix.zig"),
};

/// Runs the program and ends with its status; returns only if it could not be executed.
/// fn (run: *Run, installed: *const Installed, arguments: Arguments) error{OutOfMemory}!noreturn
pub const program = system.program;
/// The arguments as the process got them, the first being its own name.
pub const Arguments = system.Arguments;
/// The text of an argument, for `maintenance`. fn (arena: Allocator, arguments: Arguments, index: usize) ?[]const u8
pub const argument = system.argument;
