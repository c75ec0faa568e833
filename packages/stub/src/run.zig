//! One run of the executable: what it is, who started it, and what it has to say.

const std = @import("std");
const os = @import("os.zig");
const message = @import("message.zig");
const Stamp = @import("stamp.zig").Stamp;
const Allocator = std.mem.Allocator;

/// Exit status for whatever the stub itself could not do.
pub const failed = 125;
/// Exit status when the runtime could not be executed.
pub const not_executed = 126;

/// What the updater gets as `1`, unless the user says otherwise: Node goes by the certificates of the system (22.19 and 24.6 do).
pub const system_authorities = "NODE_USE_SYSTEM_CA";

/// What is meant for the program, or for the stub, and kept from the updater. It goes by HTTPS_PROXY itself: Node ends before it begins
/// where one has no scheme.
pub const not_for_updater = [_][]const u8{ "SARMA_MAINTENANCE", "NODE_OPTIONS", "NODE_USE_ENV_PROXY" };

/// Why a place or the executable will not do: `Run.reason` says it.
pub const Error = error{ Refused, Damaged, OutOfMemory };

pub const Run = struct {
    arena: Allocator,
    stamp: Stamp,
    /// What is believed: empty for a program with raised privileges.
    environment: os.Environment,
    /// What the program gets.
    given_environment: os.Environment,
    own_path: [:0]const u8,
    /// The environment cannot be trusted, and neither can what the user could have written.
    privileged: bool,
    debug: bool,
    started: u64,
    /// Why the last function failed that returned `Refused` or `Damaged`.
    reason: []const u8 = "",
    /// Bytes that have to be written, for messages: set once it is known.
    needed: u64 = 0,
    /// Some place had not so many.
    no_room: bool = false,
    /// `bootId`, once it was asked for.
    boot_id: ?[]const u8 = null,
    /// What is executed is not the program: the user's settings for Node are not for it.
    is_updater: bool = false,

    /// This place will not do; another one may.
    pub inline fn refuse(run: *Run, comptime format: []const u8, arguments: anytype) error{ Refused, OutOfMemory } {
        run.reason = try run.formatted(format, arguments);
        return error.Refused;
    }

    /// `refuse` for what the system did not do; where it had no room, with the bytes needed and those that there are.
    pub fn cannot(run: *Run, what: []const u8, where: []const u8, err: anyerror) error{ Refused, OutOfMemory } {
        if (err == error.OutOfMemory) return error.OutOfMemory;
        if (err == error.NoSpace) run.no_room = true;
        const room = if (err != error.NoSpace) "" else try run.formatted("; {d} bytes are needed, {d} are available to this user", .{ run.needed, if (try run.fileSystem(where)) |file_system| file_system.available else 0 });
        return run.refuse("cannot {s} {s}: {s}{s}", .{ what, where, os.describe(err), room });
    }

    /// That of `where`, which need not exist; null if nothing above it does either.
    pub fn fileSystem(run: *Run, where: []const u8) Allocator.Error!?os.FileSystem {
        var part: ?[]const u8 = where;
        while (part) |name| : (part = std.fs.path.dirname(name)) {
            if (os.fileSystem(try run.arena.dupeZ(u8, name))) |file_system| return file_system else |_| {}
        }
        return null;
    }

    /// The executable itself is not whole; no other place will help.
    pub inline fn damaged(run: *Run, comptime format: []const u8, arguments: anytype) error{ Damaged, OutOfMemory } {
        const what = try run.formatted(format, arguments);
        run.reason = try run.formatted("{s} is damaged ({s}): download it again", .{ run.own_path, what });
        return error.Damaged;
    }

    pub inline fn formatted(run: *const Run, comptime format: []const u8, arguments: anytype) Allocator.Error![]const u8 {
        return run.kept(format, &message.values(format, arguments));
    }

    fn kept(run: *const Run, format: []const u8, list: []const message.Value) Allocator.Error![]const u8 {
        var buffer: [message_max]u8 = undefined;
        return run.arena.dupe(u8, message.print(&buffer, format, list));
    }

    /// For SARMA_DEBUG: what was decided, and when.
    pub inline fn step(run: *const Run, comptime format: []const u8, arguments: anytype) void {
        if (run.debug) run.tell(format ++ "\n", &message.values(format, arguments));
    }

    fn tell(run: *const Run, format: []const u8, list: []const message.Value) void {
        const microseconds = (os.monotonic() - run.started) / std.time.ns_per_us;
        var buffer: [20]u8 = undefined;
        // One digit too many, so that there are three of the last.
        const fraction = message.decimal(&buffer, 1000 + microseconds % 1000)[1..];
        say("sarma {d}.{s} ms: ", .{ microseconds / 1000, fraction });
        sayAll(format, list);
    }

    pub inline fn fail(run: *const Run, comptime format: []const u8, arguments: anytype) noreturn {
        say("{s}: " ++ format ++ "\n", .{run.stamp.name} ++ arguments);
        os.exit(failed);
    }

    /// Another text after every start of the machine; empty if there is none.
    pub fn bootId(run: *Run) Allocator.Error![]const u8 {
        var buffer: [64]u8 = undefined;
        const id = run.boot_id orelse try run.arena.dupe(u8, os.bootId(&buffer) orelse "");
        run.boot_id = id;
        return id;
    }

    pub fn path(run: *const Run, parts: []const []const u8) Allocator.Error![:0]const u8 {
        return std.mem.joinZ(run.arena, &.{os.separator}, parts);
    }
};

/// One message on stderr. What is longer than the buffer is cut; nobody reads that much.
pub inline fn say(comptime format: []const u8, arguments: anytype) void {
    sayAll(format, &message.values(format, arguments));
}

fn sayAll(format: []const u8, list: []const message.Value) void {
    var buffer: [message_max]u8 = undefined;
    const text = message.print(&buffer, format, list);
    if (text.len == buffer.len) text[text.len - 1] = '\n';
    os.writeAll(os.stderr, text) catch {};
}

const message_max = 8192;

/// An answer on stdout, and nothing else.
pub fn answer(run: *const Run, bytes: []const u8) void {
    os.writeAll(os.stdout, bytes) catch |err| run.fail("cannot write to standard output: {s}", .{os.describe(err)});
}
