//! The warm run: is what the stamp names installed and whole? Nothing here grows with the program's bytes or files, and no
//! file of the payload is opened.

const std = @import("std");
const os = @import("os.zig");
const host = @import("host.zig");
const markers = @import("marker.zig");
const Marker = markers.Marker;
const manifests = @import("manifest.zig");
const Kind = manifests.Kind;
const bases = @import("bases.zig");
const Base = bases.Base;
const Run = @import("run.zig").Run;
const installed_time = @import("unpack.zig").installed_time;

/// After so many seconds the system has written everything by itself; one sync makes sure of it.
const durable_after = 60;
const day = 24 * 60 * 60;

/// One of the two directories, as far as the stamp knows it.
pub const Place = struct {
    kind: Kind,
    /// The name of the directory, and of the lock.
    name: []const u8,
    path: [:0]const u8,
    /// The one file that is looked at.
    file: [:0]const u8,
    file_size: u64,

    pub fn of(run: *const Run, base: *const Base, kind: Kind) !Place {
        const stamp = &run.stamp;
        const name = if (kind == .runtime) stamp.runtime_directory else stamp.release_directory;
        return .{
            .kind = kind,
            .name = name,
            .path = try base.install(run, kind, name),
            .file = try run.arena.dupeZ(u8, if (kind == .runtime) stamp.runtime_executable else stamp.entry),
            .file_size = if (kind == .runtime) stamp.runtime_executable_size else stamp.entry_size,
        };
    }
};

pub const Health = enum {
    whole,
    absent,
    /// Something is in its place that is no directory.
    obstructed,
    /// A name or a time is not what it was: names, sizes and times of all files have to be looked at.
    worn,
    /// The machine stopped before everything was on the disk: all bytes have to be read.
    torn,
    /// No marker that could be trusted: all bytes have to be read.
    unmarked,
};

pub const Checked = struct {
    health: Health,
    /// Held from the check on, so that nobody removes what was found whole.
    use: ?os.Handle = null,
    marker: Marker = .{},
    /// Written more than a minute ago and never synced.
    unsynced: bool = false,

    pub fn release(checked: *const Checked) void {
        if (checked.use) |handle| os.close(handle);
    }
};

pub fn check(run: *Run, base: *const Base, place: *const Place) !Checked {
    const use = (openForUse(base, place) catch |err| switch (err) {
        error.NotFound => return .{ .health = .absent },
        error.NotDirectory, error.LinkLoop => return .{ .health = .obstructed },
        else => return run.refuse("cannot open {s}: {s}", .{ place.path, os.describe(err) }),
    }) orelse return .{ .health = .absent };
    var checked: Checked = .{ .health = .whole, .use = use };
    checked.health = examine(run, base, place, use, &checked) catch |err| switch (err) {
        error.OutOfMemory, error.Refused => |known| {
            os.close(use);
            return known;
        },
        error.Malformed => .torn,
        else => .unmarked,
    };
    return checked;
}

/// null while somebody removes it.
fn openForUse(base: *const Base, place: *const Place) os.Error!?os.Handle {
    if (base.prepared or base.network) return try os.openDirectory(os.cwd, place.path);
    return os.useDirectory(os.cwd, place.path) catch |err| switch (err) {
        error.Unsupported => try os.openDirectory(os.cwd, place.path),
        else => err,
    };
}

fn examine(run: *Run, base: *const Base, place: *const Place, use: os.Handle, checked: *Checked) (markers.Error || error{Refused})!Health {
    const root = try os.fstat(use);
    // Removed or replaced between opening and locking.
    const named = os.lstat(os.cwd, place.path) catch return .absent;
    if (!root.same(named)) return .absent;
    try requireOwn(run, base, place, root);
    if (!base.prepared and !isPrivate(try os.lstat(use, markers.directory))) return .unmarked;
    checked.marker = try markers.read(run.arena, use);
    const marker = &checked.marker;
    if (!isMarkerOf(run, place, marker)) return .unmarked;
    // First, since a file of another size may not be all that is torn.
    if (!base.prepared and !marker.durable) {
        if (!std.mem.eql(u8, try run.bootId(), marker.boot)) return .torn;
        checked.unsynced = os.now() -| marker.installed >= durable_after;
    }
    const file = os.lstat(use, place.file) catch return .worn;
    if (file.kind != .file or file.size != place.file_size) return .worn;
    if (!belongs(run, base, place.path, file)) return .worn;
    if (place.kind == .runtime and file.mode & 0o100 == 0) return .worn;
    // Whoever prepares an image may copy without times.
    if (base.prepared) return .whole;
    if (!hasInstalledTime(root) or !hasInstalledTime(file)) return .worn;
    for (marker.directories) |name| {
        const directory = os.lstat(use, try run.arena.dupeZ(u8, name)) catch return .worn;
        if (!isPrivate(directory)) return .unmarked;
        if (directory.kind != .directory or !hasInstalledTime(directory)) return .worn;
    }
    return .whole;
}

/// Only its owner can write to it, who can use it too.
pub fn isPrivate(directory: os.Stat) bool {
    return !os.keeps_modes or directory.kind != .directory or directory.mode & 0o722 == 0o700;
}

/// `settle` looked at what is above. What a copy or a restored backup gave to somebody else is not run.
fn requireOwn(run: *Run, base: *const Base, place: *const Place, root: os.Stat) !void {
    const folder = try base.folder(run, place.kind);
    const own = !os.keeps_modes or belongs(run, base, folder, try os.lstat(os.cwd, folder)) and belongs(run, base, place.path, root);
    if (!own) return run.refuse("owned by another user, or others can write to it: {s}", .{place.path});
}

fn belongs(run: *const Run, base: *const Base, path: [:0]const u8, found: os.Stat) bool {
    return os.belongs(path, found, bases.trustIn(run, base.prepared), base.shared);
}

pub fn hasInstalledTime(found: os.Stat) bool {
    return found.seconds == installed_time and found.nanoseconds == 0;
}

fn isMarkerOf(run: *const Run, place: *const Place, marker: *const Marker) bool {
    return switch (place.kind) {
        // The runtime's directory ends with the beginning of its hash.
        .runtime => std.mem.endsWith(u8, place.name, marker.id[0..12]),
        .release => std.mem.eql(u8, marker.id, &std.fmt.bytesToHex(run.stamp.manifest_sha256, .lower)),
    };
}

/// Whether directories that are too many to look at every time are due for it.
pub fn sweepIsDue(base: *const Base, checked: *const Checked) bool {
    return isSweptDaily(base, checked) and dayHasPassed(checked);
}

pub fn isSweptDaily(base: *const Base, checked: *const Checked) bool {
    // Where locks cannot be trusted, the time also says that somebody still uses it. Where nothing can be written it stays due:
    // what is lost there is looked for at every start, and the next place is taken.
    return !base.prepared and (checked.marker.directories.len == 0 or base.network);
}

/// Since it was last looked after. A run that ended badly asks for it by setting the marker's time back; a time that is
/// still to come is from a clock that was wrong.
pub fn dayHasPassed(checked: *const Checked) bool {
    const age: u64 = @bitCast(os.now() -% checked.marker.swept);
    return age >= day;
}

pub fn directoriesAreWhole(root: os.Handle, part: *const manifests.Part) bool {
    for (part.directories) |name| {
        const found = os.lstat(root, name) catch return false;
        if (found.kind != .directory or !hasInstalledTime(found) or !isPrivate(found)) return false;
    }
    return true;
}

/// Whether the marker says that the runtime was compared with this host.
pub fn hostIsKnown(run: *const Run, checked: *const Checked) !bool {
    return std.mem.eql(u8, checked.marker.host, try host.fingerprint(run, checked.marker.interpreter));
}
