//! Executables that run with more rights than their user: set-user-ID ones are refused, file capabilities are
//! handed on, and then nothing that the user controls is believed.

const std = @import("std");
const builtin = @import("builtin");
const runs = @import("run.zig");
const linux = std.os.linux;
const c = std.c;

pub const Privileges = enum { none, capabilities, other_user };

pub fn ofProcess() Privileges {
    switch (builtin.os.tag) {
        .linux => {
            if (linux.getauxval(std.elf.AT_SECURE) == 0) return .none;
            if (linux.getuid() != linux.geteuid() or linux.getgid() != linux.getegid()) return .other_user;
            return .capabilities;
        },
        .macos => return if (issetugid() != 0) .other_user else .none,
        else => return .none,
    }
}

extern "c" fn issetugid() c_int;

/// Makes the permitted capabilities survive `execve` of a file that has none: inheritable, then ambient
/// (capabilities(7)). What the kernel does not allow stays behind.
pub fn passOn(run: *const runs.Run) void {
    if (builtin.os.tag != .linux) return;
    const version_3 = 0x20080522;
    var header: Header = .{ .version = version_3, .pid = 0 };
    var sets: [2]Sets = undefined;
    if (linux.errno(linux.syscall2(.capget, @intFromPtr(&header), @intFromPtr(&sets))) != .SUCCESS) return;
    for (&sets) |*half| half.inheritable |= half.permitted;
    if (linux.errno(linux.syscall2(.capset, @intFromPtr(&header), @intFromPtr(&sets))) != .SUCCESS) return;
    const pr_cap_ambient = 47;
    const pr_cap_ambient_raise = 2;
    for (0..64) |number| {
        const bit = @as(u32, 1) << @intCast(number % 32);
        if (sets[number / 32].permitted & bit == 0) continue;
        _ = linux.prctl(pr_cap_ambient, pr_cap_ambient_raise, number, 0, 0);
        run.step("capability {d} handed on", .{number});
    }
}

/// `__user_cap_header_struct` and `__user_cap_data_struct` of linux/capability.h.
const Header = extern struct { version: u32, pid: i32 };
const Sets = extern struct { effective: u32, permitted: u32, inheritable: u32 };

/// Variables that make the loader, the C library, the runtime, or the shell load, write or run what their owner wants. The
/// loader and the shell would ignore their own, but of a program with ambient capabilities the kernel does not tell them.
/// Not a list of what is harmless: what configures a program has names that only its author knows.
pub fn isDangerous(entry: []const u8) bool {
    const prefixes = [_][]const u8{
        "LD_",          "NODE_",      "GLIBC_TUNABLES=", "GCONV_PATH=", "GETCONF_DIR=", "HOSTALIASES=",
        "LOCALDOMAIN=", "LOCPATH=",   "MALLOC_",         "NIS_PATH=",   "NLSPATH=",     "RESOLV_HOST_CONF=",
        "RES_OPTIONS=", "TMPDIR=",    "TZDIR=",          "OPENSSL_",    "SSL_CERT_",    "UV_",
        "SARMA_",       "NIX_LD",     "DYLD_",           "RELEASE_",    "REPLACE_OS_",  "BASH_",
        "ENV=",         "SHELLOPTS=", "BASHOPTS=",       "PS4=",        "IFS=",         "CDPATH=",
        "GLOBIGNORE=",  "FPATH=",     "ZDOTDIR=",        "ICU_",        "CARES_",       "CTLOG_FILE=",
    };
    for (prefixes) |prefix| if (std.mem.startsWith(u8, entry, prefix)) return true;
    return false;
}
