//! `service install|uninstall|status`: what the service manager is told and asked.

const std = @import("std");
const os = @import("../os.zig");
const nt = @import("../os/nt.zig");
const child = @import("../os/windows_child.zig");
const command_line = @import("../command_line.zig");
const services = @import("../os/windows_services.zig");
const failure = services.failure;
const runs = @import("../run.zig");
const Allocator = std.mem.Allocator;

/// The word by which the service manager starts this program, and by which a service is known as made here.
pub const process_word = "--sarma-service";

const done = 0;
const refused = 1;
const not_running = 3;
const no_such_service = 4;

/// The programs have a little longer to stop than the service itself gives them.
const stop_seconds_max = 75;

pub const Options = struct {
    name: []const u8,
    /// The wrapped executable; without one it is the release that this file belongs to.
    executable: ?[]const u8 = null,
    /// One without a password: `NT AUTHORITY\LocalService`, `NT SERVICE\name`. null: LocalSystem.
    account: ?[]const u8 = null,
};

pub const Request = struct { arena: Allocator, own_path: [:0]const u8, options: Options };

/// `first` is the place of the word behind `service`. Ends the process with the answer as its exit code.
pub fn answer(arena: Allocator, own_path: [:0]const u8, default_name: []const u8, arguments: []const u16, first: usize) Allocator.Error!noreturn {
    const word = command_line.argument(arena, arguments, first) orelse usage();
    const request: Request = .{ .arena = arena, .own_path = own_path, .options = optionsOf(arena, default_name, arguments, first + 1) };
    const code: u8 = if (std.mem.eql(u8, word, "install"))
        try install(&request)
    else if (std.mem.eql(u8, word, "uninstall"))
        try uninstall(&request)
    else if (std.mem.eql(u8, word, "status"))
        try status(&request)
    else
        usage();
    os.exit(code);
}

pub fn optionsOf(arena: Allocator, default_name: []const u8, arguments: []const u16, first: usize) Options {
    var options: Options = .{ .name = default_name };
    var at = first;
    while (command_line.argument(arena, arguments, at)) |key| : (at += 2) {
        const value = command_line.argument(arena, arguments, at + 1) orelse usage();
        if (std.mem.eql(u8, key, "--name")) {
            options.name = value;
        } else if (std.mem.eql(u8, key, "--executable")) {
            options.executable = value;
        } else if (std.mem.eql(u8, key, "--account")) {
            options.account = value;
        } else usage();
    }
    return options;
}

fn usage() noreturn {
    runs.say("usage: service install|uninstall|status [--name NAME] [--account ACCOUNT]\n", .{});
    os.exit(refused);
}

fn install(request: *const Request) Allocator.Error!u8 {
    const arena = request.arena;
    const options = request.options;
    const manager = services.OpenSCManagerW(null, null, services.manager_access.connect | services.manager_access.create) orelse return complain(request, "registered");
    const name = try child.wide(arena, options.name);
    const account = if (options.account) |text| (try child.wide(arena, text)).ptr else null;
    const access = services.access.change_config;
    const service = services.CreateServiceW(manager, name, name, access, services.own_process, services.auto_start, services.error_normal, try binaryOf(request), null, null, null, account, null) orelse return complain(request, "registered");
    try describe(request, service);
    try tell(request, "{s} is registered as a service and starts with the system. To start it now:\n  sc start {s}\n", .{ options.name, options.name });
    return done;
}

/// What the service manager executes.
fn binaryOf(request: *const Request) Allocator.Error![:0]const u16 {
    var list: std.ArrayList([]const u8) = .empty;
    try list.appendSlice(request.arena, &.{ process_word, request.options.name });
    if (request.options.executable) |file| try list.appendSlice(request.arena, &.{ "--executable", file });
    return command_line.compose(request.arena, request.own_path, list.items, &.{});
}

/// Where these cannot be said, the service is as good without.
fn describe(request: *const Request, service: services.Service) Allocator.Error!void {
    const text = try std.fmt.allocPrint(request.arena, "The release {s}", .{request.options.name});
    const description: extern struct { text: [*:0]const u16 } = .{ .text = try child.wide(request.arena, text) };
    _ = services.ChangeServiceConfig2W(service, services.configuration_level.description, &description);
    const restart: services.Action = .{ .type = services.action_restart, .delay = 10_000 };
    const actions: services.FailureActions = .{ .reset_period = 24 * 60 * 60, .reboot_message = null, .command = null, .count = 3, .actions = &.{ restart, restart, restart } };
    _ = services.ChangeServiceConfig2W(service, services.configuration_level.failure_actions, &actions);
    // Not only when this program dies, but also when it says that the release ended with an error.
    const also_errors: extern struct { yes: nt.Bool } = .{ .yes = 1 };
    _ = services.ChangeServiceConfig2W(service, services.configuration_level.failure_actions_flag, &also_errors);
}

fn uninstall(request: *const Request) Allocator.Error!u8 {
    const access = services.access.query_config | services.access.query_status | services.access.stop | services.access.delete;
    const service = open(request, access) orelse return complain(request, "removed");
    if (!try isOurs(request, service)) {
        runs.say("{s}: this service was not registered by Sarma, and is left alone.\n", .{request.options.name});
        return refused;
    }
    if (!stop(service)) {
        runs.say("{s}: the service does not stop; it is still registered.\n", .{request.options.name});
        return refused;
    }
    if (services.DeleteService(service) == 0) return complain(request, "removed");
    try tell(request, "{s} is no service any more.\n", .{request.options.name});
    return done;
}

fn open(request: *const Request, access: u32) ?services.Service {
    const manager = services.OpenSCManagerW(null, null, services.manager_access.connect) orelse return null;
    const name = child.wide(request.arena, request.options.name) catch return null;
    return services.OpenServiceW(manager, name, access);
}

fn isOurs(request: *const Request, service: services.Service) Allocator.Error!bool {
    var needed: u32 = 0;
    const size = 8192;
    const memory = try request.arena.alignedAlloc(u8, .of(services.Configuration), size);
    if (services.QueryServiceConfigW(service, memory.ptr, size, &needed) == 0) return false;
    const configuration: *const services.Configuration = @ptrCast(memory.ptr);
    const word = std.unicode.utf8ToUtf16LeStringLiteral(" " ++ process_word ++ " ");
    return std.mem.indexOf(u16, std.mem.span(configuration.binary), word) != null;
}

fn stop(service: services.Service) bool {
    var answered: services.Status = .{ .state = .stopped };
    if (services.ControlService(service, .stop, &answered) == 0 and nt.GetLastError() == failure.not_active) return true;
    for (0..stop_seconds_max * 4) |_| {
        if ((stateOf(service) orelse return false).status.state == .stopped) return true;
        os.sleep(250);
    }
    return false;
}

fn status(request: *const Request) Allocator.Error!u8 {
    const service = open(request, services.access.query_status) orelse return complain(request, "asked about");
    const found = stateOf(service) orelse return complain(request, "asked about");
    const name = request.options.name;
    switch (found.status.state) {
        .running => try tell(request, "{s} runs, process {d}.\n", .{ name, found.process_id }),
        .start_pending => try tell(request, "{s} is starting.\n", .{name}),
        .stop_pending => try tell(request, "{s} is stopping.\n", .{name}),
        else => {
            if (found.status.exit_code == failure.never_started) {
                try tell(request, "{s} was not started yet.\n", .{name});
                return not_running;
            }
            const code = if (found.status.exit_code == failure.specific) found.status.specific_exit_code else found.status.exit_code;
            try tell(request, "{s} does not run; its last exit code is {d}.\n", .{ name, code });
            return not_running;
        },
    }
    return done;
}

fn stateOf(service: services.Service) ?services.StatusOfProcess {
    var found: services.StatusOfProcess = undefined;
    var needed: u32 = 0;
    const process_info = 0;
    if (services.QueryServiceStatusEx(service, process_info, &found, @sizeOf(services.StatusOfProcess), &needed) == 0) return null;
    return found;
}

fn tell(request: *const Request, comptime format: []const u8, arguments: anytype) Allocator.Error!void {
    os.writeAll(os.stdout, try std.fmt.allocPrint(request.arena, format, arguments)) catch {};
}

/// Says why, and returns the exit code.
fn complain(request: *const Request, what: []const u8) u8 {
    const code = nt.GetLastError();
    const name = request.options.name;
    const reason = switch (code) {
        failure.access_denied => "only administrators may do that; open a terminal with \"Run as administrator\"",
        failure.does_not_exist => {
            runs.say("There is no service {s}.\n", .{name});
            return no_such_service;
        },
        failure.exists => "there is one already; `service uninstall` it first, or choose another --name",
        failure.marked_for_delete => "it is being removed; close the Services window and try again",
        failure.invalid_account => "the account is unknown, or needs a password; use \"NT AUTHORITY\\LocalService\" or \"NT SERVICE\\NAME\"",
        failure.invalid_name => "a service cannot have that name",
        else => "the service manager refuses it",
    };
    runs.say("The service {s} could not be {s}: {s} (Windows error {d}).\n", .{ name, what, reason, code });
    return refused;
}
