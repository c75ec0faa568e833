//! A runtime that lies in the executable as it is: one thread copies it, and another one holds what was stored to its hash.

const std = @import("std");
const os = @import("os.zig");
const Desk = @import("desk.zig").Desk;
const Error = @import("destination.zig").Error;
const Manifest = @import("manifest.zig").Manifest;
const payloads = @import("payload.zig");
const Progress = @import("progress.zig").Progress;
const runtime_file = @import("runtime_file.zig");

/// Often enough for the progress.
const copied_at_once = 16 << 20;
/// Stays in the CPU's cache.
const hashed_at_once = 256 << 10;

pub const StoredRuntime = struct {
    payload: *const payloads.Payload,
    /// Its first frame.
    first: u32,
    runtime: *runtime_file.RuntimeFile,
    progress: *Progress,
    /// Something else did: the rest of this need not be done.
    failed: *const std.atomic.Value(bool),

    /// null if it is stored otherwise.
    pub fn firstFrame(manifest: *const Manifest) ?u32 {
        if (manifest.filter != null) return null;
        var first: ?u32 = null;
        for (manifest.frames, 0..) |frame, number| if (frame.part == .runtime) {
            if (first == null) first = @intCast(number);
            if (frame.codec != .none or frame.offset != manifest.frames[first.?].offset + frame.position) return null;
        };
        return first;
    }

    /// Inside the kernel, which is faster, and where the file system can (btrfs, XFS) nothing is copied at all; else piece by
    /// piece, each of which stays in the CPU's cache meanwhile. What turns out to be damaged never gets the name that it would be
    /// run by.
    pub fn copy(stored: *const StoredRuntime, desk: *Desk) Error!void {
        desk.path = "";
        const runtime = stored.runtime;
        const size = runtime.target.size;
        var done: u64 = 0;
        while (done < size and !stored.failed.load(.monotonic)) {
            // Whatever it cannot do, the other way can, or says why not.
            const count = os.copyRange(stored.payload.file, stored.start() + done, runtime.file, done, @min(copied_at_once, size - done)) catch 0;
            if (count == 0) break;
            stored.progress.add(count);
            done += count;
        }
        const buffer = try Desk.room(&desk.stored, runtime_file.write_size);
        while (done < size and !stored.failed.load(.monotonic)) {
            const piece = buffer[0..@intCast(@min(runtime_file.toBoundary(done), size - done))];
            if (!try payloads.readWhole(stored.payload.file, piece, stored.start() + done)) return error.Damaged;
            desk.path = runtime.name;
            try runtime.write(piece, done);
            desk.path = "";
            stored.progress.add(piece.len);
            done += piece.len;
        }
    }

    /// XXH3 takes an eighth of the time that SHA-256 takes with the CPU's instructions, and finds what a download or a disk has
    /// done; who changes the executable on purpose can change its hashes as well.
    pub fn hash(stored: *const StoredRuntime, desk: *Desk) Error!void {
        desk.path = "";
        const target = stored.runtime.target;
        const buffer = try Desk.room(&desk.stored, hashed_at_once);
        var hasher: std.hash.XxHash3 = .init(0);
        var done: u64 = 0;
        while (done < target.size) {
            if (stored.failed.load(.monotonic)) return;
            const piece = buffer[0..@intCast(@min(buffer.len, target.size - done))];
            if (!try payloads.readWhole(stored.payload.file, piece, stored.start() + done)) return error.Damaged;
            hasher.update(piece);
            done += piece.len;
        }
        if (hasher.final() != target.xxh3) return error.Damaged;
    }

    /// In the executable.
    fn start(stored: *const StoredRuntime) u64 {
        return stored.payload.offset + stored.payload.manifest.frames[stored.first].offset;
    }
};
