//! Frames into files, on several cores: each thread takes the next frame, checks its hash, decodes it, and writes
//! what it holds. The runtime's frames are slices of one file; the release's are pieces of a tar between two entries.

const std = @import("std");
const os = @import("os.zig");
const sha256 = @import("sha256.zig");
const zstd = @import("zstd.zig");
const lzma = @import("lzma");
const tar = @import("tar.zig");
const branch_filter = @import("branch_filter");
const manifests = @import("manifest.zig");
const Desk = @import("desk.zig").Desk;
const onAllCores = @import("threads.zig").onAllCores;
const Progress = @import("progress.zig").Progress;
const Run = @import("run.zig").Run;
const payloads = @import("payload.zig");
const Payload = payloads.Payload;
const destinations = @import("destination.zig");
const RuntimeFile = @import("runtime_file.zig").RuntimeFile;
const StoredRuntime = @import("stored_runtime.zig").StoredRuntime;
const LargeFile = @import("large_file.zig").LargeFile;
const ReleaseTree = @import("release_tree.zig").ReleaseTree;
const Error = destinations.Error;
pub const Destination = destinations.Destination;
pub const installed_time = destinations.installed_time;

const thread_stack = 256 << 10;

/// Fills the destinations from the frames; directories must be there. Fails with `Damaged` if the
/// executable is not what its manifest says, with `Refused` if the place cannot hold it.
pub fn unpack(run: *Run, payload: *const Payload, runtime: ?Destination, release: ?Destination) !void {
    const manifest = &payload.manifest;
    var jobs: std.ArrayList(Job) = .empty;
    var total: u64 = 0;
    const stored = if (runtime == null) null else StoredRuntime.firstFrame(manifest);
    if (stored) |number| {
        total = manifest.runtime.files[0].size;
        try jobs.append(run.arena, .{ .work = .copy, .frame = number, .length = total });
        try jobs.append(run.arena, .{ .work = .hash, .frame = number, .length = total });
    }
    for (manifest.frames, 0..) |frame, number| {
        const destination = if (frame.part == .runtime) runtime else release;
        if (destination == null or (frame.part == .runtime and stored != null)) continue;
        total += frame.size;
        if (frame.file != null and frame.position > 0) {
            jobs.items[jobs.items.len - 1].length += frame.length;
        } else try jobs.append(run.arena, .{ .frame = @intCast(number), .length = frame.length });
    }
    // The longest first, so that no thread is left with a long one when the others are done.
    std.sort.insertion(Job, jobs.items, {}, isLonger);
    var work: Work = .{
        .payload = payload,
        .jobs = jobs.items,
        .progress = try .create(run.arena, run.stamp.name, total, run.started),
    };
    if (runtime) |destination| work.runtime = try RuntimeFile.create(run, destination);
    errdefer if (work.runtime) |*file| file.abandon();
    // Before the caller removes what failed: Windows keeps the name of an open file.
    defer if (work.runtime) |*file| if (!file.destination.in_memory) os.close(file.file);
    if (release) |destination| work.release = try ReleaseTree.init(run, destination, &payload.index);
    // It tells of a first run.
    if (runtime == null or !runtime.?.in_memory) work.progress.start();
    const workers = onAllCores(jobs.items.len, thread_stack, worker, &work);
    work.progress.end();
    run.step("unpacked {d} bytes, in {d} pieces, on {d} threads", .{ total, jobs.items.len, workers });
    if (work.failure) |failure| return fail(run, &work, failure);
    if (work.runtime) |*file| try file.finish(run);
    if (work.release) |*tree| try tree.finish(run);
}

/// One file of the release, decoded into memory: what an executable tells of itself, where nothing can be installed too.
/// null if there is none of that path. Looks into the last frames first.
pub fn fileContent(run: *Run, payload: *const Payload, path: []const u8) !?[]const u8 {
    const manifest = &payload.manifest;
    const known = for (manifest.release.files) |file| {
        if (std.mem.eql(u8, file.path, path)) break true;
    } else false;
    if (!known) return null;
    var desk: Desk = .{};
    defer desk.clear();
    var large: ?[]u8 = null;
    var number = manifest.frames.len;
    while (number > 0) {
        number -= 1;
        const frame = &manifest.frames[number];
        if (frame.part != .release) continue;
        if (frame.file) |name| if (!std.mem.eql(u8, name, path)) continue;
        const found = contentIn(payload, &desk, frame, path) catch |err| switch (err) {
            error.Damaged, error.Malformed => return run.damaged("frame {d} of {d}", .{ number + 1, manifest.frames.len }),
            else => |other| return run.refuse("cannot read {s}: {s}", .{ run.own_path, os.describe(other) }),
        };
        const bytes = found orelse continue;
        if (frame.file == null) return try run.arena.dupe(u8, bytes);
        const whole = large orelse try run.arena.alloc(u8, @intCast(frame.position + frame.size));
        large = whole;
        @memcpy(whole[@intCast(frame.position)..][0..bytes.len], bytes);
        if (frame.position == 0) return whole;
    }
    return run.damaged("{s} is missing", .{path});
}

fn contentIn(payload: *const Payload, desk: *Desk, frame: *const manifests.Frame, path: []const u8) !?[]const u8 {
    const content = try decode(payload, desk, frame, null);
    if (frame.file != null) return content;
    var reader: tar.Reader = .{ .bytes = content };
    while (try reader.next()) |entry| {
        if (entry.kind == .file and std.mem.eql(u8, entry.path, path)) return entry.bytes;
    }
    return null;
}

/// What one thread does: a frame, or all that hold a large file; or one of the two things that are done with a stored runtime.
const Job = struct {
    work: enum { unpack, copy, hash } = .unpack,
    /// The first.
    frame: u32,
    /// Stored bytes.
    length: u64,
};

fn isLonger(_: void, a: Job, b: Job) bool {
    return a.length > b.length;
}

/// What all threads share. `next` hands out the jobs; the first failure stays.
const Work = struct {
    payload: *const Payload,
    jobs: []const Job,
    next: std.atomic.Value(usize) = .init(0),
    failed: std.atomic.Value(bool) = .init(false),
    failure: ?Failure = null,
    progress: *Progress,
    runtime: ?RuntimeFile = null,
    release: ?ReleaseTree = null,

    fn destination(work: *const Work, number: u32) *const Destination {
        return if (work.payload.manifest.frames[number].part == .runtime) &work.runtime.?.destination else &work.release.?.destination;
    }

    fn storedRuntime(work: *Work, first: u32) StoredRuntime {
        return .{ .payload = work.payload, .first = first, .runtime = &work.runtime.?, .progress = work.progress, .failed = &work.failed };
    }

    fn stop(work: *Work, failure: Failure) void {
        if (!work.failed.swap(true, .acq_rel)) work.failure = failure;
    }
};

const Failure = struct {
    frame: u32,
    /// And of those behind it.
    of_stored_runtime: bool = false,
    err: Error,
    /// What was being written, in its destination; empty while reading.
    path: []const u8 = "",
};

fn worker(work: *Work) void {
    var desk: Desk = .{};
    defer desk.clear();
    while (!work.failed.load(.monotonic)) {
        const at = work.next.fetchAdd(1, .monotonic);
        if (at >= work.jobs.len) return;
        const job = work.jobs[at];
        var number = job.frame;
        const done = switch (job.work) {
            .unpack => if (work.payload.manifest.frames[number].file != null) unpackLarge(work, &desk, &number) else unpackFrame(work, &desk, number),
            .copy => work.storedRuntime(number).copy(&desk),
            .hash => work.storedRuntime(number).hash(&desk),
        };
        done catch |err| work.stop(.{ .frame = number, .of_stored_runtime = job.work != .unpack, .err = err, .path = desk.path });
    }
}

fn unpackFrame(work: *Work, desk: *Desk, number: u32) Error!void {
    const manifest = &work.payload.manifest;
    const frame = &manifest.frames[number];
    const bytes = try decoded(work, desk, frame);
    switch (frame.part) {
        .runtime => {
            if (manifest.filter) |filter| branch_filter.decode(filter, bytes, frame.position);
            desk.path = work.runtime.?.name;
            try work.runtime.?.write(bytes, frame.position);
        },
        .release => try work.release.?.write(&desk.path, bytes),
    }
    work.progress.add(frame.size - frame.size / 2);
}

/// `number`: the frame at work.
fn unpackLarge(work: *Work, desk: *Desk, number: *u32) Error!void {
    const frames = work.payload.manifest.frames;
    const path = frames[number.*].file.?;
    var name: [64]u8 = undefined;
    desk.path = path;
    const large = try LargeFile.begin(&work.release.?, path, &name) orelse return;
    // It may be gigabytes: what failed elsewhere is not to wait for them.
    while (!work.failed.load(.monotonic)) : (number.* += 1) {
        const frame = &frames[number.*];
        unpackPiece(work, desk, frame, &large) catch |err| {
            large.abandon();
            return err;
        };
        if (frame.position + frame.size == large.target.size) return large.finish();
    }
    large.abandon();
}

fn unpackPiece(work: *Work, desk: *Desk, frame: *const manifests.Frame, large: *const LargeFile) Error!void {
    const bytes = try decoded(work, desk, frame);
    desk.path = large.target.path;
    try large.write(bytes, frame.position);
    work.progress.add(frame.size - frame.size / 2);
}

/// One half of the work on a frame.
fn decoded(work: *Work, desk: *Desk, frame: *const manifests.Frame) Error![]u8 {
    desk.path = "";
    const bytes = try decode(work.payload, desk, frame, work.progress);
    // LZMA takes long enough to tell meanwhile.
    if (frame.codec != .lzma) work.progress.add(frame.size / 2);
    return bytes;
}

/// What decoding is of the work; writing is the rest.
const HalfProgress = struct {
    progress: ?*Progress,

    pub fn add(half: HalfProgress, bytes: usize) void {
        if (half.progress) |progress| progress.add(bytes / 2);
    }
};

fn decode(payload: *const Payload, desk: *Desk, frame: *const manifests.Frame, progress: ?*Progress) Error![]u8 {
    const stored = (try Desk.room(&desk.stored, @as(usize, frame.length) + lzma.margin))[0..frame.length];
    if (!try payloads.readWhole(payload.file, stored, payload.offset + frame.offset)) return error.Damaged;
    if (!std.mem.eql(u8, &sha256.of(stored), &frame.sha256)) return error.Damaged;
    if (frame.codec == .none) return stored;
    const result = try Desk.room(&desk.decoded, frame.size);
    const workspace = try Desk.room(&desk.workspace, @max(zstd.Decoder.workspaceSize(), lzma.workspace_size));
    switch (frame.codec) {
        .zstd => try zstd.Decoder.init(@alignCast(workspace)).decode(result, stored),
        .lzma => try lzma.decode(result, stored, @alignCast(workspace), HalfProgress{ .progress = progress }),
        .none => unreachable,
    }
    return result;
}

fn fail(run: *Run, work: *const Work, failure: Failure) error{ Damaged, Refused, OutOfMemory } {
    const frames = work.payload.manifest.frames.len;
    return switch (failure.err) {
        error.Damaged => if (failure.of_stored_runtime) run.damaged("the runtime", .{}) else run.damaged("frame {d} of {d}", .{ failure.frame + 1, frames }),
        error.Foreign => run.damaged("frame {d} of {d} holds {s}, which the manifest does not", .{ failure.frame + 1, frames, failure.path }),
        error.NoMemory => run.refuse("not enough memory to unpack frame {d} of {d}, which is {d} bytes long", .{ failure.frame + 1, frames, work.payload.manifest.frames[failure.frame].size }),
        else => |err| if (failure.path.len == 0)
            run.cannot("read", run.own_path, err)
        else
            run.cannot("write", try run.path(&.{ work.destination(failure.frame).path, failure.path }), err),
    };
}
