//! The parsers of the stub, each as a function of an input. They may refuse it; what they may not is to crash, to touch what
//! is not theirs, or to let something pass that the rest of the stub relies on.

const std = @import("std");
const os = @import("../src/os.zig");
const unix_accounts = @import("../src/os/unix_accounts.zig");
const json = @import("../src/json.zig");
const stamps = @import("../src/stamp.zig");
const manifests = @import("../src/manifest.zig");
const markers = @import("../src/marker.zig");
const tars = @import("../src/tar.zig");
const zstds = @import("../src/zstd.zig");
const elfs = @import("../src/elf.zig");
const loader_cache = @import("../src/loader_cache.zig");
const fats = @import("../src/fat.zig");
const vm_args = @import("../src/vm_args.zig");
const command_line = @import("../src/command_line.zig");
const lzmas = @import("lzma");
const branch_filter = @import("branch_filter");
const Memory = @import("memory.zig").Memory;
const largest = @import("memory.zig").largest;

pub const Target = *const fn (memory: *Memory, input: []u8) void;

pub const all: std.StaticStringMap(Target) = .initComptime(.{
    .{ "stamp", stamp },
    .{ "manifest", manifest },
    .{ "marker", marker },
    .{ "tar", tar },
    .{ "zstd", zstd },
    .{ "lzma", lzma },
    .{ "filter", filter },
    .{ "elf", elf },
    .{ "loader-cache", loaderCache },
    .{ "fat", fat },
    .{ "vm-args", vmArguments },
    .{ "accounts", accounts },
    .{ "command-line", commandLine },
    .{ "install", @import("install.zig").target },
    .{ "planted-bug", plantedBug },
});

pub fn find(name: []const u8) ?Target {
    return all.get(name);
}

pub fn expect(holds: bool) void {
    if (!holds) @trap();
}

/// Behind magic, format and the bit that says it is stamped; with its right checksum.
fn stamp(memory: *Memory, input: []u8) void {
    var bytes: [stamps.size]u8 = @splat(0);
    const first = 20;
    const length = @min(input.len, stamps.checksum_offset - first);
    @memcpy(bytes[first..][0..length], input[0..length]);
    bytes[16] = 1;
    bytes[first] |= 1;
    stamps.seal(&bytes);
    const read = stamps.parse(memory.arena(), &bytes) catch return;
    for ([_][]const u8{ read.id, read.runtime_directory, read.release_directory }) |name| {
        expect(name.len > 0 and name[0] != '.' and std.mem.indexOfAny(u8, name, "\x00/\\") == null);
    }
    // The room that is needed, and where things lie, are sums of these.
    _ = std.math.add(u64, read.runtime_bytes, read.release_bytes) catch unreachable;
    _ = std.math.add(u64, read.manifest_offset, read.manifest_length) catch unreachable;
    expect(memory.used() <= 2 * stamps.size + read.arguments.len * @sizeOf(stamps.Argument));
}

fn manifest(memory: *Memory, input: []u8) void {
    const read = manifests.parse(memory.arena(), input) catch |err| return expect(err == error.Malformed);
    for ([_]*const manifests.Part{ &read.runtime, &read.release }) |part| {
        _ = manifests.Index.of(memory.arena(), part) catch |err| {
            expect(err == error.Malformed);
            continue;
        };
        for (part.directories) |path| expect(isInside(path));
        for (part.files) |file| expect(isInside(file.path));
        for (part.links) |link| expect(isInside(link.path) and link.target[0] != '/');
    }
    for (read.frames) |frame| expect(frame.length <= 1 << 30 and frame.size <= 1 << 30);
    expect(memory.used() <= memoryFor(input.len));
}

/// What reading a manifest of so many bytes may cost: lists grow by copies, and an entry of 20 bytes is 50 in memory.
pub fn memoryFor(length: usize) usize {
    return 32 * length + (64 << 10);
}

/// Said in other words than manifest.zig does.
pub fn isInside(path: []const u8) bool {
    if (std.mem.indexOfScalar(u8, path, 0) != null) return false;
    var parts = std.mem.splitScalar(u8, path, '/');
    while (parts.next()) |part| {
        if (part.len == 0 or std.mem.eql(u8, part, ".") or std.mem.eql(u8, part, "..")) return false;
    }
    return true;
}

fn marker(memory: *Memory, input: []u8) void {
    const read = markers.parse(memory.arena(), input) catch return;
    // Its beginning is compared with the end of a name.
    expect(read.id.len >= 12);
    expect(memory.used() <= 32 * input.len + 4096);
}

fn tar(_: *Memory, input: []u8) void {
    var reader: tars.Reader = .{ .bytes = input };
    var total: usize = 0;
    while (reader.next() catch return) |entry| {
        expect(entry.mode <= 0o7777);
        total += entry.bytes.len;
        std.mem.doNotOptimizeAway(std.hash.Crc32.hash(entry.path) +% std.hash.Crc32.hash(entry.link_target));
    }
    expect(total <= input.len);
}

/// A byte before the frame: how much more or less than the frame says there is room for.
fn zstd(memory: *Memory, input: []u8) void {
    if (input.len < 1) return;
    const said = zstds.contentSize(input[1..]);
    const size: usize = if (input[0] == 0) @intCast(@min(said, largest)) else @as(usize, input[0]) * 16;
    const workspace = memory.arena().alignedAlloc(u8, .@"8", zstds.Decoder.workspaceSize()) catch unreachable;
    zstds.Decoder.init(workspace).decode(memory.room(size), input[1..]) catch return;
    expect(said == size);
}

/// Two bytes before the stream: the size of what it holds.
fn lzma(memory: *Memory, input: []u8) void {
    if (input.len < 2 + lzmas.margin) return;
    const size = std.mem.readInt(u16, input[0..2], .little);
    const workspace = memory.arena().alignedAlloc(u8, .@"2", lzmas.workspace_size) catch unreachable;
    // The end of the input stands for the margin.
    lzmas.decode(memory.room(size), input[2 .. input.len - lzmas.margin], workspace, Nobody{}) catch return;
}

const Nobody = struct {
    pub fn add(_: Nobody, _: usize) void {}
};

/// A byte for the name, three numbers of 53 bits, the code.
fn filter(memory: *Memory, input: []u8) void {
    if (input.len < 25) return;
    const bytes = memory.room(input.len - 25);
    @memcpy(bytes, input[25..]);
    const range: branch_filter.Filter = .{
        .name = if (input[0] & 1 == 0) .x86 else .arm64,
        .start = number(input[1..9]),
        .end = @min(number(input[9..17]), branch_filter.end_max),
    };
    const position = number(input[17..25]);
    branch_filter.decode(range, bytes, position);
    for (bytes, input[25..], position..) |after, before, at| {
        if (at < range.start or at >= range.end) expect(after == before);
    }
}

fn number(bytes: *const [8]u8) u64 {
    return std.mem.readInt(u64, bytes, .little) & json.number_max;
}

fn elf(memory: *Memory, input: []u8) void {
    const file = memoryFile("library", input);
    defer os.close(file);
    var buffer: [32]u8 = undefined;
    const path = std.fmt.bufPrintSentinel(&buffer, "/proc/self/fd/{d}", .{file}, 0) catch unreachable;
    const versions = (elfs.definedVersions(memory.arena(), path) catch unreachable) orelse return;
    for (versions) |version| expect(version.len < 128);
    expect(memory.used() < 1 << 20);
}

pub fn memoryFile(name: [*:0]const u8, bytes: []const u8) os.Handle {
    const file: os.Handle = @intCast(@as(isize, @bitCast(std.os.linux.memfd_create(name, 0))));
    expect(file >= 0);
    os.writeAll(file, bytes) catch unreachable;
    return file;
}

fn loaderCache(_: *Memory, input: []u8) void {
    var entries: loader_cache.Entries = .of(input);
    var count: usize = 0;
    while (entries.next()) |entry| : (count += 1) {
        expect(entry.name.len <= input.len and entry.path.len <= input.len);
    }
    expect(count <= input.len / 24);
}

fn fat(_: *Memory, input: []u8) void {
    const head = input[0..@min(input.len, fats.head_size)];
    for ([_]u32{ 0x01000007, 0x0100000c }) |cpu| std.mem.doNotOptimizeAway(fats.sliceOffset(head, cpu));
}

/// A byte that says whether variables are replaced, the file.
fn vmArguments(memory: *Memory, input: []u8) void {
    if (input.len < 1 or input.len > 64 << 10) return;
    const replacing = [_]?[*:0]const u8{ "REPLACE_OS_VARS=true", "A=a b", "EMPTY=" };
    const environment: os.Environment = if (input[0] & 1 == 0) os.no_environment else &replacing;
    const read = vm_args.parse(memory.arena(), environment, input[1..]) catch unreachable;
    expect(read.len <= input.len / 2 + 1);
    for (read) |argument| expect(argument.len > 0 and std.mem.indexOfScalar(u8, argument, '\n') == null);
}

/// /etc/passwd and /etc/group.
fn accounts(_: *Memory, input: []u8) void {
    var lines = std.mem.splitScalar(u8, input, '\n');
    while (lines.next()) |line| {
        const user = unix_accounts.User.parse(line) orelse continue;
        expect(user.name.len + user.home.len < line.len);
        _ = unix_accounts.hasOtherMembers(input, user.gid, user.name);
    }
}

/// What the stub inserts, to the first NUL; what was typed, in units of 16 bits. What is inserted is read back as it was.
fn commandLine(memory: *Memory, input: []u8) void {
    const end = std.mem.indexOfScalar(u8, input, 0) orelse return;
    if (!command_line.isText(input[0..end])) return;
    const typed = memory.arena().alloc(u16, (input.len - end - 1) / 2) catch unreachable;
    @memcpy(std.mem.sliceAsBytes(typed), input[end + 1 ..][0 .. 2 * typed.len]);
    const given = typed[0 .. std.mem.indexOfScalar(u16, typed, 0) orelse typed.len];
    const line = command_line.compose(memory.arena(), "C:\\a b.exe", &.{ input[0..end], "last" }, given) catch unreachable;
    expect(std.mem.eql(u8, command_line.argument(memory.arena(), line, 1).?, input[0..end]));
    expect(std.mem.eql(u8, command_line.argument(memory.arena(), line, 2).?, "last"));
}

/// Shows that the fuzzer finds what there is: five bytes, which nothing but coverage leads to.
fn plantedBug(_: *Memory, input: []u8) void {
    if (input.len < 5 or input[0] != 'S') return;
    if (input[1] != 'a') return;
    if (input[2] != 'r') return;
    if (input[3] != 'm') return;
    expect(input[4] != 'a');
}
