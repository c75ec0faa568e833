//! Where a part goes, and how what is installed is written.

const os = @import("os.zig");
const manifests = @import("manifest.zig");
const Part = manifests.Part;

/// 2000-01-01: the one time that everything installed carries.
pub const installed_time = 946684800;

/// Where a part goes.
pub const Destination = struct {
    part: *const Part,
    root: os.Handle,
    /// The same directory, for messages.
    path: []const u8,
    /// Which files, by index: those are written aside and moved into their place. null: all, into an
    /// empty directory.
    wanted: ?[]const bool = null,
    /// `root` is no directory but the file itself, which stays open: the runtime's, in memory.
    in_memory: bool = false,
    /// Keep a file that is replaced beside the new one as NAME.replaced.
    keep_replaced: bool = false,
};

/// `Foreign`: what the manifest does not hold.
pub const Error = os.Error || error{ Damaged, Foreign };
