//! `vm.args` and `remote.vm.args` of a release: the runtime's arguments, one per line, nothing quoted. Where there is a shell,
//! `bin/<name>` reads them; Windows has none. packages/release/src/scripts has the same rules in sh.

const std = @import("std");
const os = @import("os.zig");
const isText = @import("command_line.zig").isText;
const Allocator = std.mem.Allocator;

/// Of a file; it becomes a command line, which holds half as much.
const size_max = 64 << 10;

/// What starts a node, or asks for one; every other command of a service only talks to it.
const starting = [_][]const u8{ "", "start", "start_repl", "daemon", "start_iex", "console", "daemon_iex", "foreground" };

pub const File = struct {
    path: [:0]const u8,
    /// By `RELEASE_VM_ARGS` or `RELEASE_REMOTE_VM_ARGS`: it has to be there.
    named: bool,
};

/// Which file counts for a command. `directory` is `releases/<version>`.
pub fn fileOf(arena: Allocator, environment: os.Environment, directory: []const u8, service: bool, command: ?[]const u8) Allocator.Error!File {
    const remote = service and !isOneOf(&starting, command orelse "");
    const named = if (service) os.variable(environment, if (remote) "RELEASE_REMOTE_VM_ARGS" else "RELEASE_VM_ARGS") else null;
    if (named) |path| return .{ .path = try arena.dupeZ(u8, path), .named = true };
    return .{ .path = try std.mem.joinZ(arena, "/", &.{ directory, if (remote) "remote.vm.args" else "vm.args" }), .named = false };
}

/// The arguments for the runtime. An empty list where there is no file and none was named.
pub fn read(arena: Allocator, environment: os.Environment, source: File) (os.Error || Allocator.Error || error{ NotText, TooLong })![]const []const u8 {
    const file = os.openRead(os.cwd, source.path) catch |err| return if (err == error.NotFound and !source.named) &.{} else err;
    defer os.close(file);
    const text = try arena.alloc(u8, size_max);
    const length = try os.read(file, text);
    if (length == size_max) return error.TooLong;
    if (!isText(text[0..length])) return error.NotText;
    return parse(arena, environment, text[0..length]);
}

fn isOneOf(words: []const []const u8, word: []const u8) bool {
    for (words) |one| if (std.mem.eql(u8, one, word)) return true;
    return false;
}

pub fn parse(arena: Allocator, environment: os.Environment, text: []const u8) Allocator.Error![]const []const u8 {
    const replaces = std.mem.eql(u8, os.variable(environment, "REPLACE_OS_VARS") orelse "", "true");
    var list: std.ArrayList([]const u8) = .empty;
    var lines = std.mem.splitScalar(u8, text, '\n');
    while (lines.next()) |whole| {
        const line = std.mem.trim(u8, whole, " \t\r");
        if (line.len == 0 or line[0] == '#' or isSetting(line)) continue;
        const argument = if (replaces) try replaced(arena, environment, line) else line;
        if (argument.len > 0) try list.append(arena, argument);
    }
    return list.items;
}

/// `-app key value`, which the boot reads.
fn isSetting(line: []const u8) bool {
    if (line.len < 2 or line[0] != '-' or std.mem.indexOfScalar(u8, "- \t", line[1]) != null) return false;
    var words = std.mem.tokenizeAny(u8, line, " \t");
    for (0..3) |_| if (words.next() == null) return false;
    return true;
}

/// `${NAME}` and `${NAME:-default}` by what they stand for; other text with a `$` stays.
fn replaced(arena: Allocator, environment: os.Environment, line: []const u8) Allocator.Error![]const u8 {
    var result: std.ArrayList(u8) = .empty;
    var rest = line;
    while (std.mem.indexOf(u8, rest, "${")) |start| {
        const end = std.mem.indexOfScalarPos(u8, rest, start, '}') orelse break;
        const inside = rest[start + 2 .. end];
        const colon = std.mem.indexOf(u8, inside, ":-");
        const name = inside[0 .. colon orelse inside.len];
        try result.appendSlice(arena, rest[0..start]);
        if (isName(name)) {
            const value = os.variable(environment, name) orelse "";
            try result.appendSlice(arena, if (value.len == 0 and colon != null) inside[colon.? + 2 ..] else value);
        } else try result.appendSlice(arena, rest[start .. end + 1]);
        rest = rest[end + 1 ..];
    }
    try result.appendSlice(arena, rest);
    return result.items;
}

fn isName(text: []const u8) bool {
    if (text.len == 0 or std.ascii.isDigit(text[0])) return false;
    for (text) |byte| if (!std.ascii.isAlphanumeric(byte) and byte != '_') return false;
    return true;
}

test "one argument per line, comments and settings of applications left out" {
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const list = try parse(memory.allocator(), os.no_environment, "# comment\n\n  --max-old-space-size=200 \r\n-kv port 4000\n-r\n./a b c.js\n--title=${X}");
    const expected = [_][]const u8{ "--max-old-space-size=200", "-r", "./a b c.js", "--title=${X}" };
    try std.testing.expectEqual(expected.len, list.len);
    for (expected, list) |text, got| try std.testing.expectEqualStrings(text, got);
}

test "variables are replaced, what only looks like one is not" {
    if (@import("builtin").os.tag == .windows) return error.SkipZigTest;
    var memory: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer memory.deinit();
    const environment = [_]?[*:0]const u8{ "PORT=4000", "EMPTY=", "QUOTE=a\"b`c" };
    const result = try replaced(memory.allocator(), &environment, "${PORT}|${EMPTY}|${EMPTY:-x y}|${NONE}|${NONE:-d}|${QUOTE}|$PORT|${1}|${a b}|${");
    try std.testing.expectEqualStrings("4000||x y||d|a\"b`c|$PORT|${1}|${a b}|${", result);
}
