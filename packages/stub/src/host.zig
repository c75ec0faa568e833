//! Whether this host can run the program: its CPU, its loader, its libraries, and the versions of their symbols. Compared
//! before the first execution, so that nobody has to make sense of "not found" or of `GLIBC_2.28`.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const cpu = @import("cpu.zig");
const elf = @import("elf.zig");
const loader_cache = @import("loader_cache.zig");
const Manifest = @import("manifest.zig").Manifest;
const Library = @import("manifest.zig").Library;
const Run = @import("run.zig").Run;

/// Changes when the CPU, the loader or the libraries it knows of do. Two calls, on every run.
pub fn fingerprint(run: *const Run, interpreter: []const u8) ![]const u8 {
    if (interpreter.len == 0) return "";
    // musl's loader has no cache; there it is this library that may be missing.
    const libraries = if (isMusl(interpreter)) "/usr/lib/libstdc++.so.6" else loader_cache.path;
    var hash: std.hash.XxHash3 = .init(cpu.fingerprint());
    for ([_][:0]const u8{ try run.arena.dupeZ(u8, interpreter), libraries }) |path| {
        const found = os.stat(os.cwd, path) catch continue;
        for ([_]u64{ found.inode, found.size, @bitCast(found.seconds), found.nanoseconds }) |number| {
            hash.update(&std.mem.toBytes(number));
        }
    }
    return run.arena.dupe(u8, &std.fmt.bytesToHex(std.mem.toBytes(std.mem.nativeToBig(u64, hash.final())), .lower));
}

/// Ends the run with a sentence if the program cannot work here.
pub fn require(run: *Run, manifest: *const Manifest) !void {
    if (builtin.os.tag != .linux) return;
    if (cpu.missing(manifest.cpu)) |feature| run.fail("this is the build for {s}, and this CPU is too old for it: Node needs {s}; use another machine", .{ run.stamp.target, feature });
    const interpreter = manifest.interpreter orelse return;
    if (!exists(interpreter)) try noLoader(run, interpreter);
    const search: Search = .{ .run = run, .interpreter = interpreter, .cache = if (isMusl(interpreter)) "" else loader_cache.read(run.arena) };
    for (manifest.libraries) |library| {
        if (isMusl(interpreter) and isPartOfMusl(library.name)) continue;
        const versions = (try search.find(library)) orelse {
            // A loader that finds even its own C library elsewhere has its own ways (Nix).
            if (std.mem.startsWith(u8, library.name, "libc.so")) return;
            run.fail(the_program ++ " needs {s}, which is not installed; {s}", .{ library.name, advice(library.name) });
        };
        // musl compares no versions.
        if (isMusl(interpreter)) continue;
        for (library.versions) |version| if (!contains(versions, version)) tooOld(run, library, version, versions);
    }
    run.step("the host has the {d} libraries that " ++ the_program ++ " needs", .{manifest.libraries.len});
}

/// The sentence that tells which build would work here.
fn noLoader(run: *Run, interpreter: [:0]const u8) !noreturn {
    const target = run.stamp.target;
    if (isMusl(interpreter)) {
        const other = glibcTarget(target);
        run.fail("this is the build for Linux with musl ({s}), and {s} is not here: take {s}, the build for glibc", .{ target, interpreter, try fileFor(run, other) });
    }
    if (hasMusl()) {
        const image = "a system with glibc such as Debian (image debian:slim)";
        const other = musl_targets.get(target) orelse run.fail("this is the build for Linux with glibc ({s}), and this system has musl, for which Node is not built on this CPU: take {s}", .{ target, image });
        run.fail("this is the build for Linux with glibc ({s}), and this system has musl: take {s}, the build for musl, or {s}", .{ target, try fileFor(run, other), image });
    }
    for (narrow_loaders) |narrow| if (exists(narrow.loader)) {
        if (narrow.target) |other| run.fail("this is the build for {s}, and this system is a 32-bit one on a 64-bit kernel: take {s}, the build for it", .{ target, try fileFor(run, other) });
        run.fail("this is the build for {s}, and this system is a 32-bit one on a 64-bit kernel; install the 64-bit one, or its glibc", .{target});
    };
    run.fail("this is the build for Linux with glibc ({s}), and its loader {s} is not here; install glibc (Debian: libc6)", .{ target, interpreter });
}

/// What that build is called: like this file, if it is called as it was built.
fn fileFor(run: *const Run, target: []const u8) ![]const u8 {
    const own = std.fs.path.basenamePosix(run.own_path);
    const suffix = try std.mem.concat(run.arena, u8, &.{ "_", run.stamp.target });
    const name = if (std.mem.endsWith(u8, own, suffix)) own[0 .. own.len - suffix.len] else run.stamp.name;
    return std.mem.concat(run.arena, u8, &.{ name, "_", target });
}

const musl_targets: std.StaticStringMap([]const u8) = .initComptime(.{
    .{ "linux-x64", "linux-x64-musl" },
    .{ "linux-arm64", "linux-arm64-musl" },
});

const NarrowLoader = struct { loader: [:0]const u8, target: ?[]const u8 };
const narrow_loaders: []const NarrowLoader = switch (builtin.cpu.arch) {
    .aarch64 => &.{.{ .loader = "/lib/ld-linux-armhf.so.3", .target = "linux-armv7l" }},
    .x86_64 => &.{.{ .loader = "/lib/ld-linux.so.2", .target = null }},
    else => &.{},
};

fn exists(path: [:0]const u8) bool {
    return if (os.stat(os.cwd, path)) |_| true else |_| false;
}

fn isMusl(interpreter: []const u8) bool {
    return std.mem.indexOf(u8, interpreter, "/ld-musl-") != null;
}

/// musl's loader is its C library, and stands for all that others have in libraries of their own (ldso/dynlink.c).
fn isPartOfMusl(name: []const u8) bool {
    if (!std.mem.startsWith(u8, name, "lib")) return false;
    const stem = name[3 .. std.mem.indexOfScalar(u8, name, '.') orelse return false];
    for ([_][]const u8{ "c", "pthread", "rt", "m", "dl", "util", "xnet" }) |part| if (std.mem.eql(u8, stem, part)) return true;
    return false;
}

fn glibcTarget(target: []const u8) []const u8 {
    const suffix = "-musl";
    return if (std.mem.endsWith(u8, target, suffix)) target[0 .. target.len - suffix.len] else target;
}

fn hasMusl() bool {
    return exists("/lib/ld-musl-" ++ musl_name ++ ".so.1");
}

const musl_name = switch (builtin.cpu.arch) {
    .arm => "armhf",
    .powerpc64le => "powerpc64le",
    else => |arch| @tagName(arch),
};

fn advice(library: []const u8) []const u8 {
    if (std.mem.startsWith(u8, library, "libstdc++")) return "install it (Debian: libstdc++6, Fedora and Alpine: libstdc++, Arch: gcc-libs)";
    if (std.mem.startsWith(u8, library, "libgcc_s")) return "install it (Debian: libgcc-s1, Fedora and Alpine: libgcc, Arch: gcc-libs)";
    if (std.mem.startsWith(u8, library, "libatomic")) return "install it (Debian: libatomic1, Fedora: libatomic)";
    return "install it with your system's packages";
}

fn tooOld(run: *Run, library: Library, version: []const u8, versions: []const []const u8) noreturn {
    const prefix = version[0 .. (std.mem.indexOfScalar(u8, version, '_') orelse 0) + 1];
    var newest: []const u8 = "";
    for (versions) |one| {
        if (std.mem.startsWith(u8, one, prefix) and isNewer(one[prefix.len..], newest)) newest = one[prefix.len..];
    }
    const who = neededBy(library, version);
    const instead = if (who == null) "a build of this program with an older Node" else "a build of this program without that file";
    if (std.mem.eql(u8, prefix, "GLIBC_")) {
        run.fail("{s} needs glibc {s} or newer, and this system has {s}; use a newer system, or {s}", .{ who orelse the_program, version[prefix.len..], newest, instead });
    }
    run.fail("{s} needs {s} with {s}, and this system's goes up to {s}{s}; use a newer system, or {s}", .{ who orelse the_program, library.name, version, prefix, newest, instead });
}

const the_program = "this program";

fn neededBy(library: Library, version: []const u8) ?[]const u8 {
    for (library.needed_by) |one| if (std.mem.eql(u8, one.version, version)) return one.file;
    return null;
}

/// By the numbers between dots.
fn isNewer(a: []const u8, b: []const u8) bool {
    var left = std.mem.splitScalar(u8, a, '.');
    var right = std.mem.splitScalar(u8, b, '.');
    while (left.next()) |part| {
        const other = std.fmt.parseInt(u32, right.next() orelse return true, 10) catch return true;
        const number = std.fmt.parseInt(u32, part, 10) catch return false;
        if (number != other) return number > other;
    }
    return false;
}

fn contains(list: []const []const u8, wanted: []const u8) bool {
    for (list) |one| if (std.mem.eql(u8, one, wanted)) return true;
    return false;
}

/// Where the loader would look for libraries.
const Search = struct {
    run: *Run,
    interpreter: []const u8,
    cache: []const u8,

    /// The versions of the first file of that name that is for this CPU.
    fn find(search: *const Search, library: Library) !?[]const []const u8 {
        for ([_][]const u8{ "LD_LIBRARY_PATH", "NIX_LD_LIBRARY_PATH" }) |name| {
            if (try search.inList(os.variable(search.run.environment, name) orelse "", library)) |versions| return versions;
        }
        if (isMusl(search.interpreter)) return search.inList(try search.muslPath(), library);
        var known: loader_cache.Entries = .of(search.cache);
        while (known.next()) |entry| {
            if (!std.mem.eql(u8, entry.name, library.name)) continue;
            if (try elf.definedVersions(search.run.arena, try search.run.arena.dupeZ(u8, entry.path))) |versions| return versions;
        }
        for (standard_directories) |directory| if (try search.inDirectory(directory, library)) |versions| return versions;
        return null;
    }

    fn inList(search: *const Search, list: []const u8, library: Library) !?[]const []const u8 {
        var directories = std.mem.tokenizeAny(u8, list, ":\n");
        while (directories.next()) |directory| if (try search.inDirectory(directory, library)) |versions| return versions;
        return null;
    }

    fn inDirectory(search: *const Search, directory: []const u8, library: Library) !?[]const []const u8 {
        return elf.definedVersions(search.run.arena, try search.run.path(&.{ directory, library.name }));
    }

    /// `/etc/ld-musl-x86_64.path` for `/lib/ld-musl-x86_64.so.1`, or what musl has instead (ldso/dynlink.c).
    fn muslPath(search: *const Search) ![]const u8 {
        const loader = std.fs.path.basenamePosix(search.interpreter);
        const stem = loader[0 .. std.mem.indexOfScalar(u8, loader, '.') orelse loader.len];
        const path = try std.mem.concatWithSentinel(search.run.arena, u8, &.{ "/etc/", stem, ".path" }, 0);
        const file = os.openRead(os.cwd, path) catch return musl_directories;
        defer os.close(file);
        const text = try search.run.arena.alloc(u8, 4096);
        return text[0 .. os.read(file, text) catch return musl_directories];
    }
};

const musl_directories = "/lib:/usr/local/lib:/usr/lib";
const multiarch = switch (builtin.cpu.arch) {
    .x86_64 => "x86_64-linux-gnu",
    .aarch64 => "aarch64-linux-gnu",
    .arm => "arm-linux-gnueabihf",
    .powerpc64le => "powerpc64le-linux-gnu",
    .s390x => "s390x-linux-gnu",
    else => "none",
};
const standard_directories = [_][]const u8{ "/lib/" ++ multiarch, "/usr/lib/" ++ multiarch, "/lib64", "/usr/lib64", "/lib", "/usr/lib" };

test "versions compare by their numbers" {
    try std.testing.expect(isNewer("2.28", "2.4"));
    try std.testing.expect(isNewer("2.2.5", "2.2"));
    try std.testing.expect(!isNewer("2.4", "2.28"));
    try std.testing.expect(!isNewer("2.4", "2.4"));
}
