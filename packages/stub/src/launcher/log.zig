//! Carries what a program prints into a file, and begins a new file when that is full: `FILE`, `FILE.1` before it, and so
//! on. Whoever prints is never held up by a disk that takes nothing more: what does not fit is dropped and counted.

const std = @import("std");
const os = @import("../os.zig");
const runs = @import("../run.zig");
const Allocator = std.mem.Allocator;

pub const Options = struct {
    path: [:0]const u8,
    /// Of one file.
    bytes_max: u64 = 10 << 20,
    /// Files there are, the current one included.
    files_max: u32 = 5,
};

var buffer: [64 << 10]u8 = undefined;

/// Returns when standard input has ended. Ends the process when the file cannot be opened at the beginning.
pub fn carry(arena: Allocator, options: Options) void {
    // Whoever prints is stopped first, and its last words are wanted.
    os.ignoreStopping();
    var log = Log.open(arena, options) catch |err| {
        runs.say("sarma: cannot write {s}: {s}\n", .{ options.path, os.describe(err) });
        os.exit(runs.failed);
    };
    while (true) {
        const count = os.read(os.stdin, &buffer) catch break;
        if (count == 0) break;
        log.put(buffer[0..count]);
    }
    log.finish();
}

/// An open log. For one thread.
pub const Log = struct {
    options: Options,
    /// `path`, `path.1` and so on.
    names: []const [:0]const u8,
    file: ?os.Handle,
    size: u64,
    in_line: bool = false,
    dropped: u64 = 0,
    complained: bool = false,

    pub fn open(arena: Allocator, options: Options) (os.Error || Allocator.Error)!Log {
        const names = try arena.alloc([:0]const u8, @max(options.files_max, 1));
        for (names, 0..) |*name, number| {
            name.* = if (number == 0) options.path else try std.fmt.allocPrintSentinel(arena, "{s}.{d}", .{ options.path, number }, 0);
        }
        const file = try os.openAppend(os.cwd, options.path, 0o600);
        return .{ .options = options, .names = names, .file = file, .size = (try os.fstat(file)).size };
    }

    pub fn put(log: *Log, bytes: []const u8) void {
        var rest = bytes;
        while (rest.len > 0) {
            const part = rest[0..log.fitting(rest)];
            if (part.len == 0) log.rotate() else log.writeOrDrop(part);
            rest = rest[part.len..];
        }
    }

    pub fn finish(log: *Log) void {
        if (log.dropped > 0) log.tellWhatWasDropped();
    }

    /// How much goes into the current file: whole lines, unless one is longer than a file. 0: a new file is due.
    fn fitting(log: *const Log, bytes: []const u8) usize {
        const room = @min(log.options.bytes_max -| log.size, bytes.len);
        if (room == bytes.len) return room;
        if (std.mem.lastIndexOfScalar(u8, bytes[0..room], '\n')) |end| return end + 1;
        if (!log.in_line) return if (log.size == 0) room else 0;
        if (log.size >= 2 * log.options.bytes_max) return 0;
        return if (std.mem.indexOfScalar(u8, bytes, '\n')) |end| end + 1 else bytes.len;
    }

    fn rotate(log: *Log) void {
        if (log.file) |file| os.close(file);
        log.file = null;
        log.in_line = false;
        // Where it does not work, the file goes on for as long as one more.
        log.size = 0;
        var number = log.names.len - 1;
        os.removeFile(os.cwd, log.names[number]) catch {};
        while (number > 0) : (number -= 1) os.rename(os.cwd, log.names[number - 1], os.cwd, log.names[number]) catch {};
    }

    fn writeOrDrop(log: *Log, bytes: []const u8) void {
        if (log.dropped > 0) log.tellWhatWasDropped();
        const written = log.write(bytes);
        log.dropped += bytes.len - written;
        log.size += written;
        if (written > 0) log.in_line = bytes[written - 1] != '\n';
    }

    fn tellWhatWasDropped(log: *Log) void {
        var line: [96]u8 = undefined;
        const text = std.fmt.bufPrint(&line, "{s}[{d} bytes of the log could not be written and are lost]\n", .{ if (log.in_line) "\n" else "", log.dropped }) catch unreachable;
        const written = log.write(text);
        log.size += written;
        if (written == text.len) {
            log.dropped = 0;
            log.in_line = false;
        }
    }

    fn write(log: *Log, bytes: []const u8) usize {
        var written: usize = 0;
        while (written < bytes.len) {
            written += log.writeSome(bytes[written..]) catch |err| {
                log.complain(err);
                break;
            };
        }
        return written;
    }

    fn writeSome(log: *Log, bytes: []const u8) os.Error!usize {
        const file = log.file orelse try os.openAppend(os.cwd, log.options.path, 0o600);
        log.file = file;
        return os.write(file, bytes);
    }

    /// Once: the next line would be as little welcome.
    fn complain(log: *Log, err: os.Error) void {
        if (log.complained) return;
        log.complained = true;
        runs.say("sarma: cannot write {s}: {s}; what is printed is dropped until it can be written again\n", .{ log.options.path, os.describe(err) });
    }
};
