//! The runtime's one file, written from all threads at once.

const os = @import("os.zig");
const manifests = @import("manifest.zig");
const destinations = @import("destination.zig");
const Destination = destinations.Destination;
const Error = destinations.Error;
const Run = @import("run.zig").Run;

/// The kernel caches what comes in one call in pieces as large, maps them whole into every program that runs the file,
/// and counts them as its memory: with 27 MB at a time a hello world was at 72 MB, with 64 KiB at 46, plain Node at 44.
pub const write_size = 64 << 10;

/// Bytes until the next multiple of it: two writes then never share a page.
pub fn toBoundary(position: u64) usize {
    return @intCast(write_size - position % write_size);
}

pub const RuntimeFile = struct {
    destination: Destination,
    file: os.Handle,
    target: *const manifests.File,
    name: [:0]const u8,

    pub fn create(run: *Run, destination: Destination) !RuntimeFile {
        const target = &destination.part.files[0];
        const name = if (destination.wanted == null) target.path else aside;
        if (destination.wanted != null) os.removeFile(destination.root, aside) catch {};
        const file = if (destination.in_memory) destination.root else os.create(destination.root, name, target.mode) catch |err| {
            return run.cannot("create", try run.path(&.{ destination.path, name }), err);
        };
        errdefer if (destination.wanted != null) os.removeFile(destination.root, aside) catch {};
        errdefer os.close(file);
        os.allocate(file, target.size) catch |err| return run.cannot("write", try run.path(&.{ destination.path, name }), err);
        return .{ .destination = destination, .file = file, .target = target, .name = name };
    }

    const aside = ".sarma/runtime.new";

    pub fn write(runtime: *RuntimeFile, bytes: []const u8, position: u64) Error!void {
        if (position + bytes.len > runtime.target.size) return error.Damaged;
        var written: usize = 0;
        while (written < bytes.len) {
            const until = @min(bytes.len, written + toBoundary(position + written));
            written += try os.pwrite(runtime.file, bytes[written..until], position + written);
        }
    }

    /// Closed before. What was to be installed anew goes with its directory; beside an install nothing half-made stays.
    pub fn abandon(runtime: *const RuntimeFile) void {
        if (runtime.destination.wanted != null) os.removeFile(runtime.destination.root, aside) catch {};
    }

    pub fn finish(runtime: *RuntimeFile, run: *Run) !void {
        os.setFileTime(runtime.file, destinations.installed_time) catch |err| return run.cannot("set the time of", try run.path(&.{ runtime.destination.path, runtime.name }), err);
        if (runtime.destination.wanted == null) return;
        os.rename(runtime.destination.root, aside, runtime.destination.root, runtime.target.path) catch |err| {
            return run.cannot("replace", try run.path(&.{ runtime.destination.path, runtime.target.path }), err);
        };
    }
};
