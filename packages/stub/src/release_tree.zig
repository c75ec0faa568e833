//! The release's files. Directories are there before, so threads need no order among them.

const std = @import("std");
const message = @import("message.zig");
const os = @import("os.zig");
const tar = @import("tar.zig");
const manifests = @import("manifest.zig");
const destinations = @import("destination.zig");
const Destination = destinations.Destination;
const Error = destinations.Error;
const Run = @import("run.zig").Run;

pub const ReleaseTree = struct {
    destination: Destination,
    index: *const manifests.Index,
    /// One per file: 1 once it was met. Twice is an error.
    met: []u8,

    pub fn init(run: *const Run, destination: Destination, index: *const manifests.Index) !ReleaseTree {
        const met = try run.arena.alloc(u8, destination.part.files.len);
        @memset(met, 0);
        return .{ .destination = destination, .index = index, .met = met };
    }

    /// What one frame holds. `place`: what was being written, for a message.
    pub fn write(tree: *ReleaseTree, place: *[]const u8, bytes: []const u8) Error!void {
        var reader: tar.Reader = .{ .bytes = bytes };
        while (reader.next() catch return error.Damaged) |entry| {
            const known = tree.index.names.getEntry(entry.path) orelse return error.Damaged;
            place.* = known.key_ptr.*;
            switch (known.value_ptr.*) {
                .directory => if (entry.kind != .directory) return error.Foreign,
                .link => |number| {
                    const link = &tree.destination.part.links[number];
                    if (entry.kind != .link or !std.mem.eql(u8, entry.link_target, link.target)) return error.Foreign;
                },
                .file => |number| try tree.writeFile(number, &entry),
            }
        }
    }

    fn writeFile(tree: *ReleaseTree, number: u32, entry: *const tar.Entry) Error!void {
        const file = &tree.destination.part.files[number];
        if (entry.kind != .file or entry.bytes.len != file.size or entry.mode != file.mode) return error.Foreign;
        try tree.meet(number);
        const wanted = tree.destination.wanted orelse return writeBytes(tree.destination.root, file.path, file.mode, entry.bytes);
        if (wanted[number]) try tree.replace(number, file, entry.bytes);
    }

    pub fn meet(tree: *ReleaseTree, number: u32) error{Foreign}!void {
        if (@atomicRmw(u8, &tree.met[number], .Xchg, 1, .monotonic) != 0) return error.Foreign;
    }

    pub fn asideOf(buffer: *[64]u8, number: u32) [:0]const u8 {
        return message.printZ(buffer, ".sarma/{d}.new", .{number});
    }

    /// Never in place: a program that is being executed cannot be written to, and macOS kills one that was.
    fn replace(tree: *ReleaseTree, number: u32, file: *const manifests.File, bytes: []const u8) Error!void {
        const root = tree.destination.root;
        var buffer: [64]u8 = undefined;
        const aside = asideOf(&buffer, number);
        os.removeFile(root, aside) catch {};
        errdefer os.removeFile(root, aside) catch {};
        try writeBytes(root, aside, file.mode, bytes);
        if (tree.destination.keep_replaced) keepReplaced(root, file.path);
        try os.rename(root, aside, root, file.path);
    }

    pub fn finish(tree: *ReleaseTree, run: *Run) !void {
        for (tree.met, tree.destination.part.files) |met, file| {
            if (met == 0) return run.damaged("{s} is missing", .{file.path});
        }
    }
};

/// Somebody may have changed the file on purpose. Once: the first such version stays.
pub fn keepReplaced(root: os.Handle, path: [:0]const u8) void {
    var buffer: [os.path_max + 16]u8 = undefined;
    if (path.len > os.path_max) return;
    const kept = message.printZ(&buffer, "{s}.replaced", .{path});
    os.link(root, path, root, kept) catch {};
}

fn writeBytes(root: os.Handle, path: [:0]const u8, mode: u32, bytes: []const u8) Error!void {
    const file = try os.create(root, path, mode);
    defer os.close(file);
    try os.writeAll(file, bytes);
    try os.setFileTime(file, destinations.installed_time);
}
