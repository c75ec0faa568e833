//! Makes an install whole again where it stands: what is missing or different comes back file by file, what is right and
//! what the program put there stays.

const std = @import("std");
const os = @import("os.zig");
const checks = @import("check.zig");
const manifests = @import("manifest.zig");
const markers = @import("marker.zig");
const removal = @import("removal.zig");
const unpacking = @import("unpack.zig");
const onAllCores = @import("threads.zig").onAllCores;
const Part = manifests.Part;
const Payload = @import("payload.zig").Payload;
const Run = @import("run.zig").Run;

pub const Options = struct {
    /// Read every byte; else only what does not have its size and time.
    deep: bool,
    /// Keep what is replaced as NAME.replaced.
    keep_replaced: bool,
};

/// The caller holds the install lock of `place`. `fresh` is the marker of an install made now. Returns how many files came
/// back.
pub fn repair(run: *Run, payload: *const Payload, part: *const Part, place: *const checks.Place, fresh: markers.Marker, options: Options) !usize {
    const root = os.openDirectory(os.cwd, place.path) catch |err| return run.refuse("cannot open {s}: {s}", .{ place.path, os.describe(err) });
    defer os.close(root);
    return mend(run, payload, part, place, root, fresh, options) catch |err| switch (err) {
        error.Refused, error.Damaged, error.OutOfMemory => |known| return known,
        else => |failure| return run.cannot("repair", place.path, failure),
    };
}

fn mend(run: *Run, payload: *const Payload, part: *const Part, place: *const checks.Place, root: os.Handle, fresh: markers.Marker, options: Options) !usize {
    try mendDirectory(run, place, root, markers.directory);
    for ([_][:0]const u8{ markers.path, markers.temporary }) |name| try clearWay(run, place, root, name, .file);
    for (part.directories) |name| try mendDirectory(run, place, root, name);
    for (part.links) |link| try mendLink(run, place, root, &link);
    const wanted = try differing(run, part, root, options.deep);
    const count = std.mem.count(bool, wanted, &.{true});
    if (count > 0) {
        try markers.write(run.arena, root, unfinished(fresh));
        run.needed = 0;
        for (part.files, wanted) |file, missing| if (missing) {
            run.needed +|= file.size;
            try clearWay(run, place, root, file.path, .file);
        };
        const destination: unpacking.Destination = .{
            .part = part,
            .root = root,
            .path = place.path,
            .wanted = wanted,
            .keep_replaced = options.keep_replaced,
        };
        switch (place.kind) {
            .runtime => try unpacking.unpack(run, payload, destination, null),
            .release => try unpacking.unpack(run, payload, null, destination),
        }
    }
    run.step("repaired {s}: {d} files", .{ place.path, count });
    for (part.directories) |name| try os.setTime(root, name, unpacking.installed_time);
    // Where the marker says durable, the files are never read again.
    const marker = if (fresh.durable and !isSynced(run, root)) notDurable(fresh) else fresh;
    try markers.write(run.arena, root, try newMarker(run, root, marker, options.deep or count > 0));
    try os.setTime(os.cwd, place.path, unpacking.installed_time);
    return count;
}

/// What was durable is so no more while files come back, and a repair that never ends has to be followed by one that reads
/// everything: no start of a machine is called so.
fn unfinished(fresh: markers.Marker) markers.Marker {
    var marker = notDurable(fresh);
    marker.boot = "repair";
    return marker;
}

pub fn notDurable(marker: markers.Marker) markers.Marker {
    var changed = marker;
    changed.durable = false;
    return changed;
}

/// A file system that cannot be synced costs no run: what lies there is read again after the next start of the machine.
pub fn isSynced(run: *const Run, root: os.Handle) bool {
    os.syncFileSystem(root) catch |err| {
        run.step("not synced: {s}", .{os.describe(err)});
        return false;
    };
    return true;
}

/// An old marker that nothing was written after still says when that was made durable.
fn newMarker(run: *Run, root: os.Handle, fresh: markers.Marker, written: bool) !markers.Marker {
    if (written) return fresh;
    const old = markers.read(run.arena, root) catch return fresh;
    var kept = fresh;
    kept.boot = old.boot;
    kept.durable = old.durable;
    kept.installed = old.installed;
    return kept;
}

fn mendDirectory(run: *Run, place: *const checks.Place, root: os.Handle, name: [:0]const u8) !void {
    try clearWay(run, place, root, name, .directory);
    os.makeDirectory(root, name, 0o755) catch |err| return if (err == error.Exists) mendMode(root, name) else err;
}

/// Of a directory that others can write to, or its owner cannot use.
pub fn mendMode(dir: os.Handle, path: [:0]const u8) os.Error!void {
    if (!checks.isPrivate(try os.lstat(dir, path))) try os.setMode(dir, path, 0o755);
}

fn mendLink(run: *Run, place: *const checks.Place, root: os.Handle, link: *const manifests.Link) !void {
    try clearWay(run, place, root, link.path, .link);
    var buffer: [2048]u8 = undefined;
    if (os.readLink(root, link.path, &buffer)) |target| {
        if (std.mem.eql(u8, target, link.target)) return;
        try os.removeFile(root, link.path);
    } else |_| {}
    try os.symlink(link.target, root, link.path);
    try os.setTime(root, link.path, unpacking.installed_time);
}

/// Moves away what is not of the kind that belongs there: once, and later ones are removed.
fn clearWay(run: *Run, place: *const checks.Place, root: os.Handle, path: [:0]const u8, kind: os.Kind) !void {
    const found = os.lstat(root, path) catch return;
    if (found.kind == kind) return;
    const kept = try std.mem.joinZ(run.arena, "", &.{ path, ".replaced" });
    if (!os.exists(root, kept)) {
        if (os.rename(root, path, root, kept)) |_| return else |_| {}
    }
    if (found.kind != .directory) return os.removeFile(root, path);
    removal.removeTree(run, try run.path(&.{ place.path, path }));
}

/// Which files have to come back. Bytes are read where a size or time is not what it was, or everywhere.
fn differing(run: *Run, part: *const Part, root: os.Handle, deep: bool) ![]bool {
    const wanted = try run.arena.alloc(bool, part.files.len);
    var suspects: std.ArrayList(u32) = .empty;
    for (part.files, wanted, 0..) |file, *missing, number| {
        missing.* = true;
        const found = os.lstat(root, file.path) catch continue;
        // What the program wrote has another time; what has ours may have been torn.
        if (file.mutable and !checks.hasInstalledTime(found)) {
            missing.* = false;
            continue;
        }
        if (found.kind != .file or found.size != file.size or (os.keeps_modes and found.mode & 0o777 != file.mode)) continue;
        missing.* = false;
        if (deep or !checks.hasInstalledTime(found)) try suspects.append(run.arena, @intCast(number));
    }
    var reading: Reading = .{ .part = part, .root = root, .suspects = suspects.items, .wanted = wanted };
    _ = onAllCores(suspects.items.len, 128 << 10, Reading.readAll, &reading);
    return wanted;
}

/// Files read and hashed by several threads.
const Reading = struct {
    part: *const Part,
    root: os.Handle,
    suspects: []const u32,
    wanted: []bool,
    next: std.atomic.Value(usize) = .init(0),

    fn readAll(reading: *Reading) void {
        const buffer = os.pages(1 << 20) catch return reading.giveUp();
        defer os.release(buffer);
        while (true) {
            const at = reading.next.fetchAdd(1, .monotonic);
            if (at >= reading.suspects.len) return;
            const number = reading.suspects[at];
            const file = &reading.part.files[number];
            const same = isSame(reading.root, file, buffer) catch false;
            reading.wanted[number] = !same;
            if (same) os.setTime(reading.root, file.path, unpacking.installed_time) catch {};
        }
    }

    /// Without memory to read them, all the rest comes back from the executable.
    fn giveUp(reading: *Reading) void {
        while (true) {
            const at = reading.next.fetchAdd(1, .monotonic);
            if (at >= reading.suspects.len) return;
            reading.wanted[reading.suspects[at]] = true;
        }
    }
};

fn isSame(root: os.Handle, file: *const manifests.File, buffer: []u8) os.Error!bool {
    const handle = try os.openRead(root, file.path);
    defer os.close(handle);
    var hash: std.hash.XxHash3 = .init(0);
    while (true) {
        const count = try os.read(handle, buffer);
        if (count == 0) return hash.final() == file.xxh3;
        hash.update(buffer[0..count]);
    }
}
