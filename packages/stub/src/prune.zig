//! Old versions go when a new one has been installed, and runtimes that no release refers to any more.
//! Never one that is in use, and nothing that Sarma did not put there.

const std = @import("std");
const os = @import("os.zig");
const locks = @import("locks.zig");
const markers = @import("marker.zig");
const removal = @import("removal.zig");
const layout = @import("layout.zig");
const upkeep = @import("upkeep.zig");
const bases = @import("bases.zig");
const Base = bases.Base;
const Kind = @import("manifest.zig").Kind;
const Run = @import("run.zig").Run;
const Allocator = std.mem.Allocator;

pub const Error = error{ Refused, OutOfMemory };

/// Who wants something gone: a user who uninstalls wants a young runtime gone too.
pub const Asked = enum { by_nobody, by_user };

pub const Release = struct {
    name: []const u8,
    marker: markers.Marker,
    /// When the marker was last written, in nanoseconds since 1970.
    marked: i64 = 0,
};

/// Silent, and what fails is left for the next time.
pub fn afterInstalling(run: *Run, base: *const Base) void {
    const judged = bases.toChange(base.*);
    _ = prune(run, &judged, run.stamp.keep) catch return run.step("not pruned: {s}", .{run.reason});
}

/// Leaves the current version and `keep - 1` others of this program. Returns how many directories were removed.
pub fn prune(run: *Run, base: *const Base, keep: u32) Error!usize {
    const gc = try locks.tryGc(run, base.path) orelse return run.refuse("somebody is installing in {s}; try again later", .{base.path});
    defer os.close(gc);
    // A run that is killed from here on is followed by one that goes on.
    try upkeep.setUnpruned(run, base, true);
    var removed: usize = 0;
    const all = try releases(run, base);
    var kept: usize = 1;
    for (all) |release| {
        if (!std.mem.eql(u8, release.marker.name, run.stamp.name) or std.mem.eql(u8, release.name, run.stamp.release_directory)) continue;
        kept += 1;
        if (base.network and isYoung(release.marker)) continue;
        if (kept > keep and try isRemoved(run, base, .release, release.name)) removed += 1;
    }
    removed += try removeUnused(run, base, .by_nobody);
    try upkeep.setUnpruned(run, base, false);
    return removed;
}

/// Newest first.
pub fn releases(run: *Run, base: *const Base) Allocator.Error![]Release {
    var list: std.ArrayList(Release) = .empty;
    const folder = os.openDirectory(os.cwd, try base.folder(run, .release)) catch return &.{};
    defer os.close(folder);
    for (try layout.namesIn(run, folder)) |name| {
        const directory = os.openDirectory(folder, name) catch continue;
        defer os.close(directory);
        const marker = markers.read(run.arena, directory) catch |err| switch (err) {
            error.OutOfMemory => return error.OutOfMemory,
            else => continue,
        };
        const folder_of_marker = os.lstat(directory, markers.directory) catch continue;
        const marked = folder_of_marker.seconds *| std.time.ns_per_s +| folder_of_marker.nanoseconds;
        try list.append(run.arena, .{ .name = name, .marker = marker, .marked = marked });
    }
    std.mem.sortUnstable(Release, list.items, {}, isNewer);
    return list.items;
}

fn isNewer(_: void, a: Release, b: Release) bool {
    if (a.marker.installed != b.marker.installed) return a.marker.installed > b.marker.installed;
    // Two upgrades in one second.
    return a.marked > b.marked;
}

/// Where locks cannot be trusted, another machine may be running it, or be about to.
fn isYoung(marker: markers.Marker) bool {
    return !removal.isOld(marker.swept);
}

fn isYoungRuntime(run: *Run, folder: os.Handle, name: [:0]const u8) Allocator.Error!bool {
    const directory = os.openDirectory(folder, name) catch return false;
    defer os.close(directory);
    const marker = markers.read(run.arena, directory) catch |err| return if (err == error.OutOfMemory) error.OutOfMemory else true;
    return isYoung(marker);
}

/// Runtimes without a release, and what killed runs of any program left: temporaries, lock files of what is gone. The
/// caller holds `gc` alone.
pub fn removeUnused(run: *Run, base: *const Base, asked: Asked) Allocator.Error!usize {
    var removed: usize = 0;
    for ([_]Kind{ .release, .runtime }) |kind| {
        const path = try base.folder(run, kind);
        const folder = os.openDirectory(os.cwd, path) catch continue;
        defer os.close(folder);
        for (try layout.namesIn(run, folder)) |name| {
            if (removal.installOf(name)) |_| {
                // Whoever installs holds `gc` too, so nobody works on it.
                if (!base.network or removal.isAbandoned(folder, name)) removal.removeTree(run, try run.path(&.{ path, name }));
            } else if (kind == .runtime and !try isWanted(run, base, folder, name, asked)) {
                if (try isRemoved(run, base, .runtime, name)) removed += 1;
            }
        }
    }
    try layout.removeStaleLocks(run, base);
    return removed;
}

/// By a release; or by another machine, where locks cannot be trusted: what a user wants gone goes there too.
fn isWanted(run: *Run, base: *const Base, folder: os.Handle, runtime: [:0]const u8, asked: Asked) Allocator.Error!bool {
    if (try isReferredTo(run, base, runtime)) return true;
    return base.network and asked == .by_nobody and try isYoungRuntime(run, folder, runtime);
}

/// Any release without a marker may refer to it: such a one keeps every runtime.
fn isReferredTo(run: *Run, base: *const Base, runtime: []const u8) Allocator.Error!bool {
    const folder = os.openDirectory(os.cwd, try base.folder(run, .release)) catch return true;
    defer os.close(folder);
    for (try layout.namesIn(run, folder)) |name| {
        const directory = os.openDirectory(folder, name) catch continue;
        defer os.close(directory);
        const marker = markers.read(run.arena, directory) catch return true;
        if (std.mem.eql(u8, marker.runtime, runtime)) return true;
    }
    return false;
}

/// Passes over what cannot be removed.
fn isRemoved(run: *Run, base: *const Base, kind: Kind, name: []const u8) Allocator.Error!bool {
    return removeInstall(run, base, kind, name) catch |err| switch (err) {
        error.Refused => {
            run.step("{s} stays: {s}", .{ name, run.reason });
            return false;
        },
        error.OutOfMemory => return error.OutOfMemory,
    };
}

/// With its lock file. False if it is in use, or being installed.
pub fn removeInstall(run: *Run, base: *const Base, kind: Kind, name: []const u8) Error!bool {
    const lock_path = try layout.lockPath(run, base, name);
    const lock = (locks.tryAcquire(lock_path, .exclusive) catch |err| return locks.refused(run, lock_path, err)) orelse return false;
    defer os.close(lock);
    if (!try removal.remove(run, try base.install(run, kind, name))) return false;
    os.removeFile(os.cwd, lock_path) catch {};
    return true;
}
