//! The assembled release that `bin\<name>.exe` belongs to: which version, which runtime, which entry. What `bin/<name>`
//! finds out in sh (packages/release/src/scripts/bin.sh).

const std = @import("std");
const os = @import("../os.zig");
const json = @import("../json.zig");
const markers = @import("../marker.zig");
const runs = @import("../run.zig");
const child = @import("../os/windows_child.zig");
const Allocator = std.mem.Allocator;

/// release.json names every package.
const file_max = 16 << 20;

pub const Kind = enum { cli, service };

pub const Release = struct {
    /// Of this file, without `.exe`.
    program: []const u8,
    name: []const u8,
    kind: Kind,
    version: []const u8,
    root: []const u8,
    /// `releases\<version>` in it.
    directory: []const u8,
    /// Absolute.
    runtime: []const u8,
    entry: []const u8,
};

/// Whether this file lies in the `bin` of an assembled release.
pub fn isHere(arena: Allocator, own_path: []const u8) Allocator.Error!bool {
    const file = os.lstat(os.cwd, try path(arena, &.{ rootOf(own_path), "releases\\start.json" })) catch return false;
    return file.kind == .file;
}

/// Ends the process with a sentence when something is missing.
pub fn find(arena: Allocator, environment: os.Environment, own_path: []const u8) Allocator.Error!Release {
    const root = rootOf(own_path);
    const program = programOf(own_path);
    const start = try readStart(arena, program, try path(arena, &.{ root, "releases\\start.json" }));
    const chosen = if (isOfOther(environment, root)) null else os.variable(environment, "RELEASE_VSN");
    const version = chosen orelse start.version;
    const directory = try path(arena, &.{ root, "releases", version });
    const described = try path(arena, &.{ directory, "release.json" });
    if (!isVersion(version) or !isFile(described)) fail(program, "version \"{s}\" is not in {s}\\releases.", .{ version, root });
    const found = try readRelease(arena, program, described);
    const entry = found.entry orelse fail(program, "version {s} has no program of that name: {s}.", .{ version, described });
    return .{
        .program = program,
        .name = found.name,
        .kind = found.kind,
        .version = version,
        .root = root,
        .directory = directory,
        .runtime = try runtimeOf(arena, environment, program, root, start.runtime, found.node_line),
        .entry = try path(arena, &.{ root, entry }),
    };
}

/// Whether the `RELEASE_*` in the environment are what another release set for its children.
pub fn isOfOther(environment: os.Environment, root: []const u8) bool {
    const given = os.variable(environment, "RELEASE_ROOT") orelse return false;
    return !std.ascii.eqlIgnoreCase(given, root);
}

pub fn programOf(own_path: []const u8) []const u8 {
    const name = own_path[(std.mem.lastIndexOfScalar(u8, own_path, '\\') orelse 0) + 1 ..];
    return if (std.ascii.endsWithIgnoreCase(name, ".exe")) name[0 .. name.len - 4] else name;
}

fn rootOf(own_path: []const u8) []const u8 {
    return above(above(own_path));
}

pub fn above(inside: []const u8) []const u8 {
    return inside[0 .. std.mem.lastIndexOfScalar(u8, inside, '\\') orelse 0];
}

fn isVersion(text: []const u8) bool {
    return text.len > 0 and text[0] != '.' and std.mem.indexOfAny(u8, text, "/\\:") == null;
}

// --- what the files say

const Start = struct { version: []const u8 = "", runtime: ?[]const u8 = null };

fn readStart(arena: Allocator, program: []const u8, file: [:0]const u8) Allocator.Error!Start {
    return parseStart(arena, try readFile(arena, program, file)) catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        error.Malformed => fail(program, "{s} is damaged.", .{file}),
    };
}

fn parseStart(arena: Allocator, text: []const u8) json.Error!Start {
    var reader: json.Reader = .{ .arena = arena, .text = text };
    var start: Start = .{};
    try reader.object();
    while (try reader.key()) |key| {
        if (std.mem.eql(u8, key, "version")) {
            start.version = try reader.string();
        } else if (std.mem.eql(u8, key, "runtime")) {
            start.runtime = if (reader.takeNull()) null else try reader.string();
        } else try reader.skip();
    }
    return start;
}

const Described = struct { name: []const u8 = "", kind: Kind = .cli, node_line: ?u64 = null, entry: ?[]const u8 = null };

fn readRelease(arena: Allocator, program: []const u8, file: [:0]const u8) Allocator.Error!Described {
    return parseRelease(arena, program, try readFile(arena, program, file)) catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        error.Malformed => fail(program, "{s} is damaged.", .{file}),
    };
}

fn parseRelease(arena: Allocator, program: []const u8, text: []const u8) json.Error!Described {
    var reader: json.Reader = .{ .arena = arena, .text = text };
    var found: Described = .{};
    var only_entry: ?[]const u8 = null;
    try reader.object();
    while (try reader.key()) |key| {
        if (std.mem.eql(u8, key, "name")) {
            found.name = try reader.string();
        } else if (std.mem.eql(u8, key, "kind")) {
            if (std.mem.eql(u8, try reader.string(), "service")) found.kind = .service;
        } else if (std.mem.eql(u8, key, "nodeLine")) {
            found.node_line = if (reader.takeNull()) null else try reader.integer();
        } else if (std.mem.eql(u8, key, "entries")) {
            try reader.object();
            while (try reader.key()) |one| {
                only_entry = try reader.string();
                if (std.mem.eql(u8, one, program)) found.entry = only_entry;
            }
        } else try reader.skip();
    }
    // A service has one, whatever this file is called.
    if (found.kind == .service) found.entry = only_entry;
    return found;
}

fn readFile(arena: Allocator, program: []const u8, file: [:0]const u8) Allocator.Error![]const u8 {
    return tryReadFile(arena, file) catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        else => fail(program, "{s} cannot be read: {s}.", .{ file, os.describe(err) }),
    };
}

fn tryReadFile(arena: Allocator, file: [:0]const u8) (os.Error || Allocator.Error)![]const u8 {
    const opened = try os.openRead(os.cwd, file);
    defer os.close(opened);
    const text = try arena.alloc(u8, @intCast(@min((try os.fstat(opened)).size, file_max)));
    return text[0..try os.read(opened, text)];
}

// --- the runtime

/// The release's own, that of the install, the host's.
fn runtimeOf(arena: Allocator, environment: os.Environment, program: []const u8, root: []const u8, named: ?[]const u8, node_line: ?u64) Allocator.Error![]const u8 {
    const own = if (named) |inside| try path(arena, &.{ root, inside }) else try installedRuntime(arena, root) orelse return hostRuntime(arena, environment, program, node_line);
    const other = if (named) |inside| try otherRuntime(arena, root, inside, node_line) else null;
    const file = other orelse own;
    if (!isFile(file)) fail(program, "its runtime {s} is missing.", .{file});
    return file;
}

/// Another version than that of start.json may have come with a runtime of its own.
fn otherRuntime(arena: Allocator, root: []const u8, named: []const u8, node_line: ?u64) Allocator.Error!?[:0]const u8 {
    const prefix = try std.fmt.allocPrint(arena, "runtime-{d}.", .{node_line orelse return null});
    if (std.mem.startsWith(u8, named, prefix)) return null;
    const directory = os.openDirectory(os.cwd, try path(arena, &.{root})) catch return null;
    defer os.close(directory);
    var entries: os.Entries = .of(directory);
    while (entries.next() catch null) |name| {
        if (!std.mem.startsWith(u8, name, prefix)) continue;
        const file = try path(arena, &.{ root, name, "node.exe" });
        if (isFile(file)) return file;
    }
    return null;
}

fn installedRuntime(arena: Allocator, root: []const u8) Allocator.Error!?[:0]const u8 {
    const directory = os.openDirectory(os.cwd, try path(arena, &.{root})) catch return null;
    defer os.close(directory);
    const marker = markers.read(arena, directory) catch |err| return if (err == error.OutOfMemory) error.OutOfMemory else null;
    return try path(arena, &.{ above(above(root)), "runtimes", marker.runtime, "node.exe" });
}

fn hostRuntime(arena: Allocator, environment: os.Environment, program: []const u8, node_line: ?u64) Allocator.Error![]const u8 {
    const needed = if (node_line) |line| try std.fmt.allocPrint(arena, "Node {d}", .{line}) else "Node";
    const node = try firstOnPath(arena, environment, "node.exe") orelse fail(program, "it comes without a runtime and needs {s}, but there is no \"node.exe\" on the PATH.", .{needed});
    const line = node_line orelse return node;
    const found = try child.firstLine(arena, node, &.{"--version"}) orelse fail(program, "{s} cannot say its version.", .{node});
    if (!std.mem.startsWith(u8, found, try std.fmt.allocPrint(arena, "v{d}.", .{line}))) {
        fail(program, "it needs {s}, but {s} is {s}. Put one of that line first on the PATH.", .{ needed, node, found });
    }
    return node;
}

/// From absolute directories of the PATH: never from where the user happens to be.
fn firstOnPath(arena: Allocator, environment: os.Environment, name: []const u8) Allocator.Error!?[:0]const u8 {
    var directories = std.mem.splitScalar(u8, os.variable(environment, "PATH") orelse "", ';');
    while (directories.next()) |quoted| {
        const directory = std.mem.trim(u8, quoted, " \"");
        if (directory.len < 3 or (directory[1] != ':' and directory[0] != '\\')) continue;
        const file = try path(arena, &.{ directory, name });
        if (isFile(file)) return file;
    }
    return null;
}

fn isFile(file: [:0]const u8) bool {
    const found = os.stat(os.cwd, file) catch return false;
    return found.kind == .file;
}

pub fn path(arena: Allocator, parts: []const []const u8) Allocator.Error![:0]const u8 {
    const joined = try std.mem.joinZ(arena, "\\", parts);
    child.backslashes(joined);
    return joined;
}

pub fn fail(program: []const u8, comptime format: []const u8, arguments: anytype) noreturn {
    runs.say("{s}: " ++ format ++ "\n", .{program} ++ arguments);
    os.exit(1);
}

test "start.json and release.json are read, a runtime may be null" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const arena = memory.allocator();
    const start = try parseStart(arena, "{\n  \"version\": \"1.2.3\",\n  \"runtime\": null\n}\n");
    try std.testing.expectEqualStrings("1.2.3", start.version);
    try std.testing.expectEqual(null, start.runtime);
    const text =
        \\{"name": "tools", "nodeLine": 24, "entries": {"a": "lib/a.js", "b": "lib/b.js"}, "packages": [{"name": "x"}], "kind": "cli"}
    ;
    const found = try parseRelease(arena, "b", text);
    try std.testing.expectEqualStrings("lib/b.js", found.entry.?);
    try std.testing.expectEqual(24, found.node_line);
    try std.testing.expectEqual(null, (try parseRelease(arena, "c", text)).entry);
}
