//! The stamp: 4096 bytes in a section of their own, loaded with the program and overwritten by the
//! wrapper. docs/format.md, "Stamp". It holds all that a warm run needs.

const std = @import("std");
const builtin = @import("builtin");
const json = @import("json.zig");
const Digest = @import("sha256.zig").Digest;
const Allocator = std.mem.Allocator;

pub const size = 4096;
const strings_offset = 120;
const strings_max = 3944;
pub const checksum_offset = 4064;

const section = switch (builtin.object_format) {
    .macho => "__DATA,__sarma_stamp",
    .coff => ".stamp",
    else => ".sarma_stamp",
};

/// Empty: magic and format, so that the wrapper finds it.
export var sarma_stamp: [size]u8 align(8) linksection(section) = magic ++ .{ 1, 0, 0, 0 } ++ [_]u8{0} ** (size - magic.len - 4);
const magic = [_]u8{0x89} ++ "SARMA-STAMP".* ++ [_]u8{ 0x0D, 0x0A, 0x1A, 0x0A };

pub const Argument = union(enum) {
    literal: [:0]const u8,
    /// Inside the release.
    path: []const u8,
};

/// Strings lie in the stamp itself.
pub const Stamp = struct {
    maintenance_word_off: bool,
    ignore_node_options: bool,
    /// The template is for `/bin/sh`; on Windows it is for the runtime, behind what the release's `vm.args` says.
    shell: bool,
    /// The first argument is a command of a service.
    service: bool,
    /// The program or service may leave a compile cache in its install.
    compile_cache: bool,
    manifest_offset: u64,
    manifest_length: u64,
    manifest_sha256: Digest,
    payload_offset: u64,
    runtime_executable_size: u64,
    runtime_bytes: u64,
    release_bytes: u64,
    entry_size: u64,
    keep: u32,
    name: []const u8,
    version: []const u8,
    id: []const u8,
    target: []const u8,
    runtime_directory: []const u8,
    runtime_executable: []const u8,
    release_directory: []const u8,
    entry: []const u8,
    guard: []const u8,
    maintenance_word: []const u8,
    override_variable: []const u8,
    arguments: []const Argument,
};

pub const Error = error{ Unstamped, Damaged } || Allocator.Error;

/// The stamp of this executable.
pub fn read(arena: Allocator) Error!Stamp {
    var compiled: *const [size]u8 = &sarma_stamp;
    // Volatile: the compiler knows what the section held when it compiled, and that is not what it holds.
    const loaded: *const volatile *const [size]u8 = &compiled;
    return parse(arena, loaded.*);
}

/// What `read` makes of the bytes.
pub fn parse(arena: Allocator, bytes: *const [size]u8) Error!Stamp {
    const flags = integer(u32, bytes, 20);
    if (flags & 1 == 0) return error.Unstamped;
    if (integer(u32, bytes, 16) != 1) return error.Damaged;
    const length = integer(u32, bytes, 116);
    if (length > strings_max) return error.Damaged;
    const used = strings_offset + length;
    if (!std.mem.eql(u8, &digest(bytes[0..used]), bytes[checksum_offset..][0..32])) return error.Damaged;
    if (!std.mem.allEqual(u8, bytes[used..checksum_offset], 0)) return error.Damaged;
    var strings: Strings = .{ .rest = bytes[strings_offset..][0..length] };
    const stamp: Stamp = .{
        .maintenance_word_off = flags & 2 != 0,
        .ignore_node_options = flags & 4 != 0,
        .shell = flags & 8 != 0,
        .service = flags & 16 != 0,
        .compile_cache = flags & 32 != 0,
        .manifest_offset = integer(u64, bytes, 24),
        .manifest_length = integer(u64, bytes, 32),
        .manifest_sha256 = bytes[40..72].*,
        .payload_offset = integer(u64, bytes, 72),
        .runtime_executable_size = integer(u64, bytes, 80),
        .runtime_bytes = integer(u64, bytes, 88),
        .release_bytes = integer(u64, bytes, 96),
        .entry_size = integer(u64, bytes, 104),
        .keep = @max(integer(u32, bytes, 112), 1),
        .name = try strings.next(),
        .version = try strings.next(),
        .id = try strings.next(),
        .target = try strings.next(),
        .runtime_directory = try strings.next(),
        .runtime_executable = try strings.next(),
        .release_directory = try strings.next(),
        .entry = try strings.next(),
        .guard = try strings.next(),
        .maintenance_word = try strings.next(),
        .override_variable = try strings.next(),
        .arguments = try strings.arguments(arena),
    };
    // The checksum only holds off accidents; these are added to one another, and those become parts of paths.
    for ([_]u64{ stamp.manifest_offset, stamp.manifest_length, stamp.payload_offset, stamp.runtime_bytes, stamp.release_bytes }) |number| {
        if (number > json.number_max) return error.Damaged;
    }
    if (!isName(stamp.runtime_directory) or !isName(stamp.release_directory) or !isName(stamp.id)) return error.Damaged;
    return stamp;
}

/// Not by the CPU's instructions for it: to ask a virtual machine for them takes longer than to do without for so few bytes.
fn digest(used: []const u8) Digest {
    var result: Digest = undefined;
    std.crypto.hash.sha2.Sha256.hash(used, &result, .{});
    return result;
}

/// As the wrapper does it, for tests.
pub fn seal(bytes: *[size]u8) void {
    const used = strings_offset + @min(integer(u32, bytes, 116), strings_max);
    @memset(bytes[used..checksum_offset], 0);
    @memcpy(bytes[checksum_offset..][0..32], &digest(bytes[0..used]));
}

fn isName(text: []const u8) bool {
    return text.len > 0 and text.len < 200 and text[0] != '.' and std.mem.indexOfAny(u8, text, "/\\:") == null;
}

const Strings = struct {
    rest: []const u8,

    fn next(strings: *Strings) error{Damaged}![]const u8 {
        const length = try strings.count();
        if (length > strings.rest.len) return error.Damaged;
        const text = strings.rest[0..length];
        if (std.mem.indexOfScalar(u8, text, 0) != null) return error.Damaged;
        strings.rest = strings.rest[length..];
        return text;
    }

    fn count(strings: *Strings) error{Damaged}!u16 {
        if (strings.rest.len < 2) return error.Damaged;
        const value = std.mem.readInt(u16, strings.rest[0..2], .little);
        strings.rest = strings.rest[2..];
        return value;
    }

    fn arguments(strings: *Strings, arena: Allocator) Error![]const Argument {
        const total = try strings.count();
        if (total > strings_max / 3) return error.Damaged;
        const list = try arena.alloc(Argument, total);
        for (list) |*argument| {
            const text = try strings.next();
            if (text.len == 0) return error.Damaged;
            argument.* = switch (text[0]) {
                '=' => .{ .literal = try arena.dupeZ(u8, text[1..]) },
                '/' => .{ .path = text[1..] },
                else => return error.Damaged,
            };
        }
        return list;
    }
};

fn integer(comptime T: type, bytes: *const [size]u8, offset: usize) T {
    return std.mem.readInt(T, bytes[offset..][0..@sizeOf(T)], .little);
}

test "an empty stamp is unstamped, a changed one damaged, a whole one is read" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const arena = memory.allocator();
    try std.testing.expectError(error.Unstamped, read(arena));

    var bytes = sarma_stamp;
    std.mem.writeInt(u32, bytes[20..24], 1 | 4 | 16 | 32, .little);
    std.mem.writeInt(u64, bytes[104..112], 77, .little);
    std.mem.writeInt(u32, bytes[112..116], 2, .little);
    var at: usize = strings_offset;
    for ([_][]const u8{ "hello", "1.0.0", "0123456789ab", "linux-x64", "node-1", "bin/node", "hello-1", "lib/main.js", "", "maintenance", "HELLO_INSTALL_DIR" }) |text| {
        at = put(&bytes, at, text);
    }
    std.mem.writeInt(u16, bytes[at..][0..2], 2, .little);
    at = put(&bytes, at + 2, "=--no-warnings");
    at = put(&bytes, at, "/lib/main.js");
    std.mem.writeInt(u32, bytes[116..120], @intCast(at - strings_offset), .little);
    try std.testing.expectError(error.Damaged, parse(arena, &bytes));
    seal(&bytes);

    const stamp = try parse(arena, &bytes);
    try std.testing.expectEqualStrings("hello-1", stamp.release_directory);
    try std.testing.expectEqual(77, stamp.entry_size);
    try std.testing.expect(stamp.ignore_node_options and !stamp.maintenance_word_off);
    try std.testing.expect(stamp.service and stamp.compile_cache and !stamp.shell);
    try std.testing.expectEqualStrings("--no-warnings", stamp.arguments[0].literal);
    try std.testing.expectEqualStrings("lib/main.js", stamp.arguments[1].path);
    bytes[checksum_offset - 1] = 1;
    try std.testing.expectError(error.Damaged, parse(arena, &bytes));
}

fn put(bytes: *[size]u8, at: usize, text: []const u8) usize {
    std.mem.writeInt(u16, bytes[at..][0..2], @intCast(text.len), .little);
    @memcpy(bytes[at + 2 ..][0..text.len], text);
    return at + 2 + text.len;
}
