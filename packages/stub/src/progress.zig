//! One line on a terminal's stderr while an installation takes long, erased at its end.

const std = @import("std");
const os = @import("os.zig");
const run = @import("run.zig");
const threads = @import("threads.zig");

const first_after = 300 * std.time.ns_per_ms;
const redraw_every = 100;

pub const Progress = struct {
    name: []const u8,
    total: u64,
    started: u64,
    /// Of 1024 bytes: some CPUs have no larger atomic numbers.
    done: std.atomic.Value(u32) = .init(0),
    /// Held while the line is drawn, and for ever once it is erased.
    busy: std.atomic.Value(bool) = .init(false),
    drawn: bool = false,

    /// In memory that is never given back: the thread that draws may look at it once more after `end`.
    pub fn create(arena: std.mem.Allocator, name: []const u8, total: u64, started: u64) error{OutOfMemory}!*Progress {
        const progress = try arena.create(Progress);
        progress.* = .{ .name = name, .total = total, .started = started };
        return progress;
    }

    /// Draws from a thread of its own, which the end of this program or its change into another ends.
    pub fn start(progress: *Progress) void {
        if (!os.isTerminal(os.stderr)) return;
        const thread = threads.spawn(64 << 10, draw, .{progress}) catch return;
        thread.detach();
    }

    pub fn add(progress: *Progress, bytes: u64) void {
        _ = progress.done.fetchAdd(@truncate(bytes >> 10), .monotonic);
    }

    pub fn end(progress: *Progress) void {
        while (progress.busy.swap(true, .acquire)) os.sleep(1);
        if (progress.drawn and !os.isInBackground(os.stderr)) run.say("\r\x1b[K", .{});
    }

    fn draw(progress: *Progress) void {
        while (true) {
            os.sleep(redraw_every);
            if (os.monotonic() - progress.started < first_after or os.isInBackground(os.stderr)) continue;
            if (progress.busy.swap(true, .acquire)) return;
            const percent = @min(100, (@as(u64, progress.done.load(.monotonic)) << 10) * 100 / @max(progress.total, 1));
            run.say("\r{s}: first run, unpacking … {d} %\x1b[K", .{ progress.name, percent });
            progress.drawn = true;
            progress.busy.store(false, .release);
        }
    }
};
