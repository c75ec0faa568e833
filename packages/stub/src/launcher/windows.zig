//! What the launcher is on Windows, by its first word and the place where it lies.

const std = @import("std");
const os = @import("../os.zig");
const directory = @import("directory.zig");
const releases = @import("release.zig");
const service_process = @import("service_process.zig");
const service_words = @import("service_words.zig");
const Allocator = std.mem.Allocator;

pub fn start(arena: Allocator, word: []const u8, arguments: []const u16) Allocator.Error!noreturn {
    const environment: os.Environment = .{ .arena = arena };
    const own_path = os.ownPath(arena) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        else => releases.fail("sarma", "cannot find its own file: {s}.", .{os.describe(err)}),
    };
    const name = releases.programOf(own_path);
    if (std.mem.eql(u8, word, service_words.process_word)) {
        // The name behind the word, then `--executable FILE`.
        var options = service_words.optionsOf(arena, name, arguments, 3);
        options.name = @import("../command_line.zig").argument(arena, arguments, 2) orelse name;
        return service_process.run(arena, environment, own_path, options);
    }
    const is_service_word = std.mem.eql(u8, word, "service");
    // Copied beside a wrapped executable, it only speaks to the service manager.
    if (!try releases.isHere(arena, own_path)) {
        if (is_service_word) return service_words.answer(arena, own_path, name, arguments, 2);
        releases.fail(name, "this starts an assembled release, and must lie in its bin directory.", .{});
    }
    const release = try releases.find(arena, environment, own_path);
    if (is_service_word and release.kind == .service) return service_words.answer(arena, own_path, name, arguments, 2);
    return directory.start(arena, environment, own_path, &release, arguments);
}
