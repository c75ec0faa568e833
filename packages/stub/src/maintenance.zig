//! What one can ask an executable about itself: `APP maintenance <subcommand>`, or SARMA_MAINTENANCE=<subcommand>.

const std = @import("std");
const os = @import("os.zig");
const bases = @import("bases.zig");
const Base = bases.Base;
const compile_cache = @import("compile_cache.zig");
const install = @import("install.zig");
const interruption = @import("interruption.zig");
const launch = @import("launch.zig");
const layout = @import("layout.zig");
const locks = @import("locks.zig");
const Kind = @import("manifest.zig").Kind;
const message = @import("message.zig");
const payloads = @import("payload.zig");
const pruning = @import("prune.zig");
const removal = @import("removal.zig");
const runs = @import("run.zig");
const Argument = @import("stamp.zig").Argument;
const unpacking = @import("unpack.zig");
const Run = runs.Run;
const say = runs.say;

const variable = "SARMA_MAINTENANCE";

/// Exit status of `update` and `rollback` where this executable can do neither. `checkForUpdate` of @sarma/app knows it.
const not_updatable = 3;

const Subcommand = enum { directory, meta, verify, uninstall, prune, extract, install, update, rollback };

pub const Command = struct {
    /// As given.
    name: []const u8,
    /// Index of the first argument behind it.
    rest: usize,
};

/// null for the program itself. Whoever may type the word may set the variable: with file capabilities too, where a program that
/// asks itself for a later version would start itself, and that itself, without end.
pub fn asked(run: *const Run, arguments: launch.Arguments) ?Command {
    if (os.variable(run.given_environment, variable)) |name| return .{ .name = name, .rest = 1 };
    if (run.stamp.maintenance_word_off) return null;
    const first = launch.argument(run.arena, arguments, 1) orelse return null;
    if (!std.mem.eql(u8, first, run.stamp.maintenance_word)) return null;
    return .{ .name = launch.argument(run.arena, arguments, 2) orelse "", .rest = 3 };
}

pub fn perform(run: *Run, command: Command, arguments: launch.Arguments) error{OutOfMemory}!noreturn {
    for ([_][]const u8{ "help", "--help", "-h" }) |word| if (std.mem.eql(u8, command.name, word)) {
        runs.answer(run, try usageText(run));
        os.exit(0);
    };
    const subcommand = std.meta.stringToEnum(Subcommand, command.name) orelse try usage(run);
    if (subcommand == .update or subcommand == .rollback) return updater(run, command, arguments);
    const argument = launch.argument(run.arena, arguments, command.rest);
    if (launch.argument(run.arena, arguments, command.rest + 1) != null) try usage(run);
    switch (subcommand) {
        .extract, .uninstall, .meta => {},
        else => if (argument != null) try usage(run),
    }
    const result = switch (subcommand) {
        .directory => directory(run),
        .meta => meta(run, argument),
        .verify => verify(run),
        .uninstall => uninstall(run, argument),
        .prune => prune(run),
        .extract => extract(run, argument orelse try usage(run)),
        .install => installNow(run),
        .update, .rollback => unreachable,
    };
    result catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        error.Refused, error.Damaged => run.fail("{s}", .{run.reason}),
    };
    os.exit(0);
}

fn usage(run: *const Run) error{OutOfMemory}!noreturn {
    os.writeAll(os.stderr, try usageText(run)) catch {};
    os.exit(runs.failed);
}

fn usageText(run: *const Run) error{OutOfMemory}![]const u8 {
    return run.formatted(
        \\usage: {0s} {1s} directory         where this program is unpacked
        \\       {0s} {1s} meta [--sbom]     what the executable holds, as JSON; its bill of materials
        \\       {0s} {1s} verify            read every installed file and repair what differs
        \\       {0s} {1s} prune             remove old versions of this program
        \\       {0s} {1s} uninstall [--yes] remove every installed version of this program
        \\       {0s} {1s} extract DIR       write a complete install to DIR, for images and packages
        \\       {0s} {1s} install           unpack now, so that the first start is as quick as any other
        \\       {0s} {1s} update [--check]  take the newest version; `update --help` has more
        \\       {0s} {1s} rollback          take the version before the last update again
        \\
    , .{ run.stamp.name, run.stamp.maintenance_word });
}

/// The first base that holds the release, else the first that could.
fn directory(run: *Run) install.Error!void {
    var first: ?[]const u8 = null;
    var last_resort: ?[]const u8 = null;
    for (try bases.candidates(run)) |candidate| {
        const base = bases.open(run, candidate, false) catch |err| switch (err) {
            error.Refused => continue,
            error.OutOfMemory => return error.OutOfMemory,
        };
        const path = try run.path(&.{ if (base) |found| found.path else candidate.path, Kind.release.folder(), run.stamp.release_directory });
        if (os.exists(os.cwd, path)) return answerLine(run, path);
        if (candidate.prepared or (base == null and !candidate.canBeMade())) continue;
        const place = if (base != null and base.?.noexec) &last_resort else &first;
        if (place.* == null) place.* = path;
    }
    try answerLine(run, first orelse last_resort orelse return run.refuse("there is no directory to unpack into", .{}));
}

fn answerLine(run: *Run, line: []const u8) error{OutOfMemory}!void {
    runs.answer(run, try std.mem.concat(run.arena, u8, &.{ line, "\n" }));
}

/// The manifest, and before its first key the id, which cannot stand in what it is a digest of.
fn meta(run: *Run, argument: ?[]const u8) install.Error!void {
    if (argument) |flag| if (!std.mem.eql(u8, flag, "--sbom")) try usage(run);
    const payload = try payloads.open(run);
    if (argument != null) return billOfMaterials(run, &payload);
    try answerLine(run, try std.mem.concat(run.arena, u8, &.{ "{\"id\":\"", run.stamp.id, "\",", payload.text[1..] }));
}

fn billOfMaterials(run: *Run, payload: *const payloads.Payload) install.Error!void {
    const path = try std.mem.concat(run.arena, u8, &.{ "releases/", run.stamp.version, "/sbom.cdx.json" });
    runs.answer(run, try unpacking.fileContent(run, payload, path) orelse return run.refuse("it holds no bill of materials", .{}));
}

fn verify(run: *Run) install.Error!void {
    const payload = try payloads.open(run);
    var found = false;
    for (try installedBases(run)) |base| {
        const path = try base.install(run, .release, run.stamp.release_directory);
        if (!os.exists(os.cwd, path)) continue;
        found = true;
        const modes = os.beginInstalling();
        defer os.endInstalling(modes);
        var held = try layout.Held.take(run, &base) orelse continue;
        defer held.letGo();
        const repaired = try install.bringAbout(run, &base, &payload, .{ .verify = true });
        // Nothing says what its files should be. The next run makes it anew.
        if (os.openDirectory(os.cwd, path)) |root| {
            defer os.close(root);
            compile_cache.remove(run, root);
        } else |_| {}
        if (repaired > 0) say("{s}: repaired {d} file{s}\n", .{ path, repaired, if (repaired == 1) "" else "s" }) else say("{s}: every file is as it should be\n", .{path});
    }
    if (!found) return run.refuse("it is not installed", .{});
}

fn prune(run: *Run) install.Error!void {
    for (try installedBases(run)) |base| {
        const removed = try pruning.prune(run, &base, run.stamp.keep);
        say("{s}: removed {d} director{s}\n", .{ base.path, removed, if (removed == 1) "y" else "ies" });
    }
}

fn uninstall(run: *Run, argument: ?[]const u8) install.Error!void {
    const certain = if (argument) |flag| std.mem.eql(u8, flag, "--yes") or try usage(run) else false;
    const found = try installedBases(run);
    for (found) |base| try refuseWhileRunning(run, &base);
    if (found.len == 0) say("{s}: nothing is installed\n", .{run.stamp.name}) else if (!certain) try confirm(run, found);
    // Where no version is left too: an uninstall may have been killed before it was through.
    var failures: std.ArrayList(u8) = .empty;
    for (try writableBases(run)) |base| uninstallFrom(run, &base) catch |err| {
        if (err != error.Refused) return err;
        try failures.appendSlice(run.arena, try std.mem.concat(run.arena, u8, &.{ "\n  ", base.path, ": ", run.reason }));
    };
    if (failures.items.len > 0) return run.refuse("not everything could be removed:{s}", .{failures.items});
}

/// Those that hold some version of this program.
fn installedBases(run: *Run) install.Error![]const Base {
    var list: std.ArrayList(Base) = .empty;
    for (try writableBases(run)) |base| {
        if ((try versionsIn(run, &base)).len > 0) try list.append(run.arena, base);
    }
    return list.items;
}

/// Those that variables name if they do, else all of the user's.
fn writableBases(run: *Run) install.Error![]const Base {
    var list: std.ArrayList(Base) = .empty;
    const all = try bases.candidates(run);
    const named = for (all) |candidate| {
        if (candidate.named) break true;
    } else false;
    candidates: for (all) |candidate| {
        if (candidate.prepared or candidate.named != named) continue;
        const base = bases.open(run, candidate, false) catch |err| switch (err) {
            error.Refused => continue,
            error.OutOfMemory => return error.OutOfMemory,
        } orelse continue;
        for (list.items) |known| if (std.mem.eql(u8, known.path, base.path)) continue :candidates;
        try list.append(run.arena, bases.toChange(base));
    }
    return list.items;
}

/// This version is known by its name, so that it can be repaired or removed without a marker too; others only by theirs.
fn versionsIn(run: *Run, base: *const Base) error{OutOfMemory}![]const pruning.Release {
    var list: std.ArrayList(pruning.Release) = .empty;
    const own = run.stamp.release_directory;
    const found = os.lstat(os.cwd, try base.install(run, .release, own)) catch null;
    if (found != null and found.?.kind == .directory) try list.append(run.arena, .{ .name = own, .marker = .{} });
    for (try pruning.releases(run, base)) |release| {
        if (std.mem.eql(u8, release.marker.name, run.stamp.name) and !std.mem.eql(u8, release.name, own)) try list.append(run.arena, release);
    }
    return list.items;
}

fn refuseWhileRunning(run: *Run, base: *const Base) install.Error!void {
    // A run that finds its install claimed looks again once it has `gc`.
    const gc = locks.acquireGc(run, base.path, .exclusive) catch |err| switch (err) {
        // What cannot be locked at all is told at the end, after the others.
        error.Refused => if (locks.isLockable(try locks.gcPath(run, base.path))) return error.Refused else return,
        error.OutOfMemory => return error.OutOfMemory,
    } orelse return;
    defer os.close(gc);
    for (try versionsIn(run, base)) |release| {
        const path = try base.install(run, .release, release.name);
        const processes = try os.processesInside(run.arena, path);
        if (processes.len > 0) {
            var list: std.ArrayList(u8) = .empty;
            for (processes) |pid| {
                var digits: [20]u8 = undefined;
                try list.appendSlice(run.arena, try std.mem.concat(run.arena, u8, &.{ " ", message.decimal(&digits, pid) }));
            }
            return run.refuse("it is running (process{s}); stop it first", .{list.items});
        }
        const claim = removal.claimed(path) orelse return run.refuse("it is running from {s}; stop it first", .{path});
        os.close(claim);
    }
}

fn confirm(run: *Run, found: []const Base) install.Error!void {
    if (!os.isTerminal(os.stdin) or !os.isTerminal(os.stderr)) return run.refuse("uninstall needs --yes where nobody can be asked", .{});
    for (found) |base| for (try versionsIn(run, &base)) |release| {
        say("{s}\n", .{try base.install(run, .release, release.name)});
    };
    say("remove? [y/N] ", .{});
    var reply: [16]u8 = undefined;
    const length = os.read(os.stdin, &reply) catch 0;
    if (length == 0 or std.ascii.toLower(reply[0]) != 'y') return run.refuse("nothing was removed", .{});
}

fn uninstallFrom(run: *Run, base: *const Base) install.Error!void {
    {
        // Nobody is waited for where this program has nothing.
        const gc = if ((try versionsIn(run, base)).len > 0)
            try locks.acquireGc(run, base.path, .exclusive) orelse return
        else
            locks.tryAcquire(try locks.gcPath(run, base.path), .exclusive) catch null orelse return;
        defer os.close(gc);
        for (try versionsIn(run, base)) |release| {
            if (!try pruning.removeInstall(run, base, .release, release.name)) return run.refuse("{s} is in use", .{release.name});
            say("removed {s}\n", .{try base.install(run, .release, release.name)});
        }
        _ = try pruning.removeUnused(run, base, .by_user);
    }
    // The last program takes what was made for all of them along.
    layout.removeEmptyLayout(run, base);
}

/// What the first run does, without running the program.
fn installNow(run: *Run) install.Error!void {
    const installed = try install.find(run);
    try answerLine(run, installed.release);
}

/// Fetching is for Node: the runtime of the install executes the updater that lies in the release.
fn updater(run: *Run, command: Command, arguments: launch.Arguments) error{OutOfMemory}!noreturn {
    if (run.privileged) cannotUpdate(run, "it has file capabilities, which are not for writing files with: do that as root");
    const installed = try install.find(run);
    const place = try std.mem.concat(run.arena, u8, &.{ "releases/", run.stamp.version, "/update.mjs" });
    if (!os.exists(os.cwd, try run.path(&.{ installed.release, place }))) cannotUpdate(run, "its release has no `update` in its configuration");
    var digits: [20]u8 = undefined;
    const words = try run.arena.dupeZ(u8, message.decimal(&digits, command.rest - 1));
    const template = [_]Argument{
        .{ .path = place },
        .{ .literal = try run.arena.dupeZ(u8, run.stamp.entry) },
        .{ .literal = try run.arena.dupeZ(u8, command.name) },
        .{ .literal = words },
    };
    run.stamp.arguments = &template;
    run.stamp.shell = false;
    run.is_updater = true;
    try launch.program(run, &installed, arguments);
}

fn cannotUpdate(run: *Run, reason: []const u8) noreturn {
    say("{s}: it cannot update itself: {s}\n", .{ run.stamp.name, reason });
    os.exit(not_updatable);
}

fn extract(run: *Run, given: []const u8) install.Error!void {
    if (run.privileged) return run.refuse("it has file capabilities, which are not for writing files with: do that as root", .{});
    const path = try run.arena.dupeZ(u8, given);
    errdefer interruption.removeMade();
    try makeFolder(run, path);
    const file_system = os.fileSystem(path) catch |err| return run.refuse("{s}: {s}", .{ path, os.describe(err) });
    const base: Base = .of(path, false, false, file_system);
    try install.requireRoom(run, &base);
    const payload = try payloads.open(run);
    const modes = os.beginInstalling();
    defer os.endInstalling(modes);
    for ([_]Kind{ .runtime, .release }) |kind| try makeFolder(run, try base.folder(run, kind));
    _ = try install.bringAbout(run, &base, &payload, .{ .synced = true });
    say("{s}: wrote {s} {s} to {s}\n", .{ run.stamp.name, run.stamp.name, run.stamp.version, path });
}

/// With those above it.
fn makeFolder(run: *Run, path: [:0]const u8) install.Error!void {
    os.makeDirectory(os.cwd, path, 0o755) catch |err| switch (err) {
        error.Exists => return,
        error.NotFound => {
            const above = std.fs.path.dirname(path) orelse return run.cannot("create", path, err);
            try makeFolder(run, try run.arena.dupeZ(u8, above));
            os.makeDirectory(os.cwd, path, 0o755) catch |again| if (again != error.Exists) return run.cannot("create", path, again);
        },
        else => return run.cannot("create", path, err),
    };
    interruption.makes(run, path);
}
