//! V8's compile cache of a program or service, in its install: Node fills it (packages/wrapper/src/compile-cache.cjs), and here it is kept from growing.

const std = @import("std");
const os = @import("os.zig");
const markers = @import("marker.zig");
const removal = @import("removal.zig");
const Run = @import("run.zig").Run;

const path = markers.directory ++ "/compile-cache";
/// What is over this goes as a whole: no file says when it was last read, and the next run makes anew what it needs.
const bytes_max = 64 << 20;
/// Seconds. Node writes to a name with a dot and renames that at once; what is older was left by a run that was killed.
const leftover_after = 60 * 60;

/// Of the install of a release. What cannot be removed stays.
pub fn lookAfter(run: *const Run, install: os.Handle) void {
    const bytes = bytesIn(install, path, 2);
    if (bytes > bytes_max) remove(run, install);
}

pub fn remove(run: *const Run, install: os.Handle) void {
    removal.removeTreeIn(run, install, path);
}

/// Bytes of the files, those apart that were left over, which it removes.
fn bytesIn(parent: os.Handle, name: [:0]const u8, depth: u32) u64 {
    const directory = os.openDirectory(parent, name) catch return 0;
    defer os.close(directory);
    var bytes: u64 = 0;
    var entries: os.Entries = .of(directory);
    while (entries.next() catch null) |entry| {
        const found = os.lstat(directory, entry) catch continue;
        if (found.kind == .directory) {
            if (depth > 1) bytes += bytesIn(directory, entry, depth - 1);
        } else if (std.mem.indexOfScalar(u8, entry, '.') != null and os.now() -| found.seconds > leftover_after) {
            os.removeFile(directory, entry) catch {};
        } else bytes += found.size;
    }
    return bytes;
}
