//! The whole way from a manifest and its frames to files, in a root directory of its own: whatever the manifest says, nothing
//! may be written but the two installs. An input is a manifest, a NUL, and the frames behind it; their hashes are made right,
//! since nobody would get past them by chance.

const std = @import("std");
const linux = std.os.linux;
const os = @import("../src/os.zig");
const sha256 = @import("../src/sha256.zig");
const installing = @import("../src/install.zig");
const manifests = @import("../src/manifest.zig");
const unpacking = @import("../src/unpack.zig");
const Base = @import("../src/bases.zig").Base;
const Payload = @import("../src/payload.zig").Payload;
const Run = @import("../src/run.zig").Run;
const Memory = @import("memory.zig").Memory;
const targets = @import("targets.zig");
const expect = targets.expect;

/// An input could ask for a runtime of any size; what the stub compares with the room that there is, is in the stamp.
const file_size_max = 4 << 20;
const runtime = "node-1";
const release = "program-1";
const base = "/base";
const canary = "/canary";

var world_is_there = false;
/// Where the program was started.
var outside: os.Handle = undefined;
var root_name: [64]u8 = undefined;

/// At the end of a process: takes its root directory away.
pub fn leave() void {
    if (!world_is_there) return;
    world_is_there = false;
    const root = os.openDirectory(os.cwd, "/") catch unreachable;
    defer os.close(root);
    emptyDirectory(root);
    expect(linux.fchdir(outside) == 0);
    os.removeDirectory(outside, std.mem.sliceTo(@as([*:0]u8, @ptrCast(&root_name)), 0)) catch unreachable;
}

pub fn target(memory: *Memory, input: []u8) void {
    const end = std.mem.indexOfScalar(u8, input, 0) orelse return;
    const text = input[0..end];
    const behind = input[end + 1 ..];
    const arena = memory.arena();
    var manifest = manifests.parse(arena, text) catch return;
    if (manifest.runtime.files[0].size > file_size_max or manifest.release.directories.len > 500) return;
    const index = manifests.Index.of(arena, &manifest.release) catch return;
    manifest.frames = rightHashes(arena, manifest.frames, behind) catch unreachable;
    const file = targets.memoryFile("payload", behind);
    defer os.close(file);
    const payload: Payload = .{ .file = file, .offset = 0, .manifest = manifest, .index = index, .text = text };

    makeWorld();
    defer {
        for ([_][:0]const u8{ "/base/runtimes", "/base/releases" }) |folder| empty(folder);
        // In the end all that was there before is there, and nothing else.
        expect(holdsOnly("/", &.{ "base", "canary" }));
        expect(holdsOnly(base, &.{ "locks", "runtimes", "releases" }));
        expect(holdsOnly("/base/locks", &.{}));
        expect((os.lstat(os.cwd, canary) catch unreachable).size == 0);
    }
    var run: Run = .{
        .arena = arena,
        .stamp = stampFor(&manifest),
        .environment = os.no_environment,
        .given_environment = os.no_environment,
        .own_path = "/program",
        .privileged = false,
        .debug = false,
        .started = 0,
        .boot_id = "boot",
    };
    const place = Base.of(base, false, false, .{ .available = 1 << 40, .noexec = false, .read_only = false, .network = false, .removable = false });
    var installed = true;
    _ = installing.bringAbout(&run, &place, &payload, .{}) catch |err| {
        installed = false;
        expect(err != error.OutOfMemory and run.reason.len > 0);
    };
    expect(holdsOnly("/base/runtimes", if (installed) &.{runtime} else &.{}));
    expect(holdsOnly("/base/releases", if (installed) &.{release} else &.{}));
    if (installed) damageAndRepair(&run, &place, &payload);
    expect(memory.used() <= targets.memoryFor(text.len) + behind.len + (256 << 10));
}

/// What is there is what the manifest says, and comes back when it was lost.
fn damageAndRepair(run: *Run, place: *const Base, payload: *const Payload) void {
    const files = payload.manifest.release.files;
    expect(regularFilesIn(base ++ "/releases/" ++ release) == files.len + 1);
    expect(regularFilesIn(base ++ "/runtimes/" ++ runtime) == 2);
    const root = os.openDirectory(os.cwd, base ++ "/releases/" ++ release) catch unreachable;
    defer os.close(root);
    for (files, 0..) |file, number| {
        const found = os.lstat(root, file.path) catch unreachable;
        expect(found.kind == .file and found.size == file.size and found.mode == file.mode);
        if (number % 2 == 0) os.removeFile(root, file.path) catch unreachable;
    }
    // Their XXH3 was never right, unless the input came that far: then all of them come back once more.
    const repaired = installing.bringAbout(run, place, payload, .{ .verify = true }) catch |err| return expect(err != error.OutOfMemory and run.reason.len > 0);
    expect(repaired >= (files.len + 1) / 2);
    for (files) |file| expect((os.lstat(root, file.path) catch unreachable).size == file.size);
    if (files.len > 0) _ = unpacking.fileContent(run, payload, files[files.len - 1].path) catch return;
}

fn stampFor(manifest: *const manifests.Manifest) @FieldType(Run, "stamp") {
    return .{
        .maintenance_word_off = false,
        .ignore_node_options = false,
        .shell = false,
        .service = false,
        .compile_cache = true,
        .manifest_offset = 0,
        .manifest_length = 0,
        .manifest_sha256 = @splat(0xab),
        .payload_offset = 0,
        .runtime_executable_size = manifest.runtime.files[0].size,
        .runtime_bytes = 0,
        .release_bytes = 0,
        .entry_size = 0,
        .keep = 1,
        .name = "program",
        .version = "1",
        .id = "abababababab",
        .target = "linux-x64",
        .runtime_directory = runtime,
        .runtime_executable = manifest.runtime.files[0].path,
        .release_directory = release,
        .entry = "main.js",
        .guard = "",
        .maintenance_word = "maintenance",
        .override_variable = "PROGRAM_INSTALL_DIR",
        .arguments = &.{},
    };
}

/// Where a frame's bytes are not all there, what it says stays.
fn rightHashes(arena: std.mem.Allocator, frames: []const manifests.Frame, behind: []const u8) ![]const manifests.Frame {
    const right = try arena.dupe(manifests.Frame, frames);
    for (right) |*frame| {
        if (frame.offset > behind.len or frame.length > behind.len - frame.offset) continue;
        frame.sha256 = sha256.of(behind[@intCast(frame.offset)..][0..frame.length]);
    }
    return right;
}

/// A root directory of its own, so that even an absolute path ends up where it is noticed.
fn makeWorld() void {
    if (world_is_there) return;
    world_is_there = true;
    outside = os.openDirectory(os.cwd, ".") catch unreachable;
    const root = std.fmt.bufPrintSentinel(&root_name, "sarma-fuzz-{d}", .{linux.getpid()}, 0) catch unreachable;
    os.makeDirectory(os.cwd, root, 0o755) catch unreachable;
    if (linux.getuid() != 0) expect(linux.unshare(linux.CLONE.NEWUSER) == 0);
    expect(linux.chroot(root) == 0 and linux.chdir("/") == 0);
    for ([_][:0]const u8{ base, base ++ "/locks", base ++ "/runtimes", base ++ "/releases" }) |path| {
        os.makeDirectory(os.cwd, path, 0o755) catch unreachable;
    }
    os.close(os.create(os.cwd, canary, 0o644) catch unreachable);
    _ = os.beginInstalling();
    // Written to where nothing may be written, or more than there is room for.
    var action: linux.Sigaction = .{ .handler = .{ .handler = linux.SIG.IGN }, .mask = linux.sigemptyset(), .flags = 0 };
    _ = linux.sigaction(.XFSZ, &action, null);
    const limit: linux.rlimit = .{ .cur = file_size_max, .max = file_size_max };
    expect(linux.setrlimit(.FSIZE, &limit) == 0);
}

fn holdsOnly(path: [:0]const u8, names: []const []const u8) bool {
    const directory = os.openDirectory(os.cwd, path) catch return false;
    defer os.close(directory);
    var entries: os.Entries = .of(directory);
    var count: usize = 0;
    while (entries.next() catch unreachable) |name| : (count += 1) {
        for (names) |known| {
            if (std.mem.eql(u8, known, name)) break;
        } else return false;
    }
    return count == names.len;
}

fn regularFilesIn(path: [:0]const u8) usize {
    const directory = os.openDirectory(os.cwd, path) catch unreachable;
    defer os.close(directory);
    var count: usize = 0;
    var entries: os.Entries = .of(directory);
    while (entries.next() catch unreachable) |name| {
        var buffer: [8192]u8 = undefined;
        const inside = std.fmt.bufPrintSentinel(&buffer, "{s}/{s}", .{ path, name }, 0) catch unreachable;
        switch ((os.lstat(os.cwd, inside) catch unreachable).kind) {
            .directory => count += regularFilesIn(inside),
            .file => count += 1,
            else => {},
        }
    }
    return count;
}

/// Relative to the directory above, so that no depth is too deep for a path.
fn empty(path: [:0]const u8) void {
    const directory = os.openDirectory(os.cwd, path) catch unreachable;
    defer os.close(directory);
    emptyDirectory(directory);
}

fn emptyDirectory(directory: os.Handle) void {
    var entries: os.Entries = .of(directory);
    while (entries.next() catch unreachable) |name| {
        os.removeFile(directory, name) catch |err| {
            expect(err == error.IsDirectory);
            const inner = os.openDirectory(directory, name) catch unreachable;
            emptyDirectory(inner);
            os.close(inner);
            os.removeDirectory(directory, name) catch unreachable;
        };
    }
}
