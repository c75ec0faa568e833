//! The calls to the service manager, with their structures (winsvc.h).

const nt = @import("nt.zig");

pub const Manager = nt.Handle;
pub const Service = nt.Handle;

pub const manager_access = struct {
    pub const connect = 0x1;
    pub const create = 0x2;
};

pub const access = struct {
    pub const query_config = 0x1;
    pub const change_config = 0x2;
    pub const query_status = 0x4;
    pub const stop = 0x20;
    pub const delete = 0x10000;
};

pub const own_process = 0x10;
pub const auto_start = 2;
pub const error_normal = 1;

pub const State = enum(u32) { stopped = 1, start_pending, stop_pending, running, continue_pending, pause_pending, paused, _ };

pub const Status = extern struct {
    type: u32 = own_process,
    state: State,
    controls_accepted: u32 = 0,
    exit_code: u32 = 0,
    specific_exit_code: u32 = 0,
    check_point: u32 = 0,
    /// Milliseconds.
    wait_hint: u32 = 0,
};

/// SERVICE_STATUS_PROCESS
pub const StatusOfProcess = extern struct { status: Status, process_id: u32, flags: u32 };

pub const accept_stop = 0x1;
pub const accept_shutdown = 0x4;

pub const Control = enum(u32) { stop = 1, interrogate = 4, shutdown = 5, _ };

/// QUERY_SERVICE_CONFIGW, followed by its strings.
pub const Configuration = extern struct {
    type: u32,
    start: u32,
    error_control: u32,
    binary: [*:0]const u16,
    group: ?[*:0]const u16,
    tag: u32,
    dependencies: ?[*:0]const u16,
    account: ?[*:0]const u16,
    display_name: ?[*:0]const u16,
};

pub const configuration_level = struct {
    pub const description = 1;
    pub const failure_actions = 2;
    pub const failure_actions_flag = 4;
};

pub const Action = extern struct { type: u32, delay: u32 };
pub const action_restart = 1;

pub const FailureActions = extern struct {
    /// Seconds without a failure after which counting begins anew.
    reset_period: u32,
    reboot_message: ?[*:0]const u16,
    command: ?[*:0]const u16,
    count: u32,
    actions: [*]const Action,
};

pub const Main = *const fn (u32, ?[*]?[*:0]u16) callconv(.winapi) void;
pub const Handler = *const fn (Control, u32, ?*anyopaque, ?*anyopaque) callconv(.winapi) u32;
pub const TableEntry = extern struct { name: ?[*:0]const u16, main: ?Main };

pub extern "advapi32" fn OpenSCManagerW(machine: ?[*:0]const u16, database: ?[*:0]const u16, access: u32) callconv(.winapi) ?Manager;
pub extern "advapi32" fn CreateServiceW(manager: Manager, name: [*:0]const u16, display_name: [*:0]const u16, access: u32, kind: u32, start: u32, error_control: u32, binary: [*:0]const u16, group: ?[*:0]const u16, tag: ?*u32, dependencies: ?[*:0]const u16, account: ?[*:0]const u16, password: ?[*:0]const u16) callconv(.winapi) ?Service;
pub extern "advapi32" fn OpenServiceW(manager: Manager, name: [*:0]const u16, access: u32) callconv(.winapi) ?Service;
pub extern "advapi32" fn ChangeServiceConfig2W(service: Service, level: u32, information: *const anyopaque) callconv(.winapi) nt.Bool;
pub extern "advapi32" fn QueryServiceConfigW(service: Service, configuration: ?*anyopaque, size: u32, needed: *u32) callconv(.winapi) nt.Bool;
pub extern "advapi32" fn QueryServiceStatusEx(service: Service, level: u32, status: *StatusOfProcess, size: u32, needed: *u32) callconv(.winapi) nt.Bool;
pub extern "advapi32" fn ControlService(service: Service, control: Control, status: *Status) callconv(.winapi) nt.Bool;
pub extern "advapi32" fn DeleteService(service: Service) callconv(.winapi) nt.Bool;
pub extern "advapi32" fn StartServiceCtrlDispatcherW(table: [*]const TableEntry) callconv(.winapi) nt.Bool;
pub extern "advapi32" fn RegisterServiceCtrlHandlerExW(name: [*:0]const u16, handler: Handler, context: ?*anyopaque) callconv(.winapi) ?nt.Handle;
pub extern "advapi32" fn SetServiceStatus(handle: nt.Handle, status: *const Status) callconv(.winapi) nt.Bool;

pub const failure = struct {
    pub const access_denied = 5;
    pub const failed_controller_connect = 1063;
    pub const does_not_exist = 1060;
    pub const not_active = 1062;
    pub const invalid_account = 1057;
    pub const invalid_name = 123;
    pub const specific = 1066;
    pub const marked_for_delete = 1072;
    pub const exists = 1073;
    pub const never_started = 1077;
};
