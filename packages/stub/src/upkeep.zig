//! What a warm run does now and then for an install: the look at its directories and its compile cache, the sync, the marker.

const std = @import("std");
const os = @import("os.zig");
const Base = @import("bases.zig").Base;
const checks = @import("check.zig");
const Checked = checks.Checked;
const compile_cache = @import("compile_cache.zig");
const host = @import("host.zig");
const lockPath = @import("layout.zig").lockPath;
const locks = @import("locks.zig");
const markers = @import("marker.zig");
const payloads = @import("payload.zig");
const repairs = @import("repair.zig");
const runs = @import("run.zig");
const Run = runs.Run;
const Error = runs.Error;

/// What a warm run has to do now and then. False if it found out that the release is not whole.
pub fn keepUp(run: *Run, base: *const Base, runtime: *const Checked, release: *const Checked) Error!bool {
    const host_known = try checks.hostIsKnown(run, release);
    const has_cache = run.stamp.compile_cache and !base.prepared and !base.read_only;
    const sweeps = checks.isSweptDaily(base, release);
    const due = (has_cache or sweeps) and checks.dayHasPassed(release);
    const sweep = sweeps and due;
    if (!host_known or sweep) {
        const payload = try payloads.open(run);
        defer os.close(payload.file);
        if (!host_known) try host.require(run, &payload.manifest);
        if (sweep and !checks.directoriesAreWhole(release.use.?, &payload.manifest.release)) return false;
    }
    if (base.prepared or base.read_only) return true;
    if (runtime.unsynced and repairs.isSynced(run, runtime.use.?)) {
        try note(run, base, run.stamp.runtime_directory, runtime.use.?, .{ .durable = runtime.marker.boot });
    }
    const cache = has_cache and due;
    if (cache) compile_cache.lookAfter(run, release.use.?);
    const synced = release.unsynced and repairs.isSynced(run, release.use.?);
    if (synced or sweep or cache or !host_known) {
        try note(run, base, run.stamp.release_directory, release.use.?, .{ .durable = if (synced) release.marker.boot else null, .swept = sweep or cache });
    }
    return true;
}

/// What is new about an install.
const News = struct {
    /// What was written in that start of the machine is on the disk.
    durable: ?[]const u8 = null,
    /// Somebody looked at its directories, and at its compile cache.
    swept: bool = false,
    /// Whether old versions are still to be removed.
    unpruned: ?bool = null,
};

/// Into the marker, which is read once more under the lock: another run may have repaired it meanwhile, or was killed at
/// that. Leaves it if somebody is at work there, or it cannot be written: the next run will.
fn note(run: *Run, base: *const Base, name: []const u8, root: os.Handle, news: News) error{OutOfMemory}!void {
    const lock = (locks.tryAcquire(try lockPath(run, base, name), .exclusive) catch |err| {
        return run.step("{s} not locked: {s}", .{ name, os.describe(err) });
    }) orelse return;
    defer os.close(lock);
    var marker = markers.read(run.arena, root) catch |err| return if (err == error.OutOfMemory) error.OutOfMemory;
    if (news.unpruned) |wanted| {
        if (marker.unpruned == wanted) return;
        marker.unpruned = wanted;
    }
    if (news.durable) |boot| marker.durable = marker.durable or std.mem.eql(u8, marker.boot, boot);
    if (marker.interpreter.len > 0) marker.host = try host.fingerprint(run, marker.interpreter);
    markers.write(run.arena, root, marker) catch |err| return run.step("marker of {s} not renewed: {s}", .{ name, os.describe(err) });
    if (!news.swept) os.setTime(root, markers.path, marker.swept) catch {};
    run.step("marker of {s} renewed, durable {}", .{ name, marker.durable });
}

/// Says in the marker of this version whether old ones are still to be removed. As far as that can be written.
pub fn setUnpruned(run: *Run, base: *const Base, wanted: bool) error{OutOfMemory}!void {
    const name = run.stamp.release_directory;
    const root = os.openDirectory(os.cwd, try base.install(run, .release, name)) catch return;
    defer os.close(root);
    try note(run, base, name, root, .{ .unpruned = wanted });
}
