//! One of the two directories of an install on its way: made under a name that nobody knows, filled, sealed with its marker,
//! and renamed.

const std = @import("std");
const os = @import("os.zig");
const Base = @import("bases.zig").Base;
const checks = @import("check.zig");
const Place = checks.Place;
const Checked = checks.Checked;
const host = @import("host.zig");
const interruption = @import("interruption.zig");
const manifests = @import("manifest.zig");
const markers = @import("marker.zig");
const Payload = @import("payload.zig").Payload;
const removal = @import("removal.zig");
const repairs = @import("repair.zig");
const unpacking = @import("unpack.zig");
const runs = @import("run.zig");
const Run = runs.Run;
const Error = runs.Error;

pub const Options = struct {
    /// Read all bytes of what is there already.
    verify: bool = false,
    /// Sync, and never look at the boot id again.
    synced: bool = false,
    /// Whoever runs it next removes old versions.
    unpruned: bool = false,
};

/// One of the two directories.
pub const Installation = struct {
    base: *const Base,
    payload: *const Payload,
    place: Place,
    part: *const manifests.Part,
    health: checks.Health,
    options: Options,
    temporary: [:0]const u8 = "",
    root: ?os.Handle = null,

    pub fn of(run: *Run, base: *const Base, payload: *const Payload, kind: manifests.Kind, options: Options) Error!Installation {
        const place: Place = try .of(run, base, kind);
        const part = if (kind == .runtime) &payload.manifest.runtime else &payload.manifest.release;
        if (options.verify) for ([_][:0]const u8{ try base.folder(run, kind), place.path }) |path| {
            repairs.mendMode(os.cwd, path) catch |err| if (err != error.NotFound) return run.cannot("repair", path, err);
        };
        // What is executed from memory is not in the base.
        const absent = kind == .runtime and base.noexec;
        var checked: Checked = if (absent) .{ .health = .whole } else try checks.check(run, base, &place);
        defer checked.release();
        if (checked.health == .obstructed) os.removeFile(os.cwd, place.path) catch {};
        if ((checked.health == .whole or checked.health == .worn) and options.verify and !absent) checked.health = .unmarked;
        // The sweep that a warm run made, once more under the lock.
        if (checked.health == .whole and !absent and checks.sweepIsDue(base, &checked) and !checks.directoriesAreWhole(checked.use.?, part)) checked.health = .worn;
        return .{
            .base = base,
            .payload = payload,
            .place = place,
            .part = part,
            .health = checked.health,
            .options = options,
        };
    }

    pub fn fresh(installation: *const Installation) bool {
        return installation.health == .absent or installation.health == .obstructed;
    }

    pub fn destination(installation: *const Installation) ?unpacking.Destination {
        if (!installation.fresh()) return null;
        return .{ .part = installation.part, .root = installation.root.?, .path = installation.temporary };
    }

    pub fn begin(installation: *Installation, run: *Run) Error!void {
        const folder = try installation.base.folder(run, installation.place.kind);
        try removal.removeTemporaries(run, folder, installation.place.name, installation.base.network);
        if (!installation.fresh()) return;
        installation.temporary = try removal.temporaryName(run, installation.place.path);
        interruption.begins(run, installation.temporary);
        installation.make() catch |err| return run.cannot("create", installation.temporary, err);
    }

    fn make(installation: *Installation) os.Error!void {
        try os.makeDirectory(os.cwd, installation.temporary, 0o755);
        const root = try os.openDirectory(os.cwd, installation.temporary);
        installation.root = root;
        for (installation.part.directories) |name| try os.makeDirectory(root, name, 0o755);
        for (installation.part.links) |link| {
            try os.symlink(link.target, root, link.path);
            try os.setTime(root, link.path, unpacking.installed_time);
        }
    }

    pub fn marker(installation: *const Installation, run: *Run) Error!markers.Marker {
        const manifest = &installation.payload.manifest;
        const release = installation.place.kind == .release;
        const interpreter: []const u8 = if (release) manifest.interpreter orelse "" else "";
        const boot = try run.bootId();
        return .{
            .id = if (release) try run.arena.dupe(u8, &std.fmt.bytesToHex(run.stamp.manifest_sha256, .lower)) else manifest.runtime_sha256,
            .name = if (release) run.stamp.name else "",
            .version = if (release) run.stamp.version else "",
            .runtime = if (release) run.stamp.runtime_directory else "",
            .boot = boot,
            // Where every run has another boot id (sandboxes), all would be read every time.
            .durable = boot.len == 0 or installation.health == .torn or installation.base.synced or installation.options.synced,
            .installed = os.now(),
            .host = try host.fingerprint(run, interpreter),
            .interpreter = interpreter,
            .unpruned = release and installation.options.unpruned,
            .directories = try namedDirectories(run, installation.part),
        };
    }

    /// Times and marker.
    pub fn complete(installation: *Installation, run: *Run) Error!void {
        if (!installation.fresh()) return;
        installation.seal(run, try installation.marker(run)) catch |err| return run.cannot("finish", installation.temporary, err);
    }

    /// Gives it the name that others know.
    pub fn publish(installation: *Installation, run: *Run) Error!void {
        if (!installation.fresh()) return;
        os.rename(os.cwd, installation.temporary, os.cwd, installation.place.path) catch |err| switch (err) {
            // Without locks another one may have been faster; what it made is as good.
            error.Exists, error.NotEmpty => {
                installation.abandon(run);
                return;
            },
            else => return run.cannot("rename", installation.temporary, err),
        };
        interruption.ended(installation.temporary);
        installation.temporary = "";
        run.step("installed {s}", .{installation.place.path});
        os.close(installation.root.?);
        installation.root = null;
    }

    fn seal(installation: *Installation, run: *Run, contents: markers.Marker) !void {
        const root = installation.root.?;
        for (installation.part.directories) |name| try os.setTime(root, name, unpacking.installed_time);
        try markers.write(run.arena, root, contents);
        try os.setTime(os.cwd, installation.temporary, unpacking.installed_time);
        if (contents.durable and !repairs.isSynced(run, root)) try markers.write(run.arena, root, repairs.notDurable(contents));
    }

    pub fn abandon(installation: *Installation, run: *Run) void {
        if (installation.temporary.len == 0) return;
        if (installation.root) |root| os.close(root);
        installation.root = null;
        removal.removeTree(run, installation.temporary);
        interruption.ended(installation.temporary);
        installation.temporary = "";
    }
};

/// For the marker: none where there are too many, or a name that does not fit on a line.
fn namedDirectories(run: *const Run, part: *const manifests.Part) Error![]const []const u8 {
    if (part.directories.len > markers.directories_max) return &.{};
    const names = try run.arena.alloc([]const u8, part.directories.len);
    for (names, part.directories) |*name, directory| {
        if (std.mem.indexOfScalar(u8, directory, '\n') != null) return &.{};
        name.* = directory;
    }
    return names;
}
