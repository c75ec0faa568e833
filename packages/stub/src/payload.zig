//! The bytes behind the stub: opened only when something has to be installed, checked, or told.

const std = @import("std");
const builtin = @import("builtin");
const fat = @import("fat.zig");
const os = @import("os.zig");
const sha256 = @import("sha256.zig");
const manifests = @import("manifest.zig");
const Manifest = manifests.Manifest;
const Run = @import("run.zig").Run;

/// A million files take about 150 MB.
const manifest_max = 256 << 20;

pub const Payload = struct {
    file: os.Handle,
    /// Where frame offsets count from.
    offset: u64,
    manifest: Manifest,
    /// Of the release. Made before anything else is: that every entry lies in a directory is what keeps writing inside.
    index: manifests.Index,
    /// The manifest as it is stored.
    text: []const u8,
};

pub fn open(run: *Run) !Payload {
    const file = os.openSelf(run.own_path) catch |err| return run.refuse("cannot read {s}: {s}", .{ run.own_path, os.describe(err) });
    errdefer os.close(file);
    const stamp = run.stamp;
    if (stamp.manifest_length > manifest_max) return run.damaged("manifest", .{});
    const text = try run.arena.alloc(u8, @intCast(stamp.manifest_length));
    const slice = try sliceOffset(run, file);
    const whole = readWhole(file, text, slice + stamp.manifest_offset) catch |err| return run.refuse("cannot read {s}: {s}", .{ run.own_path, os.describe(err) });
    if (!whole) return run.damaged("it ends too early: cut off in a download, or changed by a program such as upx", .{});
    if (!std.mem.eql(u8, &sha256.of(text), &stamp.manifest_sha256)) return run.damaged("manifest", .{});
    const manifest, const index = read(run, text) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        error.Malformed => return run.damaged("manifest", .{}),
    };
    run.step("manifest: {d} files, {d} frames", .{ manifest.release.files.len, manifest.frames.len });
    return .{ .file = file, .offset = slice + stamp.payload_offset, .manifest = manifest, .index = index, .text = text };
}

fn read(run: *const Run, text: []const u8) manifests.Error!struct { Manifest, manifests.Index } {
    const manifest = try manifests.parse(run.arena, text);
    // What the stamp says decides whether there is room.
    if (manifest.runtime.files[0].size != run.stamp.runtime_executable_size) return error.Malformed;
    const index: manifests.Index = try .of(run.arena, &manifest.release);
    return if (index.holdsPieces(&manifest)) .{ manifest, index } else error.Malformed;
}

/// Where the executable begins in its file: offsets in the stamp count from there. On macOS a file may hold several.
fn sliceOffset(run: *Run, file: os.Handle) !u64 {
    if (builtin.os.tag != .macos) return 0;
    var head: [fat.head_size]u8 = undefined;
    const length = os.pread(file, &head, 0) catch |err| return run.refuse("cannot read {s}: {s}", .{ run.own_path, os.describe(err) });
    return fat.sliceOffset(head[0..length], fat.own_cpu) orelse run.damaged("it has no part for this CPU", .{});
}

/// False if the file ends before `buffer` is full.
pub fn readWhole(file: os.Handle, buffer: []u8, offset: u64) os.Error!bool {
    var filled: usize = 0;
    while (filled < buffer.len) {
        const count = try os.pread(file, buffer[filled..], offset + filled);
        if (count == 0) return false;
        filled += count;
    }
    return true;
}
