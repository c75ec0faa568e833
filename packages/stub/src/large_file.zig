//! A file of the release that is too large for a frame: its pieces are frames of their own, which one thread writes one after
//! the other.

const message = @import("message.zig");
const os = @import("os.zig");
const destinations = @import("destination.zig");
const Error = destinations.Error;
const manifests = @import("manifest.zig");
const keepReplaced = @import("release_tree.zig").keepReplaced;
const ReleaseTree = @import("release_tree.zig").ReleaseTree;

pub const LargeFile = struct {
    tree: *const ReleaseTree,
    target: *const manifests.File,
    file: os.Handle,
    /// Where it is written before it takes the place of another one; null where there is none.
    aside: ?[:0]const u8,

    /// null if it need not come back. `buffer` is for the name, as long as the file is at work.
    pub fn begin(tree: *ReleaseTree, path: []const u8, buffer: *[64]u8) Error!?LargeFile {
        const number = tree.index.names.get(path).?.file;
        const target = &tree.destination.part.files[number];
        try tree.meet(number);
        const root = tree.destination.root;
        var aside: ?[:0]const u8 = null;
        if (tree.destination.wanted) |wanted| {
            if (!wanted[number]) return null;
            aside = ReleaseTree.asideOf(buffer, number);
            os.removeFile(root, aside.?) catch {};
        }
        var large: LargeFile = .{ .tree = tree, .target = target, .file = try os.create(root, aside orelse target.path, target.mode), .aside = aside };
        errdefer large.abandon();
        try os.allocate(large.file, target.size);
        return large;
    }

    pub fn write(large: *const LargeFile, bytes: []const u8, position: u64) Error!void {
        var written: usize = 0;
        while (written < bytes.len) written += try os.pwrite(large.file, bytes[written..], position + written);
    }

    pub fn finish(large: *const LargeFile) Error!void {
        const root = large.tree.destination.root;
        errdefer if (large.aside) |aside| os.removeFile(root, aside) catch {};
        {
            defer os.close(large.file);
            try os.setFileTime(large.file, destinations.installed_time);
        }
        const aside = large.aside orelse return;
        if (large.tree.destination.keep_replaced) keepReplaced(root, large.target.path);
        try os.rename(root, aside, root, large.target.path);
    }

    /// What was to be installed anew goes with its directory.
    pub fn abandon(large: *const LargeFile) void {
        os.close(large.file);
        if (large.aside) |aside| os.removeFile(large.tree.destination.root, aside) catch {};
    }
};
