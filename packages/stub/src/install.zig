//! Finds the install of this executable, or makes it. The order is always the same: look; take the locks; look again;
//! work in a directory that nobody knows; rename. Callers cannot get it wrong, because there is only `find`.

const std = @import("std");
const os = @import("os.zig");
const bases = @import("bases.zig");
const Base = bases.Base;
const checks = @import("check.zig");
const Place = checks.Place;
const Checked = checks.Checked;
const host = @import("host.zig");
const interruption = @import("interruption.zig");
const locks = @import("locks.zig");
const markers = @import("marker.zig");
const memory = @import("memory.zig");
const payloads = @import("payload.zig");
const Payload = payloads.Payload;
const prune = @import("prune.zig");
const removal = @import("removal.zig");
const repairs = @import("repair.zig");
const manifests = @import("manifest.zig");
const unpacking = @import("unpack.zig");
const Run = @import("run.zig").Run;

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

pub const Error = error{ Refused, Damaged, OutOfMemory };

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

    fn requireExecution(tried: *Tried, run: *Run, candidate: bases.Candidate, base: *const Base) Error!void {
        if (!base.noexec or tried.in_memory) return;
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
        try tried.requireExecution(run, candidate, found);
        if (try ready(run, found)) |installed| return installed;
        if (candidate.prepared) return run.refuse("this prepared install is not complete", .{});
    } else if (candidate.prepared) return null;
    const modes = os.beginInstalling();
    defer os.endInstalling(modes);
    // Before anything is created: a host or a place that cannot take the program stays as it was.
    const payload = try payloads.open(run);
    defer os.close(payload.file);
    try host.require(run, &payload.manifest);
    if (base == null) try requireRoomFor(run, if (tried.in_memory) 0 else run.stamp.runtime_bytes, run.stamp.release_bytes, try run.available(candidate.path));
    const was_there = base != null;
    const removals_max = 100;
    for (0..removals_max) |_| {
        // An uninstall may take it away as soon as it is made.
        const here = bases.toChange(try bases.open(run, candidate, true) orelse continue);
        errdefer {
            prune.removeEmptyLayout(run, &here);
            if (!was_there) os.removeDirectory(os.cwd, here.path) catch {};
        }
        try tried.requireExecution(run, candidate, &here);
        // Whoever holds it may have been stopped for good, and an earlier run may have given up waiting.
        if (try isBusy(run, &here)) if (try wholeIn(run, later, tried)) |installed| return installed;
        if (try install(run, &here, &payload)) |installed| return installed;
    }
    return run.refuse("others remove it again and again", .{});
}

/// Whether an install would have to wait for a lock.
fn isBusy(run: *Run, base: *const Base) Error!bool {
    if (base.network) return false;
    return locks.isHeld(try run.path(&.{ base.path, "locks", "gc" }), .shared) or
        locks.isHeld(try lockPath(run, base, run.stamp.runtime_directory), .exclusive) or
        locks.isHeld(try lockPath(run, base, run.stamp.release_directory), .exclusive);
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
    if (runtime.health != .whole or release.health != .whole or !try keepUp(run, base, &runtime, &release)) {
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

/// What a warm run has to do now and then. False if it found out that the release is not whole.
fn keepUp(run: *Run, base: *const Base, runtime: *const Checked, release: *const Checked) Error!bool {
    const host_known = try checks.hostIsKnown(run, release);
    const sweep = checks.sweepIsDue(base, release);
    if (!host_known or sweep) {
        const payload = try payloads.open(run);
        defer os.close(payload.file);
        if (!host_known) try host.require(run, &payload.manifest);
        if (sweep and !directoriesAreWhole(release.use.?, &payload.manifest.release)) return false;
    }
    if (base.prepared or base.read_only) return true;
    if (runtime.unsynced and repairs.isSynced(run, runtime.use.?)) {
        try note(run, base, run.stamp.runtime_directory, runtime.use.?, .{ .durable = runtime.marker.boot });
    }
    const synced = release.unsynced and repairs.isSynced(run, release.use.?);
    if (synced or sweep or !host_known) {
        try note(run, base, run.stamp.release_directory, release.use.?, .{ .durable = if (synced) release.marker.boot else null, .swept = sweep });
    }
    return true;
}

fn directoriesAreWhole(root: os.Handle, part: *const manifests.Part) bool {
    for (part.directories) |name| {
        const found = os.lstat(root, name) catch return false;
        if (found.kind != .directory or !checks.hasInstalledTime(found) or !checks.isPrivate(found)) return false;
    }
    return true;
}

/// What is new about an install.
const News = struct {
    /// What was written in that start of the machine is on the disk.
    durable: ?[]const u8 = null,
    /// Somebody looked at its directories.
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
    const root = os.openDirectory(os.cwd, try run.path(&.{ base.path, "releases", name })) catch return;
    defer os.close(root);
    try note(run, base, name, root, .{ .unpruned = wanted });
}

pub fn lockPath(run: *const Run, base: *const Base, name: []const u8) ![:0]const u8 {
    return run.path(&.{ base.path, "locks", try std.mem.concat(run.arena, u8, &.{ name, ".install" }) });
}

// --- the cold run

/// null if an uninstall took the base away before anything was locked.
fn install(run: *Run, base: *const Base, payload: *const Payload) Error!?Installed {
    try requireRoom(run, base);
    try requireShortPaths(run, base, &payload.manifest.release);
    var held = try Held.take(run, base) orelse return null;
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

pub const Options = struct {
    /// Read all bytes of what is there already.
    verify: bool = false,
    /// Sync, and never look at the boot id again.
    synced: bool = false,
    /// Whoever runs it next removes old versions.
    unpruned: bool = false,
};

/// Installs what is absent and repairs what is not whole; returns how many files were repaired. The caller holds the locks.
pub fn bringAbout(run: *Run, base: *const Base, payload: *const Payload, options: Options) Error!usize {
    var runtime: Task = try .of(run, base, payload, .runtime, options);
    var release: Task = try .of(run, base, payload, .release, options);
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
    for ([_]*Task{ &runtime, &release }) |task| if (!task.fresh() and task.health != .whole) {
        repaired += try repairs.repair(run, payload, task.part, &task.place, try task.marker(run), .{
            .deep = task.health != .worn,
            .keep_replaced = task.health != .torn and task.place.kind == .release,
        });
    };
    return repaired;
}

/// One of the two directories on its way.
const Task = struct {
    base: *const Base,
    payload: *const Payload,
    place: Place,
    part: *const manifests.Part,
    health: checks.Health,
    options: Options,
    temporary: [:0]const u8 = "",
    root: ?os.Handle = null,

    fn of(run: *Run, base: *const Base, payload: *const Payload, kind: manifests.Kind, options: Options) Error!Task {
        const place: Place = try .of(run, base, kind);
        const part = if (kind == .runtime) &payload.manifest.runtime else &payload.manifest.release;
        if (options.verify) for ([_][:0]const u8{ try run.path(&.{ base.path, kind.folder() }), place.path }) |path| {
            repairs.mendMode(os.cwd, path) catch |err| if (err != error.NotFound) return run.cannot("repair", path, err);
        };
        // What is executed from memory is not in the base.
        const absent = kind == .runtime and base.noexec;
        var checked: Checked = if (absent) .{ .health = .whole } else try checks.check(run, base, &place);
        defer checked.release();
        if (checked.health == .obstructed) os.removeFile(os.cwd, place.path) catch {};
        if ((checked.health == .whole or checked.health == .worn) and options.verify and !absent) checked.health = .unmarked;
        // The sweep that a warm run made, once more under the lock.
        if (checked.health == .whole and !absent and checks.sweepIsDue(base, &checked) and !directoriesAreWhole(checked.use.?, part)) checked.health = .worn;
        return .{
            .base = base,
            .payload = payload,
            .place = place,
            .part = part,
            .health = checked.health,
            .options = options,
        };
    }

    fn fresh(task: *const Task) bool {
        return task.health == .absent or task.health == .obstructed;
    }

    fn destination(task: *const Task) ?unpacking.Destination {
        if (!task.fresh()) return null;
        return .{ .part = task.part, .root = task.root.?, .path = task.temporary };
    }

    fn begin(task: *Task, run: *Run) Error!void {
        const folder = try run.path(&.{ task.base.path, task.place.kind.folder() });
        try removal.removeTemporaries(run, folder, task.place.name, task.base.network);
        if (!task.fresh()) return;
        task.temporary = try removal.temporaryName(run, task.place.path);
        interruption.begins(run, task.temporary);
        task.make() catch |err| return run.cannot("create", task.temporary, err);
    }

    fn make(task: *Task) os.Error!void {
        try os.makeDirectory(os.cwd, task.temporary, 0o755);
        const root = try os.openDirectory(os.cwd, task.temporary);
        task.root = root;
        for (task.part.directories) |name| try os.makeDirectory(root, name, 0o755);
        for (task.part.links) |link| {
            try os.symlink(link.target, root, link.path);
            try os.setTime(root, link.path, unpacking.installed_time);
        }
    }

    fn marker(task: *const Task, run: *Run) Error!markers.Marker {
        const manifest = &task.payload.manifest;
        const release = task.place.kind == .release;
        const interpreter: []const u8 = if (release) manifest.interpreter orelse "" else "";
        const boot = try run.bootId();
        return .{
            .id = if (release) try run.arena.dupe(u8, &std.fmt.bytesToHex(run.stamp.manifest_sha256, .lower)) else manifest.runtime_sha256,
            .name = if (release) run.stamp.name else "",
            .version = if (release) run.stamp.version else "",
            .runtime = if (release) run.stamp.runtime_directory else "",
            .boot = boot,
            // Where every run has another boot id (sandboxes), all would be read every time.
            .durable = boot.len == 0 or task.health == .torn or task.base.synced or task.options.synced,
            .installed = os.now(),
            .host = try host.fingerprint(run, interpreter),
            .interpreter = interpreter,
            .unpruned = release and task.options.unpruned,
            .directories = try namedDirectories(run, task.part),
        };
    }

    /// Times and marker.
    fn complete(task: *Task, run: *Run) Error!void {
        if (!task.fresh()) return;
        task.seal(run, try task.marker(run)) catch |err| return run.cannot("finish", task.temporary, err);
    }

    /// Gives it the name that others know.
    fn publish(task: *Task, run: *Run) Error!void {
        if (!task.fresh()) return;
        os.rename(os.cwd, task.temporary, os.cwd, task.place.path) catch |err| switch (err) {
            // Without locks another one may have been faster; what it made is as good.
            error.Exists, error.NotEmpty => {
                task.abandon(run);
                return;
            },
            else => return run.cannot("rename", task.temporary, err),
        };
        interruption.ended(task.temporary);
        task.temporary = "";
        run.step("installed {s}", .{task.place.path});
        os.close(task.root.?);
        task.root = null;
    }

    fn seal(task: *Task, run: *Run, contents: markers.Marker) !void {
        const root = task.root.?;
        for (task.part.directories) |name| try os.setTime(root, name, unpacking.installed_time);
        try markers.write(run.arena, root, contents);
        try os.setTime(os.cwd, task.temporary, unpacking.installed_time);
        if (contents.durable and !repairs.isSynced(run, root)) try markers.write(run.arena, root, repairs.notDurable(contents));
    }

    fn abandon(task: *Task, run: *Run) void {
        if (task.temporary.len == 0) return;
        if (task.root) |root| os.close(root);
        task.root = null;
        removal.removeTree(run, task.temporary);
        interruption.ended(task.temporary);
        task.temporary = "";
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
    try makeFolders(run, base, &.{ "locks", "runtimes", "releases" });
    const path = try run.path(&.{ base.path, "CACHEDIR.TAG" });
    const file = os.create(os.cwd, path, 0o644) catch return;
    defer os.close(file);
    // An empty one would stay for ever.
    os.writeAll(file, cache_tag) catch os.removeFile(os.cwd, path) catch {};
}

fn makeFolders(run: *Run, base: *const Base, names: []const []const u8) Error!void {
    for (names) |name| {
        const path = try run.path(&.{ base.path, name });
        os.makeDirectory(os.cwd, path, 0o755) catch |err| if (err != error.Exists) {
            return run.cannot("create", path, err);
        };
    }
}
