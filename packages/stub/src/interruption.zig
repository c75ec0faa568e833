//! A first run that is told to stop (Ctrl-C, `kill`, `docker stop`, a terminal that closes) takes away what it has begun, and
//! dies of the signal all the same. Without that, the half of a Node would lie there until the same version is started again.

const std = @import("std");
const os = @import("os.zig");
const removal = @import("removal.zig");
const Run = @import("run.zig").Run;

/// Directories that are being filled: a runtime's and a release's.
var begun: [2]std.atomic.Value(?[*:0]const u8) = @splat(.init(null));
/// Directories that were made to lie in.
var made: [64]std.atomic.Value(?[*:0]const u8) = @splat(.init(null));
var running: ?*const Run = null;

/// From here on until `ended`, `path` is removed by a signal that stops this process. It stays in memory.
pub fn begins(run: *const Run, path: [:0]const u8) void {
    listen(run);
    for (&begun) |*place| if (place.load(.monotonic) == null) return place.store(path.ptr, .release);
    unreachable; // there are two parts
}

fn listen(run: *const Run) void {
    if (running != null) return;
    running = run;
    os.onStopping(clear);
}

/// From here on until this process ends, `path` is removed by such a signal too if it is empty then. It stays in memory.
pub fn makes(run: *const Run, path: [:0]const u8) void {
    listen(run);
    // More are not cared for.
    for (&made) |*place| if (place.load(.monotonic) == null) return place.store(path.ptr, .release);
}

/// What was made and is empty.
pub fn removeMade() void {
    var at = made.len;
    while (at > 0) {
        at -= 1;
        if (made[at].load(.acquire)) |path| os.removeDirectory(os.cwd, std.mem.sliceTo(path, 0)) catch {};
    }
}

/// It has its own name now, or is gone.
pub fn ended(path: [:0]const u8) void {
    for (&begun) |*place| if (place.load(.monotonic) == path.ptr) place.store(null, .release);
}

/// In the handler of a signal, on the thread that started the others, which tells of nothing and tries no other place any more.
/// They go on until what they write into has disappeared below them.
fn clear() void {
    const tries_max = 100;
    for (&begun) |*place| if (place.load(.acquire)) |name| {
        const path = std.mem.sliceTo(name, 0);
        for (0..tries_max) |_| {
            removal.removeTree(running.?, path);
            _ = os.lstat(os.cwd, path) catch break;
            os.sleep(1);
        }
    };
    removeMade();
}
