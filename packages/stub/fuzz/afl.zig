//! The side of AFL++ that is in the program, so that it needs no C library and is compiled like the stub: the fork server, and
//! what the compiler's instrumentation calls (LLVM's SanitizerCoverage). Protocol: docs/ and instrumentation/ of AFL++,
//! afl-compiler-rt.o.c; the input is standard input, and a process takes many.

const std = @import("std");
const linux = std.os.linux;
const instrumented = @import("options").instrumented;
const os = @import("../src/os.zig");
const targets = @import("targets.zig");
const memories = @import("memory.zig");

const inputs_per_process = 1000;
const commands: os.Handle = 198;
const answers: os.Handle = 199;
/// afl-fuzz looks for it in the file.
const signature = "##SIG_AFL_PERSISTENT##";

const map_size = 1 << 16;
/// "Options follow" and "the map has this size" (FS_OPT_ENABLED, FS_OPT_MAPSIZE): without it the map has 8 MiB.
const greeting = 0x8000_0001 | 0x4000_0000 | (map_size - 1) << 1;
const edges_max = 1 << 15;
var unseen: [map_size]u8 = @splat(0);
/// How often each edge was taken; behind the edges, how far comparisons got.
var map: *[map_size]u8 = &unseen;

/// One input after the other until AFL++ ends it. Never returns in the fork server.
pub fn each(environment: os.Environment, memory: *memories.Memory, target: targets.Target) void {
    if (!instrumented) return std.debug.print("this build takes files only\n", .{});
    std.mem.doNotOptimizeAway(signature.ptr);
    numberEdges();
    if (os.variable(environment, "__AFL_SHM_ID")) |id| share(std.fmt.parseInt(usize, id, 10) catch @panic("AFL++ without System V shared memory"));
    serve();
    for (0..inputs_per_process) |number| {
        if (number > 0) _ = linux.kill(linux.getpid(), .STOP);
        memory.reset();
        const length = os.pread(os.stdin, memory.room(memories.largest), 0) catch unreachable;
        const input = memory.input(memory.room(memories.largest)[0..length]);
        map[0] = 1;
        target(memory, input);
    }
}

fn share(id: usize) void {
    @disableInstrumentation();
    const address = linux.syscall3(.shmat, id, 0, 0);
    if (linux.errno(address) != .SUCCESS) @panic("cannot attach AFL++'s map");
    map = @ptrFromInt(address);
}

/// Returns in a process that is to take inputs.
fn serve() void {
    @disableInstrumentation();
    if (!tell(greeting)) return;
    var child: linux.pid_t = 0;
    var stopped = false;
    while (true) {
        const killed = asked() orelse linux.exit(0);
        if (stopped and killed != 0) {
            _ = waitFor(child, 0);
            stopped = false;
        }
        if (stopped) {
            _ = linux.kill(child, .CONT);
        } else {
            child = @intCast(linux.fork());
            if (child == 0) {
                _ = linux.close(commands);
                _ = linux.close(answers);
                return;
            }
        }
        _ = tell(@intCast(child));
        const status = waitFor(child, linux.W.UNTRACED);
        stopped = linux.W.IFSTOPPED(status);
        _ = tell(status);
    }
}

fn tell(word: u32) bool {
    @disableInstrumentation();
    return linux.write(answers, std.mem.asBytes(&word), 4) == 4;
}

fn asked() ?u32 {
    @disableInstrumentation();
    var word: u32 = 0;
    return if (linux.read(commands, std.mem.asBytes(&word), 4) == 4) word else null;
}

fn waitFor(child: linux.pid_t, options: u32) u32 {
    @disableInstrumentation();
    var status: u32 = 0;
    _ = linux.wait4(child, &status, options, null);
    return status;
}

// --- what the instrumentation calls; the linker knows where its numbers are

extern var __start___sancov_guards: u32;
extern var __stop___sancov_guards: u32;

fn numberEdges() void {
    @disableInstrumentation();
    const first: [*]u32 = @ptrCast(&__start___sancov_guards);
    const count = (@intFromPtr(&__stop___sancov_guards) - @intFromPtr(first)) / @sizeOf(u32);
    if (count >= edges_max) @panic("more edges than the map has room for");
    for (first[0..count], 1..) |*guard, number| guard.* = @intCast(number);
}

comptime {
    if (instrumented) {
        @export(&reached, .{ .name = "__sanitizer_cov_trace_pc_guard" });
        @export(&nothing, .{ .name = "__sanitizer_cov_trace_pc_guard_init" });
        for ([_]type{ u8, u16, u32, u64 }) |T| for ([_][]const u8{ "", "const_" }) |kind| {
            @export(&compares(T).compared, .{ .name = std.fmt.comptimePrint("__sanitizer_cov_trace_{s}cmp{d}", .{ kind, @sizeOf(T) }) });
        };
        @export(&switched, .{ .name = "__sanitizer_cov_trace_switch" });
        @export(&indirect, .{ .name = "__sanitizer_cov_trace_pc_indir" });
    }
}

fn reached(guard: *u32) callconv(.c) void {
    @disableInstrumentation();
    map[guard.*] +|= 1;
}

fn nothing(_: *u32, _: *u32) callconv(.c) void {
    @disableInstrumentation();
}

fn indirect(_: usize) callconv(.c) void {
    @disableInstrumentation();
}

/// So that a number that is right in one byte more is something new.
fn compares(comptime T: type) type {
    return struct {
        fn compared(a: T, b: T) callconv(.c) void {
            @disableInstrumentation();
            note(@returnAddress(), @clz(a ^ b) / 8 + @ctz(a ^ b) / 8 * 8);
        }
    };
}

fn switched(value: u64, cases: [*]const u64) callconv(.c) void {
    @disableInstrumentation();
    var nearest: u32 = 0;
    for (cases[2 .. 2 + cases[0]]) |case| nearest = @max(nearest, @clz(case ^ value) / 8);
    note(@returnAddress(), nearest);
}

fn note(place: usize, progress: u32) void {
    @disableInstrumentation();
    const hash = (place *% 0x9E3779B97F4A7C15 >> 40) +% progress;
    map[edges_max + hash % (map_size - edges_max)] |= 1;
}
