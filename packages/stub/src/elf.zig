//! The symbol versions that a shared library defines: System V ABI, and "Symbol Versioning" of the Linux Standard Base.

const std = @import("std");
const builtin = @import("builtin");
const os = @import("os.zig");
const Allocator = std.mem.Allocator;
const elf = std.elf;

/// Offsets that are read from a file are added so that they stay beyond it where they are beyond it.
const offset_max = 1 << 40;
const versions_max = 1024;
const dynamic_max = 1024;

/// null if there is no such file, or it is not one for this CPU. Some hundred small reads: the tables are a few
/// kilobytes of what may be many megabytes.
pub fn definedVersions(arena: Allocator, path: [:0]const u8) Allocator.Error!?[]const []const u8 {
    const file = os.openRead(os.cwd, path) catch return null;
    defer os.close(file);
    const image: Image = .{ .file = file };
    return image.versions(arena);
}

const Image = struct {
    file: os.Handle,

    fn versions(image: Image, arena: Allocator) Allocator.Error!?[]const []const u8 {
        const header = image.at(elf.Ehdr, 0) orelse return null;
        if (!std.mem.eql(u8, header.e_ident[0..4], elf.MAGIC)) return null;
        const class: u8 = if (@sizeOf(usize) == 8) elf.ELFCLASS64 else elf.ELFCLASS32;
        if (header.e_ident[elf.EI.CLASS] != class or header.e_machine != builtin.target.toElfMachine()) return null;
        const found = image.dynamic(&header) orelse return &.{};
        return try image.read(arena, found);
    }

    const Dynamic = struct { definitions: usize, count: usize, strings: usize };

    fn dynamic(image: Image, header: *const elf.Ehdr) ?Dynamic {
        var found: Dynamic = .{ .definitions = 0, .count = 0, .strings = 0 };
        for (0..header.e_phnum) |number| {
            const segment = image.at(elf.Phdr, header.e_phoff +| number * @sizeOf(elf.Phdr)) orelse return null;
            if (segment.p_type != elf.PT_DYNAMIC) continue;
            const count = @min(segment.p_filesz / @sizeOf(elf.Dyn), dynamic_max);
            for (0..count) |index| {
                const entry = image.at(elf.Dyn, segment.p_offset +| index * @sizeOf(elf.Dyn)) orelse return null;
                switch (@as(u64, @bitCast(@as(i64, entry.d_tag)))) {
                    elf.DT_VERDEF => found.definitions = image.offsetOf(header, entry.d_val) orelse return null,
                    elf.DT_VERDEFNUM => found.count = @min(entry.d_val, versions_max),
                    elf.DT_STRTAB => found.strings = image.offsetOf(header, entry.d_val) orelse return null,
                    else => {},
                }
            }
            return found;
        }
        return null;
    }

    /// From a virtual address to a place in the file.
    fn offsetOf(image: Image, header: *const elf.Ehdr, address: usize) ?usize {
        for (0..header.e_phnum) |number| {
            const segment = image.at(elf.Phdr, header.e_phoff +| number * @sizeOf(elf.Phdr)) orelse return null;
            if (segment.p_type != elf.PT_LOAD) continue;
            if (address >= segment.p_vaddr and address - segment.p_vaddr < segment.p_filesz) return address - segment.p_vaddr +| segment.p_offset;
        }
        return null;
    }

    fn read(image: Image, arena: Allocator, found: Dynamic) Allocator.Error![]const []const u8 {
        var names: std.ArrayList([]const u8) = .empty;
        var offset: u64 = found.definitions;
        for (0..found.count) |_| {
            const definition = image.at(Definition, offset) orelse break;
            const name = image.at(Name, offset +| definition.names) orelse break;
            try names.append(arena, try image.string(arena, @as(u64, found.strings) +| name.string));
            if (definition.next == 0) break;
            offset +|= definition.next;
        }
        return names.items;
    }

    /// No version's name is as long as the buffer.
    fn string(image: Image, arena: Allocator, offset: u64) Allocator.Error![]const u8 {
        var buffer: [128]u8 = undefined;
        const length = if (offset > offset_max) 0 else os.pread(image.file, &buffer, offset) catch 0;
        return arena.dupe(u8, buffer[0 .. std.mem.indexOfScalar(u8, buffer[0..length], 0) orelse 0]);
    }

    fn at(image: Image, comptime T: type, offset: u64) ?T {
        var value: T = undefined;
        const bytes = std.mem.asBytes(&value);
        if (offset > offset_max) return null;
        const length = os.pread(image.file, bytes, offset) catch return null;
        return if (length == bytes.len) value else null;
    }
};

/// `Elfxx_Verdef` and `Elfxx_Verdaux`, the same for both classes.
const Definition = extern struct { version: u16, flags: u16, index: u16, count: u16, hash: u32, names: u32, next: u32 };
const Name = extern struct { string: u32, next: u32 };
