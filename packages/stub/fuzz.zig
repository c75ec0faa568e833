//! What the fuzzer runs (`npm run fuzz`, CONTRIBUTING.md): one target at a time, on inputs from AFL++ or from files.
//! `fuzz TARGET FILE …` runs the files, each to its end, without AFL++ as well: so `zig build test` runs the corpus.
//! It lies here and not in fuzz/ since Zig lets a module import nothing above the folder of its first file.

const std = @import("std");
const builtin = @import("builtin");
const afl = @import("fuzz/afl.zig");
const leave = @import("fuzz/install.zig").leave;
const os = @import("src/os.zig");
const targets = @import("fuzz/targets.zig");
const Memory = @import("fuzz/memory.zig").Memory;

const files_max = 1000;

pub fn main(init: std.process.Init.Minimal) !void {
    const arguments = init.args.vector;
    if (arguments.len < 2) return list();
    const name = std.mem.span(arguments[1]);
    const target = targets.find(name) orelse {
        std.debug.print("no target {s}\n", .{name});
        return error.UnknownTarget;
    };
    var memory: Memory = .init();
    var files: [files_max]os.Handle = undefined;
    // All before the first: a target may change the root directory.
    for (arguments[2..], files[0 .. arguments.len - 2]) |path, *file| file.* = try os.openRead(os.cwd, std.mem.span(path));
    for (files[0 .. arguments.len - 2]) |file| target(&memory, try memory.file(file));
    if (arguments.len == 2) afl.each(init.environ.block.slice, &memory, target);
    leave();
}

fn list() void {
    for (targets.all.keys()) |name| std.debug.print("{s}\n", .{name});
}

/// A bug ends by a signal, which is what AFL++ takes for one.
pub const panic = std.debug.FullPanic(std.debug.defaultPanic);
