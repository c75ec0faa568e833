//! Bytes onto the disk. Flushing a volume is for administrators, so every file is asked for by itself,
//! and only the last one makes the device empty its cache.

const std = @import("std");
const message = @import("../message.zig");
const os = @import("../os.zig");
const nt = @import("nt.zig");
const files = @import("windows.zig");
const Error = os.Error;

/// No path of an install has more names.
const depth_max = 128;

pub fn syncTree(directory: nt.Handle) Error!void {
    var flush: Flush = .of();
    try flush.everyFile(directory, depth_max);
    try flush.device(directory);
}

const Flush = struct {
    /// NtFlushBuffersFileEx, from Windows 8 on, on NTFS and ReFS.
    without_device: ?*const fn (nt.Handle, u32, ?*const anyopaque, u32, *nt.IoStatus) callconv(.winapi) nt.Status,

    fn of() Flush {
        const library = nt.LoadLibraryExW(std.unicode.utf8ToUtf16LeStringLiteral("ntdll.dll"), null, nt.search_system32) orelse return .{ .without_device = null };
        return .{ .without_device = @ptrCast(@alignCast(nt.GetProcAddress(library, "NtFlushBuffersFileEx"))) };
    }

    fn everyFile(flush: *const Flush, directory: nt.Handle, depth: u32) Error!void {
        if (depth == 0) return error.NameTooLong;
        var entries: files.Entries = .of(directory);
        while (try entries.next()) |name| {
            const found = try files.lstat(directory, name);
            switch (found.kind) {
                .file => try flush.file(directory, name),
                .directory => {
                    const inner = try files.openDirectory(directory, name);
                    defer files.close(inner);
                    try flush.everyFile(inner, depth - 1);
                },
                .link, .other => {},
            }
        }
    }

    fn file(flush: *const Flush, directory: nt.Handle, name: [:0]const u8) Error!void {
        const opened = files.open(directory, name, .{ .access = nt.access.append_data, .options = nt.option.open_reparse_point }) catch |err| switch (err) {
            // The image of a running program, or what the program made read-only: nobody may open it to write. The system has
            // had a minute to write it.
            error.Busy, error.Denied => return,
            else => return err,
        };
        defer files.close(opened);
        var status: nt.IoStatus = .{};
        const no_sync = 2;
        if (flush.without_device) |function| {
            if (function(opened, no_sync, null, 0, &status) == .success) return;
        }
        try files.check(nt.NtFlushBuffersFile(opened, &status));
    }

    /// By way of a file of its own, since a directory cannot be flushed. It may be there from a run that was killed.
    fn device(_: *const Flush, directory: nt.Handle) Error!void {
        const name = ".sarma/synced";
        const opened = try files.openLock(directory, name);
        defer {
            files.close(opened);
            files.removeFile(directory, name) catch {};
        }
        var status: nt.IoStatus = .{};
        try files.check(nt.NtFlushBuffersFile(opened, &status));
    }
};

test "what a killed run left keeps no tree from being synced" {
    var name: [64]u8 = undefined;
    var number: [4]u8 = undefined;
    os.random(&number);
    const root = message.printZ(&name, "sync-{d}.test", .{std.mem.readInt(u32, &number, .little)});
    try files.makeDirectory(files.cwd, root, 0o755);
    defer files.removeDirectory(files.cwd, root) catch {};
    const directory = try files.openDirectory(files.cwd, root);
    defer files.close(directory);
    try files.makeDirectory(directory, ".sarma", 0o755);
    defer files.removeDirectory(directory, ".sarma") catch {};
    files.close(try files.create(directory, ".sarma/synced", 0o644));
    defer files.removeFile(directory, ".sarma/synced") catch {};
    try syncTree(directory);
    try std.testing.expectError(error.NotFound, files.lstat(directory, ".sarma/synced"));
}
