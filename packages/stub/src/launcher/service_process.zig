//! The process that the service manager starts: it starts the release, carries what it prints into a log, says how it is,
//! and passes on the wish to stop as a Ctrl-C, which the release takes as everywhere.

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("../os/nt.zig");
const child = @import("../os/windows_child.zig");
const command_line = @import("../command_line.zig");
const log = @import("log.zig");
const releases = @import("release.zig");
const runs = @import("../run.zig");
const services = @import("../os/windows_services.zig");
const words = @import("service_words.zig");
const Allocator = std.mem.Allocator;

/// The release has a limit of its own, which is shorter; this one is for a release that hangs.
const stop_seconds_max = 60;

/// What the functions that Windows calls need to know.
var service: struct {
    arena: Allocator,
    environment: os.Environment,
    options: words.Options,
    own_path: [:0]const u8,
    status_handle: ?nt.Handle = null,
    state: services.State = .start_pending,
    check_point: u32 = 0,
    stopping: std.atomic.Value(bool) = .init(false),
} = undefined;

pub fn run(arena: Allocator, environment: os.Environment, own_path: [:0]const u8, options: words.Options) Allocator.Error!noreturn {
    service = .{ .arena = arena, .environment = environment, .options = options, .own_path = own_path };
    const table = [_]services.TableEntry{ .{ .name = try child.wide(arena, options.name), .main = serviceMain }, .{ .name = null, .main = null } };
    if (services.StartServiceCtrlDispatcherW(&table) != 0) os.exit(0);
    const code = nt.GetLastError();
    if (code == services.failure.failed_controller_connect) {
        runs.say("{s}: this is for the service manager to call; `service install` registers it.\n", .{options.name});
    } else runs.say("{s}: the service manager does not answer (Windows error {d}).\n", .{ options.name, code });
    os.exit(1);
}

fn serviceMain(_: u32, _: ?[*]?[*:0]u16) callconv(.winapi) void {
    const name = child.wide(service.arena, service.options.name) catch return;
    service.status_handle = services.RegisterServiceCtrlHandlerExW(name, onControl, null) orelse return;
    report(.start_pending, 30_000);
    serve() catch stopped(services.failure.specific, 125);
}

fn serve() Allocator.Error!void {
    // A service has no console, and without one there is no Ctrl-C.
    _ = AllocConsole();
    // Ctrl-C may have been switched off by whoever started this, and that is inherited.
    _ = nt.SetConsoleCtrlHandler(null, 0);
    os.ignoreStopping();
    var output: ?nt.Handle = null;
    const carrier = startCarrier(&output);
    const program = service.options.executable orelse service.own_path;
    const line = try command_line.compose(service.arena, program, &.{"start"}, &.{});
    const started = child.start(try child.imagePath(service.arena, program), line, .{ .output = output });
    const code = nt.GetLastError();
    if (output) |handle| _ = nt.NtClose(handle);
    const process = started orelse return stopped(code, 0);
    report(.running, 0);
    waitFor(process);
    // What was printed last. A process that the release left behind may keep the pipe open.
    if (carrier) |thread| _ = child.wait(thread, 2000);
    const ended = child.exitCode(process);
    if (ended == 0 or service.stopping.load(.acquire)) stopped(0, 0) else stopped(services.failure.specific, ended);
}

fn waitFor(process: nt.Handle) void {
    var seconds: u32 = 0;
    while (!child.wait(process, 1000)) {
        if (!service.stopping.load(.acquire)) continue;
        seconds += 1;
        report(.stop_pending, 5000);
        if (seconds > stop_seconds_max) _ = TerminateProcess(process, 1);
    }
}

// --- what the service manager hears and says

fn onControl(control: services.Control, _: u32, _: ?*anyopaque, _: ?*anyopaque) callconv(.winapi) u32 {
    const not_implemented = 120;
    switch (control) {
        .stop, .shutdown => {
            service.stopping.store(true, .release);
            report(.stop_pending, 5000);
            const ctrl_c = 0;
            if (GenerateConsoleCtrlEvent(ctrl_c, 0) == 0) askToStop();
        },
        .interrogate => report(service.state, 0),
        else => return not_implemented,
    }
    return 0;
}

/// Where there is no console after all.
fn askToStop() void {
    const program = service.options.executable orelse service.own_path;
    // The arena belongs to the other thread.
    var memory: [64 << 10]u8 = undefined;
    var fixed: std.heap.FixedBufferAllocator = .init(&memory);
    const line = command_line.compose(fixed.allocator(), program, &.{"stop"}, &.{}) catch return;
    const image = child.imagePath(fixed.allocator(), program) catch return;
    if (child.start(image, line, .{})) |process| _ = nt.NtClose(process);
}

fn report(state: services.State, wait_hint: u32) void {
    service.state = state;
    service.check_point += 1;
    const pending = state != .running;
    _ = services.SetServiceStatus(service.status_handle.?, &.{
        .state = state,
        .controls_accepted = if (state == .running) services.accept_stop | services.accept_shutdown else 0,
        .check_point = if (pending) service.check_point else 0,
        .wait_hint = wait_hint,
    });
}

fn stopped(exit_code: u32, specific: u32) void {
    _ = services.SetServiceStatus(service.status_handle.?, &.{ .state = .stopped, .exit_code = exit_code, .specific_exit_code = specific });
}

// --- the log

var carried: struct { log: log.Log, pipe: nt.Handle } = undefined;

/// A thread that writes the log, and the pipe's end for the release. null where there is no log to be had.
fn startCarrier(output: *?nt.Handle) ?nt.Handle {
    const path = logPath() catch return null;
    carried.log = log.Log.open(service.arena, .{ .path = path }) catch return null;
    const pipe = child.pipe() orelse return null;
    carried.pipe = pipe.read_end;
    output.* = pipe.write_end;
    return CreateThread(null, 64 << 10, carry, null, 0, null);
}

fn carry(_: ?*anyopaque) callconv(.winapi) u32 {
    var buffer: [16 << 10]u8 = undefined;
    while (true) {
        const count = os.read(carried.pipe, &buffer) catch break;
        if (count == 0) break;
        carried.log.put(buffer[0..count]);
    }
    carried.log.finish();
    return 0;
}

/// `log\<node>.log` in the state directory, as for a daemon.
fn logPath() (Allocator.Error || error{NoState})![:0]const u8 {
    const arena = service.arena;
    const state = os.variable(service.environment, "RELEASE_MUTABLE_DIR") orelse try stateDirectory();
    const folder = try releases.path(arena, &.{ state, "log" });
    for ([_][]const u8{ releases.above(state), state, folder }) |directory| {
        os.makeDirectory(os.cwd, try releases.path(arena, &.{directory}), 0o700) catch {};
    }
    const node = os.variable(service.environment, "RELEASE_NODE") orelse releaseName();
    return releases.path(arena, &.{ folder, try std.mem.concat(arena, u8, &.{ node, ".log" }) });
}

fn stateDirectory() (Allocator.Error || error{NoState})![]const u8 {
    if (service.options.executable == null) {
        return releases.path(service.arena, &.{ releases.above(releases.above(service.own_path)), "var" });
    }
    const local = os.variable(service.environment, "LOCALAPPDATA") orelse return error.NoState;
    return releases.path(service.arena, &.{ local, releaseName() });
}

/// Beside an executable this file is called `<release>-service.exe`.
fn releaseName() []const u8 {
    const name = releases.programOf(service.own_path);
    if (service.options.executable == null or !std.mem.endsWith(u8, name, "-service")) return name;
    return name[0 .. name.len - "-service".len];
}

// --- declarations of winbase.h and wincon.h

extern "kernel32" fn AllocConsole() callconv(.winapi) nt.Bool;
extern "kernel32" fn GenerateConsoleCtrlEvent(event: u32, group: u32) callconv(.winapi) nt.Bool;
extern "kernel32" fn TerminateProcess(process: nt.Handle, code: u32) callconv(.winapi) nt.Bool;
extern "kernel32" fn CreateThread(security: ?*anyopaque, stack: usize, main: *const fn (?*anyopaque) callconv(.winapi) u32, parameter: ?*anyopaque, flags: u32, id: ?*u32) callconv(.winapi) ?nt.Handle;
