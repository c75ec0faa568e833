//! Locks on files in <base>/locks: one for each directory that is installed, and `gc`.

const std = @import("std");
const os = @import("os.zig");
const Run = @import("run.zig").Run;
const say = @import("run.zig").say;

// In milliseconds of waiting: while this process is stopped none pass, whatever the clock says.
const told_after = 2_000;
/// Before a service manager takes the start for failed (systemd: 90 s). Whoever holds a lock so long was stopped, most likely.
const given_up_after = 60_000;
const pause = 10;

pub fn gcPath(run: *const Run, base: []const u8) ![:0]const u8 {
    return run.path(&.{ base, "locks", "gc" });
}

/// The lock of a base, which is held shared to install in it and alone to remove from it, with the folder that it lies in. An
/// uninstall takes the two away last of all, so they are made until they stay; null if the base itself is gone.
pub fn acquireGc(run: *Run, base: []const u8, mode: os.LockMode) !?os.Handle {
    const folder = try run.path(&.{ base, "locks" });
    const removals_max = 100;
    for (0..removals_max) |_| {
        os.makeDirectory(os.cwd, folder, 0o755) catch |err| switch (err) {
            error.Exists => {},
            error.NotFound => return null,
            else => return run.cannot("create", folder, err),
        };
        return wait(run, try gcPath(run, base), mode) catch |err| switch (err) {
            error.NotFound => continue,
            else => |known| return known,
        };
    }
    return null;
}

/// To remove, now. null if somebody installs or removes.
pub fn tryGc(run: *Run, base: []const u8) !?os.Handle {
    const path = try gcPath(run, base);
    return tryAcquire(path, .exclusive) catch |err| refused(run, path, err);
}

/// `err` of an attempt to lock `path`.
pub fn refused(run: *Run, path: []const u8, err: os.Error) error{ Refused, OutOfMemory } {
    return switch (err) {
        error.IsDirectory, error.LinkLoop => run.refuse("{s} is in the way: remove it", .{path}),
        else => run.cannot("lock", path, err),
    };
}

/// Waits for the lock: says so on a terminal after 2 s, and refuses the place after 60 s.
pub fn acquire(run: *Run, path: [:0]const u8, mode: os.LockMode) !os.Handle {
    return wait(run, path, mode) catch |err| switch (err) {
        error.NotFound => run.cannot("lock", path, error.NotFound),
        else => |known| known,
    };
}

/// `NotFound`: the folder is gone.
fn wait(run: *Run, path: [:0]const u8, mode: os.LockMode) error{ Refused, OutOfMemory, NotFound }!os.Handle {
    var waited: u32 = 0;
    var told = false;
    defer if (told and !os.isInBackground(os.stderr)) say("\r\x1b[K", .{});
    while (true) {
        const lock = tryAcquire(path, mode) catch |err| return if (err == error.NotFound) error.NotFound else refused(run, path, err);
        if (lock) |held| return held;
        if (waited == given_up_after) return run.refuse("another process has held {s} for {d} s", .{ path, given_up_after / 1000 });
        if (!told and waited > told_after and os.isTerminal(os.stderr) and !os.isInBackground(os.stderr)) {
            say("{s}: waiting for another process that is at work in {s} …", .{ run.stamp.name, std.fs.path.dirname(std.fs.path.dirname(path).?).? });
            told = true;
        }
        os.sleep(pause);
        waited += pause;
    }
}

/// Whether somebody else has it. Makes no lock file, which an uninstall at the same moment would leave behind.
pub fn isHeld(path: [:0]const u8, mode: os.LockMode) bool {
    const file = os.openRead(os.cwd, path) catch return false;
    defer os.close(file);
    return !(os.tryLock(file, mode) catch true);
}

/// False where nobody but an error is in the way.
pub fn isLockable(path: [:0]const u8) bool {
    if (tryAcquire(path, .shared) catch return false) |lock| os.close(lock);
    return true;
}

/// The lock, or null if somebody else has it. A lock file may be removed by whoever holds it, so the one locked must still be
/// the one that has the name.
pub fn tryAcquire(path: [:0]const u8, mode: os.LockMode) os.Error!?os.Handle {
    const tries_max = 100;
    for (0..tries_max) |_| {
        const file = try os.openLock(os.cwd, path);
        errdefer os.close(file);
        // Where the file system has no locks, nobody has one: `Base.network`, and what follows of it, stands in for them.
        if (!(os.tryLock(file, mode) catch |err| if (err == error.Unsupported) true else return err)) {
            os.close(file);
            return null;
        }
        const locked = try os.fstat(file);
        if (os.lstat(os.cwd, path)) |named| {
            if (locked.same(named)) return file;
        } else |err| if (err != error.NotFound) return err;
        os.close(file);
    }
    return null;
}
