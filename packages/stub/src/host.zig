//! Whether this host can run the runtime: its loader, its libraries, and the versions of their symbols. Compared before the
//! first execution, so that nobody has to make sense of "not found" or of `GLIBC_2.28`.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const elf = @import("elf.zig");
const loader_cache = @import("loader_cache.zig");
const Manifest = @import("manifest.zig").Manifest;
const Library = @import("manifest.zig").Library;
const Run = @import("run.zig").Run;

/// Changes when the loader or the libraries it knows of do. Two calls, on every run.
pub fn fingerprint(run: *const Run, interpreter: []const u8) ![]const u8 {
    if (interpreter.len == 0) return "";
    var hash: std.hash.XxHash3 = .init(0);
    for ([_][:0]const u8{ try run.arena.dupeZ(u8, interpreter), loader_cache.path }) |path| {
        const found = os.stat(os.cwd, path) catch continue;
        for ([_]u64{ found.inode, found.size, @bitCast(found.seconds), found.nanoseconds }) |number| {
            hash.update(&std.mem.toBytes(number));
        }
    }
    return std.fmt.allocPrint(run.arena, "{x:0>16}", .{hash.final()});
}

/// Ends the run with a sentence if the runtime cannot work here.
pub fn require(run: *Run, manifest: *const Manifest) !void {
    const interpreter = manifest.interpreter orelse return;
    if (builtin.os.tag != .linux) return;
    const musl = isMusl(interpreter);
    if (os.stat(os.cwd, interpreter)) |_| {} else |_| {
        if (musl) run.fail("this is the build for Linux with musl ({s}), and {s} is not here; use the build for glibc, {s}", .{ run.stamp.target, interpreter, glibcTarget(run.stamp.target) });
        if (hasMusl()) run.fail("this is the build for Linux with glibc ({s}), and this system has musl; use a build for musl, or a system with glibc such as Debian (image node:slim, debian:slim)", .{run.stamp.target});
        run.fail("this is the build for Linux with glibc ({s}), and its loader {s} is not here; install glibc (Debian: libc6)", .{ run.stamp.target, interpreter });
    }
    // musl's loader is its C library, and it has no versions.
    if (musl) return;
    const cache = loader_cache.read(run.arena);
    for (manifest.libraries) |library| {
        const versions = (try find(run, cache, library)) orelse {
            // A loader that finds even its own C library elsewhere has its own ways (Nix).
            if (std.mem.startsWith(u8, library.name, "libc.so")) return;
            run.fail("the runtime needs {s}, which is not installed; {s}", .{ library.name, advice(library.name) });
        };
        for (library.versions) |version| if (!contains(versions, version)) tooOld(run, library.name, version, versions);
    }
    run.step("the host has the {d} libraries that the runtime needs", .{manifest.libraries.len});
}

fn isMusl(interpreter: []const u8) bool {
    return std.mem.indexOf(u8, interpreter, "/ld-musl-") != null;
}

fn glibcTarget(target: []const u8) []const u8 {
    const suffix = "-musl";
    return if (std.mem.endsWith(u8, target, suffix)) target[0 .. target.len - suffix.len] else target;
}

fn hasMusl() bool {
    const lib = os.openDirectory(os.cwd, "/lib") catch return false;
    defer os.close(lib);
    var entries: os.Entries = .of(lib);
    while (entries.next() catch null) |name| if (std.mem.startsWith(u8, name, "ld-musl-")) return true;
    return false;
}

fn advice(library: []const u8) []const u8 {
    if (std.mem.startsWith(u8, library, "libstdc++")) return "install it (Debian: libstdc++6, Fedora: libstdc++, Arch: gcc-libs)";
    if (std.mem.startsWith(u8, library, "libgcc_s")) return "install it (Debian: libgcc-s1, Fedora: libgcc, Arch: gcc-libs)";
    if (std.mem.startsWith(u8, library, "libatomic")) return "install it (Debian: libatomic1, Fedora: libatomic)";
    return "install it with your system's packages";
}

fn tooOld(run: *Run, library: []const u8, version: []const u8, versions: []const []const u8) noreturn {
    const prefix = version[0 .. (std.mem.indexOfScalar(u8, version, '_') orelse 0) + 1];
    var newest: []const u8 = "";
    for (versions) |one| {
        if (std.mem.startsWith(u8, one, prefix) and isNewer(one[prefix.len..], newest)) newest = one[prefix.len..];
    }
    if (std.mem.eql(u8, prefix, "GLIBC_")) {
        run.fail("the runtime needs glibc {s} or newer, and this system has {s}; use a newer system, or a build of this program with an older runtime", .{ version[prefix.len..], newest });
    }
    run.fail("the runtime needs {s} with {s}, and this system's goes up to {s}{s}; use a newer system, or a build of this program with an older runtime", .{ library, version, prefix, newest });
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

/// The versions of the first file of that name that is for this CPU, where the loader would look.
fn find(run: *Run, cache: []const u8, library: Library) !?[]const []const u8 {
    for ([_][]const u8{ "LD_LIBRARY_PATH", "NIX_LD_LIBRARY_PATH" }) |name| {
        var directories = std.mem.tokenizeScalar(u8, os.variable(run.environment, name) orelse "", ':');
        while (directories.next()) |directory| if (try inDirectory(run, directory, library.name)) |versions| return versions;
    }
    var known: loader_cache.Entries = .of(cache);
    while (known.next()) |entry| {
        if (!std.mem.eql(u8, entry.name, library.name)) continue;
        if (try elf.definedVersions(run.arena, try run.arena.dupeZ(u8, entry.path))) |versions| return versions;
    }
    for (standard_directories) |directory| if (try inDirectory(run, directory, library.name)) |versions| return versions;
    return null;
}

fn inDirectory(run: *Run, directory: []const u8, name: []const u8) !?[]const []const u8 {
    return elf.definedVersions(run.arena, try run.path(&.{ directory, name }));
}

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
