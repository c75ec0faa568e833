//! The manifest: what the executable holds and what it needs. docs/format.md, "Manifest".

const std = @import("std");
const json = @import("json.zig");
const Allocator = std.mem.Allocator;

pub const Error = json.Error;

/// Far above what a program has, far below what would hurt.
const entries_max = 1 << 20;
const frames_max = 1 << 14;
const frame_size_max = 1 << 30;
const path_max = 1024;
const libraries_max = 256;

/// The two directories of an install.
pub const Kind = enum {
    runtime,
    release,

    /// Its name in a base, where all of the kind lie.
    pub fn folder(kind: Kind) []const u8 {
        return if (kind == .runtime) "runtimes" else "releases";
    }
};

pub const File = struct {
    path: [:0]const u8,
    size: u64,
    mode: u32,
    xxh3: u64,
    /// Stays as the program left it.
    mutable: bool = false,
};
pub const Link = struct { path: [:0]const u8, target: [:0]const u8 };
const branch_filter = @import("branch_filter");
pub const Filter = branch_filter.Filter;
pub const Library = struct {
    name: []const u8,
    versions: []const []const u8,
    /// Versions that a file of the release needs, and the runtime does not.
    needed_by: []const NeededBy = &.{},
};
pub const NeededBy = struct { version: []const u8, file: []const u8 };

pub const Frame = struct {
    part: Kind,
    /// From the payload offset.
    offset: u64,
    length: usize,
    size: usize,
    position: u64,
    codec: enum { zstd, lzma, none },
    sha256: [32]u8,
    /// The release's file that `position` counts in, of a frame that holds a piece of a large one; null: in the tar.
    file: ?[:0]const u8 = null,
};

/// What belongs in one of the two directories.
pub const Part = struct {
    directories: []const [:0]const u8,
    files: []const File,
    links: []const Link,
};

pub const Manifest = struct {
    /// Hex, of the runtime as installed.
    runtime_sha256: []const u8,
    filter: ?Filter,
    interpreter: ?[:0]const u8,
    libraries: []const Library,
    /// Features of the CPU.
    cpu: []const []const u8,
    runtime: Part,
    release: Part,
    frames: []const Frame,
};

pub fn parse(arena: Allocator, text: []const u8) Error!Manifest {
    var reader: json.Reader = .{ .arena = arena, .text = text };
    var result: Manifest = .{
        .runtime_sha256 = "",
        .filter = null,
        .interpreter = null,
        .libraries = &.{},
        .cpu = &.{},
        .runtime = .{ .directories = &.{}, .files = &.{}, .links = &.{} },
        .release = .{ .directories = &.{}, .files = &.{}, .links = &.{} },
        .frames = &.{},
    };
    try reader.object();
    while (try reader.key()) |key| {
        if (is(key, "runtime")) {
            try readRuntime(&reader, &result);
        } else if (is(key, "requires")) {
            try readRequires(&reader, &result);
        } else if (is(key, "directories")) {
            result.release.directories = try list(&reader, [:0]const u8, entries_max, path);
        } else if (is(key, "files")) {
            result.release.files = try list(&reader, File, entries_max, readFile);
        } else if (is(key, "links")) {
            result.release.links = try list(&reader, Link, entries_max, readLink);
        } else if (is(key, "frames")) {
            result.frames = try list(&reader, Frame, frames_max, readFrame);
        } else try reader.skip();
    }
    if (result.runtime.files.len != 1 or !areWhole(result.frames, result.runtime.files[0].size)) return error.Malformed;
    return result;
}

/// The runtime's frames follow one another, from its first byte to its last.
fn areWhole(frames: []const Frame, runtime_size: u64) bool {
    var end: u64 = 0;
    for (frames) |frame| if (frame.part == .runtime) {
        if (frame.position != end) return false;
        end += frame.size;
    };
    return end == runtime_size;
}

fn is(key: []const u8, name: []const u8) bool {
    return std.mem.eql(u8, key, name);
}

fn list(reader: *json.Reader, comptime T: type, max: usize, comptime one: fn (*json.Reader) Error!T) Error![]const T {
    var items: std.ArrayList(T) = .empty;
    if (reader.takeNull()) return &.{};
    try reader.array();
    while (try reader.element()) {
        if (items.items.len == max) return error.Malformed;
        try items.append(reader.arena, try one(reader));
    }
    return items.items;
}

fn readRuntime(reader: *json.Reader, result: *Manifest) Error!void {
    var file: File = .{ .path = "", .size = 0, .mode = 0o755, .xxh3 = 0 };
    try reader.object();
    while (try reader.key()) |key| {
        if (is(key, "executable")) {
            file.path = try path(reader);
        } else if (is(key, "size")) {
            file.size = try reader.integer();
        } else if (is(key, "xxh3")) {
            file.xxh3 = try hex64(reader);
        } else if (is(key, "sha256")) {
            result.runtime_sha256 = try reader.string();
        } else if (is(key, "filter")) {
            result.filter = try readFilter(reader);
        } else try reader.skip();
    }
    if (file.path.len == 0 or result.runtime_sha256.len != 64) return error.Malformed;
    result.runtime.files = try reader.arena.dupe(File, &.{file});
    result.runtime.directories = try parentsOf(reader.arena, file.path);
}

/// `a`, `a/b` for `a/b/c`.
fn parentsOf(arena: Allocator, child: []const u8) Error![]const [:0]const u8 {
    var parents: std.ArrayList([:0]const u8) = .empty;
    for (child, 0..) |byte, at| {
        if (byte == '/') try parents.append(arena, try arena.dupeZ(u8, child[0..at]));
    }
    return parents.items;
}

fn readFilter(reader: *json.Reader) Error!?Filter {
    if (reader.takeNull()) return null;
    var filter: Filter = .{ .name = .x86, .start = 0, .end = 0 };
    try reader.object();
    while (try reader.key()) |key| {
        if (is(key, "name")) {
            filter.name = std.meta.stringToEnum(@TypeOf(filter.name), try reader.string()) orelse return error.Malformed;
        } else if (is(key, "start")) {
            filter.start = try reader.integer();
        } else if (is(key, "end")) {
            filter.end = try reader.integer();
        } else try reader.skip();
    }
    if (filter.end > branch_filter.end_max) return error.Malformed;
    return filter;
}

fn readRequires(reader: *json.Reader, result: *Manifest) Error!void {
    if (reader.takeNull()) return;
    try reader.object();
    while (try reader.key()) |key| {
        if (is(key, "interpreter")) {
            if (!reader.takeNull()) result.interpreter = try reader.arena.dupeZ(u8, try reader.string());
        } else if (is(key, "libraries")) {
            result.libraries = try list(reader, Library, libraries_max, readLibrary);
        } else if (is(key, "cpu")) {
            result.cpu = try list(reader, []const u8, libraries_max, json.Reader.string);
        } else try reader.skip();
    }
}

fn readLibrary(reader: *json.Reader) Error!Library {
    var library: Library = .{ .name = "", .versions = &.{} };
    try reader.object();
    while (try reader.key()) |key| {
        if (is(key, "name")) {
            library.name = try reader.string();
        } else if (is(key, "versions")) {
            library.versions = try list(reader, []const u8, libraries_max, json.Reader.string);
        } else if (is(key, "for")) {
            library.needed_by = try readNeededBy(reader);
        } else try reader.skip();
    }
    return library;
}

fn readNeededBy(reader: *json.Reader) Error![]const NeededBy {
    var items: std.ArrayList(NeededBy) = .empty;
    try reader.object();
    while (try reader.key()) |version| {
        if (items.items.len == libraries_max) return error.Malformed;
        try items.append(reader.arena, .{ .version = version, .file = try reader.string() });
    }
    return items.items;
}

fn readFile(reader: *json.Reader) Error!File {
    var file: File = .{ .path = "", .size = 0, .mode = 0, .xxh3 = 0 };
    try reader.object();
    while (try reader.key()) |key| {
        if (is(key, "path")) {
            file.path = try path(reader);
        } else if (is(key, "size")) {
            file.size = try reader.integer();
        } else if (is(key, "mode")) {
            file.mode = std.math.cast(u32, try reader.integer()) orelse return error.Malformed;
        } else if (is(key, "xxh3")) {
            file.xxh3 = try hex64(reader);
        } else if (is(key, "mutable")) {
            try reader.skip();
            file.mutable = true;
        } else try reader.skip();
    }
    if (file.path.len == 0 or (file.mode != 0o644 and file.mode != 0o755)) return error.Malformed;
    return file;
}

fn readLink(reader: *json.Reader) Error!Link {
    var link: Link = .{ .path = "", .target = "" };
    try reader.object();
    while (try reader.key()) |key| {
        if (is(key, "path")) {
            link.path = try path(reader);
        } else if (is(key, "target")) {
            link.target = try reader.arena.dupeZ(u8, try reader.string());
        } else try reader.skip();
    }
    if (link.path.len == 0 or !staysInside(link)) return error.Malformed;
    return link;
}

fn readFrame(reader: *json.Reader) Error!Frame {
    var frame: Frame = .{ .part = .runtime, .offset = 0, .length = 0, .size = 0, .position = 0, .codec = .none, .sha256 = @splat(0) };
    try reader.object();
    while (try reader.key()) |key| {
        if (is(key, "part")) {
            frame.part = std.meta.stringToEnum(@TypeOf(frame.part), try reader.string()) orelse return error.Malformed;
        } else if (is(key, "offset")) {
            frame.offset = try reader.integer();
        } else if (is(key, "length")) {
            frame.length = try frameSize(reader);
        } else if (is(key, "size")) {
            frame.size = try frameSize(reader);
        } else if (is(key, "position")) {
            frame.position = try reader.integer();
        } else if (is(key, "codec")) {
            frame.codec = std.meta.stringToEnum(@TypeOf(frame.codec), try reader.string()) orelse return error.Malformed;
        } else if (is(key, "sha256")) {
            const text = try reader.string();
            if (text.len != 64) return error.Malformed;
            _ = std.fmt.hexToBytes(&frame.sha256, text) catch return error.Malformed;
        } else if (is(key, "file")) {
            frame.file = try path(reader);
        } else try reader.skip();
    }
    if (frame.codec == .none and frame.length != frame.size) return error.Malformed;
    if (frame.file != null and (frame.part != .release or frame.size == 0)) return error.Malformed;
    return frame;
}

fn frameSize(reader: *json.Reader) Error!usize {
    const size = try reader.integer();
    return if (size <= frame_size_max) @intCast(size) else error.Malformed;
}

fn hex64(reader: *json.Reader) Error!u64 {
    const text = try reader.string();
    if (text.len != 16) return error.Malformed;
    return std.fmt.parseInt(u64, text, 16) catch error.Malformed;
}

/// Relative, normalised, and not where the stub keeps its own.
fn path(reader: *json.Reader) Error![:0]const u8 {
    const text = try reader.string();
    return if (isInside(text)) reader.arena.dupeZ(u8, text) else error.Malformed;
}

/// On Windows these would separate or name streams and drives; elsewhere they are letters.
const forbidden: []const u8 = if (@import("builtin").os.tag == .windows) "\x00\\:" else "\x00";

fn isInside(text: []const u8) bool {
    if (text.len == 0 or text.len > path_max) return false;
    var components = std.mem.splitScalar(u8, text, '/');
    while (components.next()) |component| {
        if (component.len == 0 or is(component, ".") or is(component, "..")) return false;
    }
    if (std.mem.indexOfAny(u8, text, forbidden) != null) return false;
    return !is(text, ".sarma") and !std.mem.startsWith(u8, text, ".sarma/");
}

fn staysInside(link: Link) bool {
    if (link.target.len == 0 or link.target.len > path_max or link.target[0] == '/') return false;
    if (std.mem.indexOfAny(u8, link.target, forbidden) != null) return false;
    var depth: usize = std.mem.count(u8, link.path, "/");
    var components = std.mem.splitScalar(u8, link.target, '/');
    while (components.next()) |component| {
        if (component.len == 0 or is(component, ".")) continue;
        if (!is(component, "..")) {
            depth += 1;
        } else if (depth == 0) return false else depth -= 1;
    }
    return true;
}

/// Finds an entry of a part by its path, and proves while it is built that every entry's parent is a
/// directory of the part: so nothing is ever written through a link.
pub const Index = struct {
    names: std.StringHashMapUnmanaged(Entry) = .empty,

    pub const Entry = union(enum) { directory, file: u32, link: u32 };

    pub fn of(arena: Allocator, part: *const Part) Error!Index {
        var index: Index = .{};
        try index.names.ensureTotalCapacity(arena, @intCast(part.directories.len + part.files.len + part.links.len));
        for (part.directories) |name| try index.add(name, .directory);
        for (part.files, 0..) |file, at| try index.add(file.path, .{ .file = @intCast(at) });
        for (part.links, 0..) |link, at| try index.add(link.path, .{ .link = @intCast(at) });
        return index;
    }

    /// The pieces of a large file follow one another, from its first byte to its last.
    pub fn holdsPieces(index: *const Index, manifest: *const Manifest) bool {
        var end: u64 = 0;
        for (manifest.frames, 1..) |frame, next| {
            const name = frame.file orelse continue;
            const entry = index.names.get(name) orelse return false;
            if (entry != .file or frame.position != end) return false;
            end += frame.size;
            const goes_on = next < manifest.frames.len and manifest.frames[next].file != null and is(manifest.frames[next].file.?, name);
            if (goes_on) continue;
            if (end != manifest.release.files[entry.file].size) return false;
            end = 0;
        }
        return true;
    }

    fn add(index: *Index, name: []const u8, entry: Entry) Error!void {
        if (std.mem.lastIndexOfScalar(u8, name, '/')) |end| {
            const parent = index.names.get(name[0..end]) orelse return error.Malformed;
            if (parent != .directory) return error.Malformed;
        }
        const slot = index.names.getOrPutAssumeCapacity(name);
        if (slot.found_existing) return error.Malformed;
        slot.value_ptr.* = entry;
    }
};

test "only normalised paths inside, outside of .sarma" {
    for ([_][]const u8{ "a", "a/b.c", "a/..b" }) |text| try std.testing.expect(isInside(text));
    for ([_][]const u8{ "", "/a", "a/", "a//b", "..", "a/../b", "./a", ".sarma/marker", "a\x00" }) |text| {
        try std.testing.expect(!isInside(text));
    }
}

test "link targets stay inside" {
    try std.testing.expect(staysInside(.{ .path = "a/b", .target = "../c" }));
    try std.testing.expect(staysInside(.{ .path = "a/b", .target = ".." }));
    for ([_][:0]const u8{ "/etc", "../../x", "c/../../../x", "" }) |target| {
        try std.testing.expect(!staysInside(.{ .path = "a/b", .target = target }));
    }
}

test "an entry below a link or without its directory is refused" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const file: File = .{ .path = "a/b", .size = 0, .mode = 0o644, .xxh3 = 0 };
    const good: Part = .{ .directories = &.{"a"}, .files = &.{file}, .links = &.{} };
    _ = try Index.of(memory.allocator(), &good);
    const orphan: Part = .{ .directories = &.{}, .files = &.{file}, .links = &.{} };
    try std.testing.expectError(error.Malformed, Index.of(memory.allocator(), &orphan));
    const behind: Part = .{ .directories = &.{}, .files = &.{file}, .links = &.{.{ .path = "a", .target = "c" }} };
    try std.testing.expectError(error.Malformed, Index.of(memory.allocator(), &behind));
}

test "the pieces of a large file are all there, in their order, and of a file that there is" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const part: Part = .{ .directories = &.{}, .files = &.{.{ .path = "a", .size = 5, .mode = 0o644, .xxh3 = 0 }}, .links = &.{} };
    const index: Index = try .of(memory.allocator(), &part);
    const Piece = struct { file: ?[:0]const u8, position: u64, size: usize };
    const cases = [_]struct { whole: bool, pieces: []const Piece }{
        .{ .whole = true, .pieces = &.{ .{ .file = null, .position = 0, .size = 9 }, .{ .file = "a", .position = 0, .size = 3 }, .{ .file = "a", .position = 3, .size = 2 } } },
        .{ .whole = false, .pieces = &.{.{ .file = "a", .position = 0, .size = 3 }} },
        .{ .whole = false, .pieces = &.{.{ .file = "a", .position = 3, .size = 2 }} },
        .{ .whole = false, .pieces = &.{ .{ .file = "a", .position = 0, .size = 3 }, .{ .file = null, .position = 0, .size = 9 }, .{ .file = "a", .position = 3, .size = 2 } } },
        .{ .whole = false, .pieces = &.{.{ .file = "b", .position = 0, .size = 5 }} },
    };
    for (cases) |case| {
        var frames: [3]Frame = undefined;
        for (case.pieces, frames[0..case.pieces.len]) |piece, *frame| frame.* = .{
            .part = .release,
            .offset = 0,
            .length = piece.size,
            .size = piece.size,
            .position = piece.position,
            .codec = .none,
            .sha256 = @splat(0),
            .file = piece.file,
        };
        var manifest: Manifest = undefined;
        manifest.release = part;
        manifest.frames = frames[0..case.pieces.len];
        try std.testing.expectEqual(case.whole, index.holdsPieces(&manifest));
    }
}
