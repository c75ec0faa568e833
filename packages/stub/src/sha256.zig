//! SHA-256 with the CPU's instructions where it has them (five to ten times faster).

const std = @import("std");
const builtin = @import("builtin");

const Sha256 = std.crypto.hash.sha2.Sha256;

pub const Digest = [32]u8;

pub fn of(bytes: []const u8) Digest {
    var hasher: Hasher = .init();
    hasher.update(bytes);
    return hasher.final();
}

/// For bytes that come piece by piece.
pub const Hasher = struct {
    accelerated: bool,
    state: Sha256,

    pub fn init() Hasher {
        return .{ .accelerated = hasInstructions(), .state = .init(.{}) };
    }

    pub fn update(hasher: *Hasher, bytes: []const u8) void {
        if (has_second_copy and hasher.accelerated) sarma_sha256_update(&hasher.state, bytes.ptr, bytes.len) else hasher.state.update(bytes);
    }

    pub fn final(hasher: *Hasher) Digest {
        return hasher.state.finalResult();
    }
};

/// For which CPUs build.zig adds `sha256_accelerated.zig`.
const has_second_copy = switch (builtin.cpu.arch) {
    .x86_64, .aarch64 => true,
    else => false,
};

/// Of that file: the same source, so the same state.
extern fn sarma_sha256_update(state: *anyopaque, bytes: [*]const u8, length: usize) void;

/// Asked each time: a few nanoseconds against the state it would need.
fn hasInstructions() bool {
    return switch (builtin.cpu.arch) {
        .x86_64 => hasShaAndAvx2(),
        .aarch64 => switch (builtin.os.tag) {
            .linux => std.os.linux.getauxval(std.elf.AT_HWCAP) & hwcap_sha2 != 0,
            .macos => true, // every Apple CPU of that architecture has them
            .windows => isProcessorFeaturePresent(arm_v8_crypto_instructions),
            else => false,
        },
        else => false,
    };
}

/// asm/hwcap.h of Linux for arm64.
const hwcap_sha2 = 1 << 6;

/// PF_ARM_V8_CRYPTO_INSTRUCTIONS_AVAILABLE of winnt.h.
const arm_v8_crypto_instructions = 30;
fn isProcessorFeaturePresent(feature: u32) bool {
    // KUSER_SHARED_DATA.ProcessorFeatures, at its fixed address.
    const features: [*]const volatile u8 = @ptrFromInt(0x7FFE0000 + 0x274);
    return features[feature] != 0;
}

/// Intel's manual, CPUID: SSSE3 1.ECX[9], SSE4.1 1.ECX[19], OSXSAVE 1.ECX[27], AVX 1.ECX[28],
/// AVX2 7.EBX[5], SHA 7.EBX[29]; XCR0[2:1]: the system saves the registers.
fn hasShaAndAvx2() bool {
    if (cpuid(0, 0).eax < 7) return false;
    const wanted_first: u32 = 1 << 9 | 1 << 19 | 1 << 27 | 1 << 28;
    if (cpuid(1, 0).ecx & wanted_first != wanted_first) return false;
    if (xcr0() & 6 != 6) return false;
    const wanted: u32 = 1 << 5 | 1 << 29;
    return cpuid(7, 0).ebx & wanted == wanted;
}

const Registers = struct { eax: u32, ebx: u32, ecx: u32 };

fn cpuid(leaf: u32, subleaf: u32) Registers {
    var eax: u32 = undefined;
    var ebx: u32 = undefined;
    var ecx: u32 = undefined;
    asm volatile ("cpuid"
        : [_] "={eax}" (eax),
          [_] "={ebx}" (ebx),
          [_] "={ecx}" (ecx),
        : [_] "{eax}" (leaf),
          [_] "{ecx}" (subleaf),
        : .{ .edx = true });
    return .{ .eax = eax, .ebx = ebx, .ecx = ecx };
}

fn xcr0() u32 {
    return asm volatile (
        \\ xor %%ecx, %%ecx
        \\ xgetbv
        : [_] "={eax}" (-> u32),
        :
        : .{ .edx = true, .ecx = true });
}

test "SHA-256 of a text, with and without the CPU's instructions" {
    const expected = "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";
    var plain: Digest = undefined;
    std.crypto.hash.sha2.Sha256.hash("abc", &plain, .{});
    try std.testing.expectEqualSlices(u8, expected, &plain);
    try std.testing.expectEqualSlices(u8, expected, &of("abc"));
    var hasher: Hasher = .init();
    for ([_][]const u8{ "a", "", "bc" }) |piece| hasher.update(piece);
    try std.testing.expectEqualSlices(u8, expected, &hasher.final());
}
