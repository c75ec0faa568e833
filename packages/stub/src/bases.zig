//! Where installs may lie: prepared ones first, then what the user says, then what every user has.

const std = @import("std");
const os = @import("os.zig");
const Kind = @import("manifest.zig").Kind;
const Run = @import("run.zig").Run;
const Allocator = std.mem.Allocator;

pub const Candidate = struct {
    path: []const u8,
    /// Made by `maintenance extract` or a package: only read.
    prepared: bool,
    /// By a variable, which says: here and nowhere else, as far as removing is concerned.
    named: bool = false,
    /// Where this is missing, the candidate is none. Most runs find their install before they have to know.
    within: ?[:0]const u8 = null,

    pub fn canBeMade(candidate: *const Candidate) bool {
        const directory = candidate.within orelse return true;
        return if (os.stat(os.cwd, directory)) |_| true else |_| false;
    }
};

pub const Base = struct {
    path: [:0]const u8,
    prepared: bool,
    /// Others may create names in some directory above it.
    shared: bool,
    /// Locks cannot be trusted here.
    network: bool,
    /// What is written here is synced at once.
    synced: bool,
    available: u64,
    /// Only a release can lie here; its runtime is executed from memory.
    noexec: bool = false,
    read_only: bool,

    pub fn of(path: [:0]const u8, prepared: bool, shared: bool, file_system: os.FileSystem) Base {
        return .{
            .path = path,
            .prepared = prepared,
            .shared = shared,
            .network = file_system.network,
            .synced = file_system.network or file_system.removable,
            .available = file_system.available,
            .read_only = file_system.read_only,
        };
    }

    /// Where all of the kind lie.
    pub fn folder(base: *const Base, run: *const Run, kind: Kind) Allocator.Error![:0]const u8 {
        return run.path(&.{ base.path, kind.folder() });
    }

    /// One of the two directories of an install.
    pub fn install(base: *const Base, run: *const Run, kind: Kind, name: []const u8) Allocator.Error![:0]const u8 {
        return run.path(&.{ base.path, kind.folder(), name });
    }
};

pub fn candidates(run: *const Run) Allocator.Error![]const Candidate {
    var list: std.ArrayList(Candidate) = .empty;
    for (try os.preparedDirectories(run.arena, run.own_path)) |directory| {
        try list.append(run.arena, .{ .path = try run.path(&.{ directory, run.stamp.id }), .prepared = true });
    }
    // With the rights of somebody else's file, only what an administrator prepared may be run.
    if (run.privileged) return list.items;
    for ([_][]const u8{ run.stamp.override_variable, "SARMA_CACHE_DIR" }) |name| {
        const path = os.variable(run.environment, name) orelse continue;
        try list.append(run.arena, .{ .path = path, .prepared = false, .named = true });
    }
    for (try os.cacheDirectories(run.arena, run.environment)) |directory| {
        try list.append(run.arena, .{ .path = directory.path, .prepared = false, .within = directory.within });
    }
    return list.items;
}

/// Whose files may be run from a base.
pub fn trustIn(run: *const Run, prepared: bool) os.Trust {
    if (run.privileged) return .administrator;
    return if (prepared) .prepared else .user;
}

/// For who changes something in it: without any locks, it is as on a network.
pub fn toChange(base: Base) Base {
    var judged = base;
    if (os.useDirectory(os.cwd, base.path)) |use| {
        if (use) |handle| os.close(handle);
    } else |err| judged.network = base.network or err == error.Unsupported;
    return judged;
}

/// null if it is not there. Refuses what others could change.
pub fn open(run: *Run, candidate: Candidate, make: bool) !?Base {
    // Nearly always, and then it does not matter whose the directories above it are.
    if (candidate.prepared and os.lstat(os.cwd, try run.arena.dupeZ(u8, candidate.path)) == error.NotFound) return null;
    switch (try os.settle(run.arena, candidate.path, make, trustIn(run, candidate.prepared))) {
        .missing => return null,
        .no_room => |path| return run.cannot("create", path, error.NoSpace),
        .refused => |reason| return run.refuse("{s}", .{reason}),
        .place => |place| {
            const file_system = os.fileSystem(place.path) catch |err| return if (err == error.NotFound) null else run.refuse("{s}", .{os.describe(err)});
            // Any user may mount a FUSE file system on a directory of his own, and show whatever owners he likes in it.
            if (place.mounted and file_system.network) return run.refuse("somebody may have mounted it there: it is a network or FUSE file system below a directory that others can write to", .{});
            var base: Base = .of(place.path, candidate.prepared, place.shared, file_system);
            base.noexec = file_system.noexec;
            return base;
        },
    }
}
