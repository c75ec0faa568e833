//! What is in a base beside the installs: the folders, the tag, the locks. Made under the lock `gc`, and removed under it.

const std = @import("std");
const os = @import("os.zig");
const Base = @import("bases.zig").Base;
const locks = @import("locks.zig");
const Kind = @import("manifest.zig").Kind;
const runs = @import("run.zig");
const Run = runs.Run;
const Error = runs.Error;
const Allocator = std.mem.Allocator;

const entries_max = 1 << 16;

pub fn lockPath(run: *const Run, base: *const Base, name: []const u8) ![:0]const u8 {
    return run.path(&.{ base.path, "locks", try std.mem.concat(run.arena, u8, &.{ name, ".install" }) });
}

/// What a cold run holds: nothing is removed meanwhile, and nobody else installs the same.
pub const Held = struct {
    gc: ?os.Handle = null,
    runtime: ?os.Handle = null,
    release: ?os.Handle = null,

    /// Makes the layout too, which stays as long as `gc` is held. null if an uninstall has just removed the base.
    pub fn take(run: *Run, base: *const Base) Error!?Held {
        var held: Held = .{};
        errdefer held.letGo();
        if (!base.network) held.gc = try locks.acquireGc(run, base.path, .shared) orelse return null;
        try makeLayout(run, base);
        if (base.network) return held;
        held.runtime = try locks.acquire(run, try lockPath(run, base, run.stamp.runtime_directory), .exclusive);
        held.release = try locks.acquire(run, try lockPath(run, base, run.stamp.release_directory), .exclusive);
        return held;
    }

    pub fn letGo(held: *Held) void {
        for ([_]?os.Handle{ held.release, held.runtime, held.gc }) |lock| if (lock) |handle| os.close(handle);
        held.* = .{};
    }
};

/// cachedir.org: tells backup programs to leave it out.
const cache_tag = "Signature: 8a477f597d28d172789f06886806bc55\n# Programs made by Sarma unpack themselves here. It can be deleted when none of them runs.\n";

fn makeLayout(run: *Run, base: *const Base) Error!void {
    for ([_][:0]const u8{ try run.path(&.{ base.path, "locks" }), try base.folder(run, .runtime), try base.folder(run, .release) }) |folder| {
        os.makeDirectory(os.cwd, folder, 0o755) catch |err| if (err != error.Exists) return run.cannot("create", folder, err);
    }
    const path = try run.path(&.{ base.path, "CACHEDIR.TAG" });
    const file = os.create(os.cwd, path, 0o644) catch return;
    defer os.close(file);
    // An empty one would stay for ever.
    os.writeAll(file, cache_tag) catch os.removeFile(os.cwd, path) catch {};
}

/// What is made for all installs of a base, once there is none in it and nobody is about to make one. The
/// base too, if it was not the user who made it.
pub fn removeEmptyLayout(run: *Run, base: *const Base) void {
    removeLayout(run, base) catch {};
}

fn removeLayout(run: *Run, base: *const Base) !void {
    const gc_path = try locks.gcPath(run, base.path);
    {
        const gc = try locks.tryAcquire(gc_path, .exclusive) orelse return;
        // Before its folder goes: a network file system keeps an open file under another name in there.
        defer os.close(gc);
        try removeStaleLocks(run, base);
        for ([_]Kind{ .release, .runtime }) |kind| {
            os.removeDirectory(os.cwd, try base.folder(run, kind)) catch |err| if (err != error.NotFound) return;
        }
        // Before `gc`: once that is gone, the next one may have made everything anew.
        os.removeFile(os.cwd, try run.path(&.{ base.path, "CACHEDIR.TAG" })) catch {};
        os.removeFile(os.cwd, gc_path) catch {};
    }
    os.removeDirectory(os.cwd, try run.path(&.{ base.path, "locks" })) catch {};
    const found = try os.lstat(os.cwd, base.path);
    if (!os.keeps_modes or found.mode & os.made_by_us != 0) os.removeDirectory(os.cwd, base.path) catch {};
}

/// Lock files that nobody holds and whose install is gone.
pub fn removeStaleLocks(run: *Run, base: *const Base) Allocator.Error!void {
    const path = try run.path(&.{ base.path, "locks" });
    const folder = os.openDirectory(os.cwd, path) catch return;
    defer os.close(folder);
    for (try namesIn(run, folder)) |name| {
        const end = std.mem.lastIndexOfScalar(u8, name, '.') orelse continue;
        if (!std.mem.eql(u8, name[end..], ".install") or try isThere(run, base, name[0..end])) continue;
        const lock_path = try run.path(&.{ path, name });
        const lock = (locks.tryAcquire(lock_path, .exclusive) catch null) orelse continue;
        os.removeFile(os.cwd, lock_path) catch {};
        os.close(lock);
    }
}

fn isThere(run: *Run, base: *const Base, name: []const u8) Allocator.Error!bool {
    for ([_]Kind{ .release, .runtime }) |kind| {
        if (os.exists(os.cwd, try base.install(run, kind, name))) return true;
    }
    return false;
}

pub fn namesIn(run: *Run, folder: os.Handle) Allocator.Error![]const [:0]const u8 {
    var names: std.ArrayList([:0]const u8) = .empty;
    var entries: os.Entries = .of(folder);
    while (entries.next() catch null) |name| {
        if (names.items.len == entries_max) break;
        if (name[0] != '.') try names.append(run.arena, try run.arena.dupeZ(u8, name));
    }
    return names.items;
}
