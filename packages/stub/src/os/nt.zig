//! The calls into ntdll and kernel32 that the stub makes, with the structures they take, as
//! declared in the Windows SDK (winnt.h, winternl.h, winbase.h) and the driver kit (ntifs.h).
//! Nothing else is imported: every further library would cost each start a millisecond.

const std = @import("std");

pub const Handle = *anyopaque;
pub const invalid: Handle = @ptrFromInt(std.math.maxInt(usize));
pub const Bool = i32;

pub const Status = enum(u32) {
    success = 0,
    buffer_overflow = 0x80000005,
    no_more_files = 0x80000006,
    not_implemented = 0xC0000002,
    invalid_info_class = 0xC0000003,
    invalid_parameter = 0xC000000D,
    no_such_device = 0xC000000E,
    no_such_file = 0xC000000F,
    invalid_device_request = 0xC0000010,
    end_of_file = 0xC0000011,
    no_memory = 0xC0000017,
    access_denied = 0xC0000022,
    object_name_invalid = 0xC0000033,
    object_name_not_found = 0xC0000034,
    object_name_collision = 0xC0000035,
    object_path_invalid = 0xC0000039,
    object_path_not_found = 0xC000003A,
    object_path_syntax_bad = 0xC000003B,
    data_error = 0xC000003E,
    crc_error = 0xC000003F,
    sharing_violation = 0xC0000043,
    quota_exceeded = 0xC0000044,
    file_lock_conflict = 0xC0000054,
    lock_not_granted = 0xC0000055,
    delete_pending = 0xC0000056,
    privilege_not_held = 0xC0000061,
    invalid_image_format = 0xC000007B,
    disk_full = 0xC000007F,
    insufficient_resources = 0xC000009A,
    media_write_protected = 0xC00000A2,
    file_is_a_directory = 0xC00000BA,
    not_supported = 0xC00000BB,
    bad_network_path = 0xC00000BE,
    bad_network_name = 0xC00000CC,
    not_same_device = 0xC00000D4,
    directory_not_empty = 0xC0000101,
    not_a_directory = 0xC0000103,
    name_too_long = 0xC0000106,
    too_many_opened_files = 0xC000011F,
    cannot_delete = 0xC0000121,
    io_device_error = 0xC0000185,
    reparse_point_not_resolved = 0xC0000280,
    stopped_on_symlink = 0x8000002D,
    disk_quota_exceeded = 0xC0000802,
    virus_infected = 0xC0000906,
    virus_deleted = 0xC0000907,
    _,
};

// --- files

pub const UnicodeString = extern struct {
    /// Bytes.
    length: u16,
    maximum: u16,
    buffer: [*]const u16,

    pub fn of(text: []const u16) UnicodeString {
        const bytes: u16 = @intCast(text.len * 2);
        return .{ .length = bytes, .maximum = bytes, .buffer = text.ptr };
    }
};

pub const ObjectAttributes = extern struct {
    length: u32 = @sizeOf(ObjectAttributes),
    root: ?Handle,
    name: *const UnicodeString,
    attributes: u32 = case_insensitive,
    security_descriptor: ?*const anyopaque = null,
    quality_of_service: ?*const anyopaque = null,

    const case_insensitive = 0x40;
};

pub const IoStatus = extern struct {
    status: usize = 0,
    information: usize = 0,
};

pub const access = struct {
    pub const read_data = 0x1;
    pub const list_directory = 0x1;
    pub const write_data = 0x2;
    pub const add_file = 0x2;
    pub const append_data = 0x4;
    pub const add_subdirectory = 0x4;
    pub const write_ea = 0x10;
    pub const delete_child = 0x40;
    pub const read_attributes = 0x80;
    pub const write_attributes = 0x100;
    pub const delete = 0x10000;
    pub const read_control = 0x20000;
    pub const write_dac = 0x40000;
    pub const write_owner = 0x80000;
    pub const synchronize = 0x100000;
    pub const generic_all = 0x10000000;
    pub const generic_write = 0x40000000;
};

pub const share = struct {
    pub const read = 1;
    pub const write = 2;
    pub const delete = 4;
    pub const all = 7;
};

pub const Disposition = enum(u32) { open = 1, create = 2, open_or_create = 3 };

pub const option = struct {
    pub const directory_file = 0x1;
    pub const synchronous = 0x20;
    pub const non_directory_file = 0x40;
    pub const for_backup = 0x4000;
    pub const open_reparse_point = 0x200000;
};

pub const attribute = struct {
    pub const directory = 0x10;
    pub const normal = 0x80;
    pub const reparse_point = 0x400;
};

pub const reparse_tag = struct {
    pub const mount_point = 0xA0000003;
    pub const symlink = 0xA000000C;
};

pub const FileClass = enum(u32) {
    basic = 4,
    names = 12,
    rename = 10,
    link = 11,
    disposition = 13,
    end_of_file = 20,
    attribute_tag = 35,
    disposition_ex = 64,
    rename_ex = 65,
};

pub const BasicInformation = extern struct {
    created: i64 = 0,
    accessed: i64 = 0,
    written: i64 = 0,
    changed: i64 = 0,
    attributes: u32 = 0,
};

pub const AttributeTag = extern struct { attributes: u32, tag: u32 };

pub const FileInformation = extern struct {
    attributes: u32,
    created: [2]u32,
    accessed: [2]u32,
    written: [2]u32,
    volume: u32,
    size_high: u32,
    size_low: u32,
    links: u32,
    index_high: u32,
    index_low: u32,
};

pub const VolumeClass = enum(u32) { device = 4, attribute = 5, full_size = 7 };

pub const VolumeDevice = extern struct {
    type: u32,
    characteristics: u32,
    pub const removable_media = 0x1;
    pub const read_only_device = 0x2;
    pub const remote_device = 0x10;
};

pub const VolumeSize = extern struct {
    total: i64,
    available_to_caller: i64,
    available: i64,
    sectors_per_unit: u32,
    bytes_per_sector: u32,
};

pub const VolumeAttribute = extern struct {
    attributes: u32,
    name_maximum: i32,
    name_length: u32,
    name: [64]u16,
    pub const persistent_acls = 0x8;
};

/// Where in a file.
pub const Overlapped = extern struct { internal: [2]usize = .{ 0, 0 }, low: u32, high: u32, event: ?Handle = null };

pub extern "ntdll" fn NtCreateFile(handle: *Handle, access: u32, attributes: *const ObjectAttributes, status: *IoStatus, size: ?*const i64, file_attributes: u32, share: u32, disposition: Disposition, options: u32, ea: ?*const anyopaque, ea_length: u32) callconv(.winapi) Status;
pub extern "ntdll" fn NtClose(handle: Handle) callconv(.winapi) Status;
pub extern "ntdll" fn NtReadFile(file: Handle, event: ?Handle, apc: ?*const anyopaque, context: ?*anyopaque, status: *IoStatus, buffer: [*]u8, length: u32, offset: ?*const i64, key: ?*const u32) callconv(.winapi) Status;
pub extern "ntdll" fn NtWriteFile(file: Handle, event: ?Handle, apc: ?*const anyopaque, context: ?*anyopaque, status: *IoStatus, buffer: [*]const u8, length: u32, offset: ?*const i64, key: ?*const u32) callconv(.winapi) Status;
pub extern "ntdll" fn NtFlushBuffersFile(file: Handle, status: *IoStatus) callconv(.winapi) Status;
pub extern "ntdll" fn NtQueryInformationFile(file: Handle, status: *IoStatus, information: *anyopaque, length: u32, class: FileClass) callconv(.winapi) Status;
/// `information` is written to by some versions.
pub extern "ntdll" fn NtSetInformationFile(file: Handle, status: *IoStatus, information: *anyopaque, length: u32, class: FileClass) callconv(.winapi) Status;
pub extern "ntdll" fn NtQueryVolumeInformationFile(file: Handle, status: *IoStatus, information: *anyopaque, length: u32, class: VolumeClass) callconv(.winapi) Status;
pub extern "ntdll" fn NtQueryDirectoryFile(file: Handle, event: ?Handle, apc: ?*const anyopaque, context: ?*anyopaque, status: *IoStatus, information: *anyopaque, length: u32, class: FileClass, single: u8, name: ?*const UnicodeString, restart: u8) callconv(.winapi) Status;
pub extern "ntdll" fn NtFsControlFile(file: Handle, event: ?Handle, apc: ?*const anyopaque, context: ?*anyopaque, status: *IoStatus, code: u32, input: ?*const anyopaque, input_length: u32, output: ?*anyopaque, output_length: u32) callconv(.winapi) Status;
pub extern "ntdll" fn NtQuerySecurityObject(object: Handle, information: u32, descriptor: *anyopaque, length: u32, needed: *u32) callconv(.winapi) Status;
pub extern "kernel32" fn LockFileEx(file: Handle, flags: u32, reserved: u32, length_low: u32, length_high: u32, at: *Overlapped) callconv(.winapi) Bool;
pub extern "kernel32" fn UnlockFileEx(file: Handle, reserved: u32, length_low: u32, length_high: u32, at: *Overlapped) callconv(.winapi) Bool;
pub extern "kernel32" fn GetFileInformationByHandle(file: Handle, information: *FileInformation) callconv(.winapi) Bool;
pub extern "kernel32" fn GetFullPathNameW(path: [*:0]const u16, length: u32, buffer: [*]u16, file_part: ?*?[*]u16) callconv(.winapi) u32;
pub extern "kernel32" fn GetFinalPathNameByHandleW(file: Handle, buffer: [*]u16, length: u32, flags: u32) callconv(.winapi) u32;

pub const fsctl_set_reparse_point = 0x900A4;
pub const fsctl_get_reparse_point = 0x900A8;

// --- memory and time

pub extern "kernel32" fn VirtualAlloc(address: ?*anyopaque, size: usize, kind: u32, protection: u32) callconv(.winapi) ?*anyopaque;
pub extern "kernel32" fn VirtualFree(address: *anyopaque, size: usize, kind: u32) callconv(.winapi) Bool;
pub extern "kernel32" fn Sleep(milliseconds: u32) callconv(.winapi) void;
pub extern "kernel32" fn QueryPerformanceCounter(count: *i64) callconv(.winapi) Bool;
pub extern "kernel32" fn QueryPerformanceFrequency(frequency: *i64) callconv(.winapi) Bool;
pub extern "kernel32" fn GetSystemTimeAsFileTime(time: *[2]u32) callconv(.winapi) void;

// --- processes

pub const SystemClass = enum(u32) { time_of_day = 3 };
pub const ProcessClass = enum(u32) { command_line = 60 };
pub const TokenClass = enum(u32) { user = 1 };

pub const TimeOfDay = extern struct { boot: i64, current: i64, zone_bias: i64, zone: u32, reserved: u32 };

pub const process_access = struct {
    pub const query_limited_information = 0x1000;
};

pub extern "ntdll" fn NtQuerySystemInformation(class: SystemClass, information: *anyopaque, length: u32, needed: ?*u32) callconv(.winapi) Status;
pub extern "ntdll" fn NtQueryInformationProcess(process: Handle, class: ProcessClass, information: *anyopaque, length: u32, needed: ?*u32) callconv(.winapi) Status;
pub extern "ntdll" fn NtOpenProcessToken(process: Handle, access: u32, token: *Handle) callconv(.winapi) Status;
pub extern "ntdll" fn NtQueryInformationToken(token: Handle, class: TokenClass, information: *anyopaque, length: u32, needed: *u32) callconv(.winapi) Status;
pub extern "ntdll" fn RtlExitUserProcess(code: u32) callconv(.winapi) noreturn;
pub extern "kernel32" fn OpenProcess(access: u32, inherit: Bool, id: u32) callconv(.winapi) ?Handle;
pub extern "kernel32" fn GetCurrentProcessId() callconv(.winapi) u32;
pub extern "kernel32" fn GetProcessAffinityMask(process: Handle, mask: *usize, system: *usize) callconv(.winapi) Bool;
pub extern "kernel32" fn K32EnumProcesses(ids: [*]u32, size: u32, needed: *u32) callconv(.winapi) Bool;
pub extern "kernel32" fn QueryFullProcessImageNameW(process: Handle, flags: u32, buffer: [*]u16, length: *u32) callconv(.winapi) Bool;
pub extern "kernel32" fn GetModuleFileNameW(module: ?Handle, buffer: [*]u16, length: u32) callconv(.winapi) u32;
pub extern "kernel32" fn GetEnvironmentVariableW(name: [*:0]const u16, buffer: [*]u16, length: u32) callconv(.winapi) u32;
pub extern "kernel32" fn SetEnvironmentVariableW(name: [*:0]const u16, value: ?[*:0]const u16) callconv(.winapi) Bool;
/// LOAD_LIBRARY_SEARCH_SYSTEM32: nowhere else.
pub const search_system32 = 0x800;
pub extern "kernel32" fn LoadLibraryExW(name: [*:0]const u16, file: ?Handle, flags: u32) callconv(.winapi) ?Handle;
pub extern "kernel32" fn GetProcAddress(module: Handle, name: [*:0]const u8) callconv(.winapi) ?*const anyopaque;
pub extern "kernel32" fn GetLastError() callconv(.winapi) u32;

/// The handle that means this process.
pub const current_process: Handle = @ptrFromInt(std.math.maxInt(usize));

// --- console and standard handles

pub extern "kernel32" fn SetConsoleCtrlHandler(handler: ?*const fn (u32) callconv(.winapi) Bool, add: Bool) callconv(.winapi) Bool;

pub extern "kernel32" fn GetStdHandle(number: u32) callconv(.winapi) ?Handle;
pub extern "kernel32" fn GetConsoleMode(console: Handle, mode: *u32) callconv(.winapi) Bool;
pub extern "kernel32" fn SetConsoleMode(console: Handle, mode: u32) callconv(.winapi) Bool;
pub extern "kernel32" fn WriteConsoleW(console: Handle, text: [*]const u16, length: u32, written: *u32, reserved: ?*anyopaque) callconv(.winapi) Bool;
pub extern "kernel32" fn WriteFile(file: Handle, bytes: [*]const u8, length: u32, written: *u32, overlapped: ?*anyopaque) callconv(.winapi) Bool;
