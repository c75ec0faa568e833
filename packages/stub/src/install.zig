//! Finds the install of this executable, or makes it. The order is always the same: look (`ready`); take the locks
//! (`layout.Held`); look again, work in a directory that nobody knows, and rename (`bringAbout`). A program is started by
//! `find` alone; maintenance holds the locks itself for the rest.

const std = @import("std");
const os = @import("os.zig");
const bases = @import("bases.zig");
const Base = bases.Base;
const checks = @import("check.zig");
const Place = checks.Place;
const Checked = checks.Checked;
const host = @import("host.zig");
const installations = @import("installation.zig");
const Installation = installations.Installation;
const layout = @import("layout.zig");
const locks = @import("locks.zig");
const memory = @import("memory.zig");
const payloads = @import("payload.zig");
const Payload = payloads.Payload;
const prune = @import("prune.zig");
const removal = @import("removal.zig");
const repairs = @import("repair.zig");
const manifests = @import("manifest.zig");
const unpacking = @import("unpack.zig");
const upkeep = @import("upkeep.zig");
const runs = @import("run.zig");
const Run = runs.Run;

/// File systems round up, and the marker and the directories take room too.
const spare_bytes = 4 << 20;
/// Of what was tried, in bytes: what helps stands behind it, and a message is no longer than 8 KiB.
const told_max = 7 << 10;

/// What a program is started from.
pub const Installed = struct {
    base: Base,
    /// The runtime's executable.
    runtime: [:0]const u8,
    /// The root of the release.
    release: [:0]const u8,
    runtime_use: ?os.Handle,
    release_use: ?os.Handle,
    /// Old versions are still to be removed.
    unpruned: bool,
};

pub const Error = runs.Error;

/// The first candidate that holds the install, or can take it. Ends the run if none can.
pub fn find(run: *Run) error{OutOfMemory}!Installed {
    return search(run) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        error.Refused, error.Damaged => run.fail("{s}", .{run.reason}),
    };
}

fn search(run: *Run) Error!Installed {
    var tried: Tried = .{};
    if (try among(run, try bases.candidates(run), &tried)) |installed| return installed;
    if (run.privileged) return run.refuse(
        \\it has file capabilities, so it runs only from an install that nobody but root can change. As root:
        \\  {s} {s} extract /usr/lib/sarma/{s}{s}
    , .{ run.own_path, run.stamp.maintenance_word, run.stamp.id, tried.lines.items });
    if (tried.noexec.items.len > 0 and try memory.isPossible(run)) {
        tried.in_memory = true;
        if (try among(run, tried.noexec.items, &tried)) |found| {
            var installed = found;
            if (memory.runtime(run)) |path| {
                installed.runtime = path;
                return installed;
            } else |err| {
                if (err != error.Refused) return err;
                try tried.add(run, "memory");
            }
        }
    }
    if (tried.lines.items.len == 0) try tried.lines.appendSlice(run.arena, "\n  nothing: there is no home, and neither /var/tmp, /tmp nor /dev/shm");
    const told = tried.lines.items[0..@min(tried.lines.items.len, told_max)];
    const variable = run.stamp.override_variable;
    if (!run.no_room) return run.refuse("found no directory to unpack into; tried:{s}\nset {s} to a directory of your own that allows executing files", .{ told, variable });
    const needed = run.stamp.runtime_bytes + run.stamp.release_bytes + spare_bytes;
    return run.refuse("found no directory to unpack into; tried:{s}\nmake room in one of them, or set {s} to a directory of your own that allows executing files and has room for {d} bytes", .{ told, variable, needed });
}

/// The candidates that were refused.
const Tried = struct {
    /// For the user.
    lines: std.ArrayList(u8) = .empty,
    /// Those where nothing can be executed.
    noexec: std.ArrayList(bases.Candidate) = .empty,
    /// Such a one will do: the runtime is executed from memory.
    in_memory: bool = false,

    /// For `run.reason`.
    fn add(tried: *Tried, run: *const Run, place: []const u8) Error!void {
        run.step("{s}: {s}", .{ place, run.reason });
        try tried.lines.appendSlice(run.arena, try std.mem.concat(run.arena, u8, &.{ "\n  ", place, ": ", run.reason }));
    }

    fn requireExecution(tried: *Tried, run: *Run, candidate: bases.Candidate, noexec: bool) Error!void {
        if (!noexec or tried.in_memory) return;
        try tried.noexec.append(run.arena, candidate);
        return run.refuse("its file system is mounted noexec", .{});
    }
};

fn among(run: *Run, candidates: []const bases.Candidate, tried: *Tried) Error!?Installed {
    for (candidates, 1..) |candidate, next| {
        const found = inCandidate(run, candidate, candidates[next..], tried) catch |err| {
            if (err != error.Refused) return err;
            try tried.add(run, candidate.path);
            continue;
        };
        if (found) |installed| {
            // What the run that installed it could not do any more, or was killed at.
            if (installed.unpruned) prune.afterInstalling(run, &installed.base);
            return installed;
        }
    }
    return null;
}

/// null if this candidate has nothing and is not for installing. `later` come after it.
fn inCandidate(run: *Run, candidate: bases.Candidate, later: []const bases.Candidate, tried: *Tried) Error!?Installed {
    var base = try bases.open(run, candidate, false);
    if (base) |*found| {
        try tried.requireExecution(run, candidate, found.noexec);
        if (try ready(run, found)) |installed| return installed;
        if (candidate.prepared) return run.refuse("this prepared install is not complete", .{});
    } else if (candidate.prepared or !candidate.canBeMade()) return null;
    const modes = os.beginInstalling();
    defer os.endInstalling(modes);
    // Before anything is created: a host or a place that cannot take the program stays as it was.
    const payload = try payloads.open(run);
    defer os.close(payload.file);
    try host.require(run, &payload.manifest);
    if (base == null) if (try run.fileSystem(candidate.path)) |file_system| {
        try tried.requireExecution(run, candidate, file_system.noexec);
        try requireRoomFor(run, if (tried.in_memory) 0 else run.stamp.runtime_bytes, run.stamp.release_bytes, file_system.available);
    };
    const was_there = base != null;
    const removals_max = 100;
    for (0..removals_max) |_| {
        // An uninstall may take it away as soon as it is made.
        const here = bases.toChange(try bases.open(run, candidate, true) orelse continue);
        errdefer {
            layout.removeEmptyLayout(run, &here);
            if (!was_there) os.removeDirectory(os.cwd, here.path) catch {};
        }
        try tried.requireExecution(run, candidate, here.noexec);
        // Whoever holds it may have been stopped for good, and an earlier run may have given up waiting.
        if (try isBusy(run, &here)) if (try wholeIn(run, later, tried)) |installed| return installed;
        if (try install(run, &here, &payload)) |installed| return installed;
    }
    return run.refuse("others remove it again and again", .{});
}

/// Whether an install would have to wait for a lock.
fn isBusy(run: *Run, base: *const Base) Error!bool {
    if (base.network) return false;
    return locks.isHeld(try locks.gcPath(run, base.path), .shared) or
        locks.isHeld(try layout.lockPath(run, base, run.stamp.runtime_directory), .exclusive) or
        locks.isHeld(try layout.lockPath(run, base, run.stamp.release_directory), .exclusive);
}

/// The first of them that has the whole install. Takes no lock and makes nothing.
fn wholeIn(run: *Run, candidates: []const bases.Candidate, tried: *const Tried) Error!?Installed {
    for (candidates) |candidate| {
        const base = bases.open(run, candidate, false) catch |err| if (err == error.Refused) continue else return err;
        if (base == null or base.?.noexec and !tried.in_memory) continue;
        const installed = ready(run, &base.?) catch |err| if (err == error.Refused) continue else return err;
        if (installed != null) return installed;
    }
    return null;
}

/// The install if it is there and whole: all that a warm run does.
pub fn ready(run: *Run, base: *const Base) Error!?Installed {
    const runtime_place: Place = try .of(run, base, .runtime);
    const release_place: Place = try .of(run, base, .release);
    const runtime: Checked = if (base.noexec) .{ .health = .whole } else try checks.check(run, base, &runtime_place);
    const release = try checks.check(run, base, &release_place);
    run.step("{s}: runtime {s}, release {s}", .{ base.path, @tagName(runtime.health), @tagName(release.health) });
    if (runtime.health != .whole or release.health != .whole or !try upkeep.keepUp(run, base, &runtime, &release)) {
        runtime.release();
        release.release();
        return null;
    }
    return .{
        .base = base.*,
        .runtime = try run.path(&.{ runtime_place.path, runtime_place.file }),
        .release = release_place.path,
        .runtime_use = runtime.use,
        .release_use = release.use,
        .unpruned = release.marker.unpruned and !base.prepared,
    };
}

// --- the cold run

/// null if an uninstall took the base away before anything was locked.
fn install(run: *Run, base: *const Base, payload: *const Payload) Error!?Installed {
    try requireRoom(run, base);
    try requireShortPaths(run, base, &payload.manifest.release);
    var held = try layout.Held.take(run, base) orelse return null;
    defer held.letGo();
    _ = try bringAbout(run, base, payload, .{ .unpruned = true });
    return try ready(run, base) orelse return run.refuse("what was installed does not stay as it was written", .{});
}

/// For what is not there yet.
pub fn requireRoom(run: *Run, base: *const Base) Error!void {
    const runtime = if (base.noexec or os.exists(os.cwd, (try Place.of(run, base, .runtime)).path)) 0 else run.stamp.runtime_bytes;
    const release = if (os.exists(os.cwd, (try Place.of(run, base, .release)).path)) 0 else run.stamp.release_bytes;
    try requireRoomFor(run, runtime, release, base.available);
}

/// Before anything is created: a place that is too small stays as it is. All in bytes.
fn requireRoomFor(run: *Run, runtime: u64, release: u64, available: u64) Error!void {
    run.needed = runtime + release + spare_bytes;
    if (runtime + release > 0 and run.needed > available) {
        run.no_room = true;
        return run.refuse("no room: {d} bytes are needed, {d} are available to this user", .{ run.needed, available });
    }
}

/// The stub could write files with longer paths, and the runtime could not read them. It asks every directory for a
/// `package.json`, and fails where the name of that is too long.
fn requireShortPaths(run: *Run, base: *const Base, release: *const manifests.Part) Error!void {
    var longest: usize = 0;
    for (release.files) |file| longest = @max(longest, file.path.len);
    for (release.directories) |path| longest = @max(longest, path.len + "/package.json".len);
    const length = base.path.len + "/releases//".len + run.stamp.release_directory.len + longest;
    if (length >= os.path_max) return run.refuse("its path is too long: with it, a file of this program would have one of {d} bytes, and {d} are possible", .{ length, os.path_max - 1 });
}

/// Installs what is absent and repairs what is not whole; returns how many files were repaired. The caller holds the locks.
pub fn bringAbout(run: *Run, base: *const Base, payload: *const Payload, options: installations.Options) Error!usize {
    var runtime: Installation = try .of(run, base, payload, .runtime, options);
    var release: Installation = try .of(run, base, payload, .release, options);
    errdefer runtime.abandon(run);
    errdefer release.abandon(run);
    try runtime.begin(run);
    try release.begin(run);
    if (runtime.fresh() or release.fresh()) {
        try unpacking.unpack(run, payload, runtime.destination(), release.destination());
        try runtime.complete(run);
        try release.complete(run);
        // The runtime first: a release refers to it. Without one it is nothing but a full disk.
        try runtime.publish(run);
        errdefer if (runtime.fresh() and !base.network) {
            _ = removal.remove(run, runtime.place.path) catch {};
        };
        try release.publish(run);
    }
    var repaired: usize = 0;
    for ([_]*Installation{ &runtime, &release }) |each| if (!each.fresh() and each.health != .whole) {
        repaired += try repairs.repair(run, payload, each.part, &each.place, try each.marker(run), .{
            .deep = each.health != .worn,
            .keep_replaced = each.health != .torn and each.place.kind == .release,
        });
    };
    return repaired;
}
