//! One LZMA stream, from memory to memory: docs/format.md, codec "lzma". What was decoded is the dictionary, so nothing but
//! the probabilities needs memory of its own. A module of its own, compiled for speed.

const std = @import("std");

/// Bytes behind the stream that must be readable; what they are does not matter. A symbol takes less.
pub const margin = 64;

/// Bytes of workspace that `decode` needs, aligned to 2.
pub const workspace_size = @sizeOf(Models) + literals_max * @sizeOf(Probability);

const Probability = u16;
const literals_max = 0x300 << 4;
const even: Probability = 1 << 10;

const states = 12;
const first_state_after_match = 7;
const position_states = 16;
const distance_states = 4;
const distance_slot_bits = 6;
const first_slot_with_model = 4;
const first_slot_with_direct_bits = 14;
const align_bits = 4;
const shortest_match = 2;
const end_marker = std.math.maxInt(u32);

const Lengths = struct {
    choice: [2]Probability,
    low: [position_states][8]Probability,
    middle: [position_states][8]Probability,
    high: [256]Probability,
};

/// The names are those of the LZMA specification.
const Models = struct {
    is_match: [states][position_states]Probability,
    is_rep: [states]Probability,
    is_rep_g0: [states]Probability,
    is_rep_g1: [states]Probability,
    is_rep_g2: [states]Probability,
    is_rep0_long: [states][position_states]Probability,
    distance_slots: [distance_states][1 << distance_slot_bits]Probability,
    /// Slot s begins at its base minus s.
    distances: [1 + 128 - first_slot_with_direct_bits]Probability,
    distance_aligns: [1 << align_bits]Probability,
    match_lengths: Lengths,
    rep_lengths: Lengths,
};

/// Fails unless `from` is exactly one stream, with its end marked, of `to.len` bytes. `from` and the `margin` bytes behind it
/// must be readable. `progress.add` is told how many bytes more are decoded, about every MiB.
pub fn decode(to: []u8, from: []const u8, workspace: []align(2) u8, progress: anytype) error{Damaged}!void {
    // Properties, the range coder's first byte (always 0) and its first four.
    if (from.len < 6 or from[1] != 0) return error.Damaged;
    const literal_context_bits = from[0] % 9;
    const literal_position_bits = from[0] / 9 % 5;
    const position_bits = from[0] / 45;
    if (position_bits > 4 or literal_context_bits + literal_position_bits > 4) return error.Damaged;
    const probabilities = std.mem.bytesAsSlice(Probability, workspace[0..workspace_size]);
    @memset(probabilities, even);
    var stream: Stream = .{
        .range = .{ .bytes = from.ptr, .at = 6, .code = std.mem.readInt(u32, from[2..6], .big) },
        .length = from.len,
        .models = @ptrCast(workspace.ptr),
        .literals = probabilities.ptr + @sizeOf(Models) / @sizeOf(Probability),
        .literal_context_bits = @intCast(literal_context_bits),
        .literal_position_mask = (@as(usize, 1) << @intCast(literal_position_bits)) - 1,
        .position_mask = (@as(usize, 1) << @intCast(position_bits)) - 1,
    };
    try stream.decode(to, progress);
}

const Range = struct {
    bytes: [*]const u8,
    at: usize,
    code: u32,
    size: u32 = std.math.maxInt(u32),

    inline fn normalize(range: *Range) void {
        if (range.size < 1 << 24) {
            range.size <<= 8;
            range.code = range.code << 8 | range.bytes[range.at];
            range.at += 1;
        }
    }

    inline fn bit(range: *Range, probability: *Probability) u1 {
        range.normalize();
        const bound = (range.size >> 11) * probability.*;
        if (range.code < bound) {
            range.size = bound;
            probability.* += ((1 << 11) - probability.*) >> 5;
            return 0;
        }
        range.size -= bound;
        range.code -= bound;
        probability.* -= probability.* >> 5;
        return 1;
    }

    /// The highest bit first; the probabilities of a tree lie at 1 and up.
    inline fn tree(range: *Range, comptime bits: u4, probabilities: *[1 << bits]Probability) u32 {
        var symbol: u32 = 1;
        inline for (0..bits) |_| symbol = symbol << 1 | range.bit(&probabilities[symbol]);
        return symbol - (1 << bits);
    }

    inline fn reverseTree(range: *Range, bits: u5, probabilities: [*]Probability) u32 {
        var symbol: u32 = 1;
        var value: u32 = 0;
        for (0..bits) |index| {
            const read = range.bit(&probabilities[symbol]);
            symbol = symbol << 1 | read;
            value |= @as(u32, read) << @intCast(index);
        }
        return value;
    }

    inline fn direct(range: *Range, count: u5) u32 {
        var value: u32 = 0;
        for (0..count) |_| {
            range.normalize();
            range.size >>= 1;
            const one = range.code >= range.size;
            if (one) range.code -= range.size;
            value = value << 1 | @intFromBool(one);
        }
        return value;
    }

    inline fn matchLength(range: *Range, lengths: *Lengths, position_state: usize) usize {
        if (range.bit(&lengths.choice[0]) == 0) return shortest_match + range.tree(3, &lengths.low[position_state]);
        if (range.bit(&lengths.choice[1]) == 0) return shortest_match + 8 + range.tree(3, &lengths.middle[position_state]);
        return shortest_match + 16 + range.tree(8, &lengths.high);
    }

    inline fn matchDistance(range: *Range, models: *Models, length: usize) u32 {
        const distance_state = @min(length - shortest_match, distance_states - 1);
        const slot = range.tree(distance_slot_bits, &models.distance_slots[distance_state]);
        if (slot < first_slot_with_model) return slot;
        const bits: u5 = @intCast((slot >> 1) - 1);
        const base = (2 | (slot & 1)) << bits;
        if (slot < first_slot_with_direct_bits) return base + range.reverseTree(bits, models.distances[base - slot ..].ptr);
        const high = range.direct(bits - align_bits) << align_bits;
        return base +% high +% range.reverseTree(align_bits, &models.distance_aligns);
    }
};

const Stream = struct {
    range: Range,
    length: usize,
    models: *Models,
    literals: [*]Probability,
    literal_context_bits: u3,
    literal_position_mask: usize,
    position_mask: usize,

    fn decode(stream: *Stream, to: []u8, progress: anytype) error{Damaged}!void {
        // The compiler keeps in registers what is a variable of its own.
        var range = stream.range;
        const models = stream.models;
        var state: usize = 0;
        var distances = [_]u32{0} ** 4;
        var done: usize = 0;
        var told: usize = 0;
        // At the end of each symbol, so that one has read at most the margin too much.
        while (range.at <= stream.length) {
            const position_state = done & stream.position_mask;
            if (range.bit(&models.is_match[state][position_state]) == 0) {
                if (done == to.len) return error.Damaged;
                const previous: usize = if (done > 0) to[done - 1] else 0;
                const context = previous >> @intCast(8 - @as(u4, stream.literal_context_bits));
                const number = ((done & stream.literal_position_mask) << stream.literal_context_bits) + context;
                const probabilities = stream.literals[0x300 * number ..][0..0x300];
                to[done] = if (state < first_state_after_match)
                    literal(&range, probabilities)
                else
                    literalAfterMatch(&range, probabilities, to[done - 1 - distances[0]]);
                done += 1;
                state = if (state < 4) 0 else if (state < 10) state - 3 else state - 6;
                continue;
            }
            const after_literal = state < first_state_after_match;
            var length: usize = 1;
            const repeated = range.bit(&models.is_rep[state]) == 1;
            if (repeated and isShort(&range, models, state, position_state, &distances)) {
                state = if (after_literal) 9 else 11;
            } else {
                length = range.matchLength(if (repeated) &models.rep_lengths else &models.match_lengths, position_state);
                state = if (repeated) (if (after_literal) 8 else 11) else if (after_literal) 7 else 10;
                if (!repeated) {
                    const distance = range.matchDistance(models, length);
                    const older = distances[0..3].*;
                    distances = .{ distance, older[0], older[1], older[2] };
                    if (distances[0] == end_marker) return stream.finish(&range, done == to.len);
                }
            }
            if (distances[0] >= done or length > to.len - done) return error.Damaged;
            repeat(to, done, @as(usize, distances[0]) + 1, length);
            done += length;
            if (done - told >= 1 << 20) {
                progress.add(done - told);
                told = done;
            }
        }
        return error.Damaged;
    }

    /// The range coder has to have come out even, and nothing may follow.
    fn finish(stream: *const Stream, range: *Range, complete: bool) error{Damaged}!void {
        range.normalize();
        if (!complete or range.code != 0 or range.at != stream.length) return error.Damaged;
    }
};

inline fn literal(range: *Range, probabilities: *[0x300]Probability) u8 {
    return @intCast(range.tree(8, probabilities[0..0x100]));
}

/// Bit by bit compared with the byte that the last match would have gone on with, until one differs.
inline fn literalAfterMatch(range: *Range, probabilities: *[0x300]Probability, expected: u8) u8 {
    var symbol: u32 = 1;
    var rest: u32 = expected;
    var same: u32 = 0x100;
    inline for (0..8) |_| {
        rest <<= 1;
        const match_bit = rest & same;
        const read = range.bit(&probabilities[same + match_bit + symbol]);
        symbol = symbol << 1 | read;
        same &= if (read == 1) rest else ~rest;
    }
    return @truncate(symbol);
}

/// Which of the last distances is meant, moved to the front; true: for one byte alone.
inline fn isShort(range: *Range, models: *Models, state: usize, position_state: usize, distances: *[4]u32) bool {
    if (range.bit(&models.is_rep_g0[state]) == 0) return range.bit(&models.is_rep0_long[state][position_state]) == 0;
    const old = distances.*;
    if (range.bit(&models.is_rep_g1[state]) == 0) {
        distances.* = .{ old[1], old[0], old[2], old[3] };
    } else if (range.bit(&models.is_rep_g2[state]) == 0) {
        distances.* = .{ old[2], old[0], old[1], old[3] };
    } else {
        distances.* = .{ old[3], old[0], old[1], old[2] };
    }
    return false;
}

/// Source and destination overlap where the distance is shorter than the length: then what was just written is repeated.
inline fn repeat(to: []u8, at: usize, distance: usize, length: usize) void {
    const from = at - distance;
    const piece = 16;
    // Whole pieces are faster, and what they write too much is written again, where there is room for it.
    if (distance >= piece and to.len - at >= length + piece) {
        var done: usize = 0;
        while (done < length) : (done += piece) to[at + done ..][0..piece].* = to[from + done ..][0..piece].*;
    } else {
        for (0..length) |index| to[at + index] = to[from + index];
    }
}

const sample = struct {
    const text = "a rose is a rose is a rose is a rose; " ++ "x" ** 300 ++ " a rose is not a nose, a hose is, and xxxx";
    /// What liblzma makes of it with lc 3, lp 0, pb 2.
    const stream = [_]u8{
        0x5d, 0x00, 0x30, 0x88, 0x0a, 0x47, 0x34, 0x34, 0x02, 0x62, 0x8f, 0x78, 0x33, 0x3e, 0x98, 0x82, 0xef, 0xd6,
        0x5b, 0x1c, 0x03, 0x20, 0x2e, 0x64, 0x99, 0xde, 0x00, 0xe0, 0x9f, 0x93, 0xc6, 0x74, 0xb9, 0x36, 0x14, 0xf7,
        0x4b, 0xd8, 0x46, 0xee, 0x2e, 0xe4, 0xb6, 0x02, 0xa6, 0xf7, 0x8b, 0x82, 0xff, 0x37, 0xb2, 0x09, 0x00,
    };
};

/// In memory of exactly the sizes that the stub would have, where only the margin is more.
fn decodeSample(to: []u8, from: []const u8) !void {
    const padded = try std.testing.allocator.alloc(u8, from.len + margin);
    defer std.testing.allocator.free(padded);
    @memcpy(padded[0..from.len], from);
    const workspace = try std.testing.allocator.alignedAlloc(u8, .@"2", workspace_size);
    defer std.testing.allocator.free(workspace);
    try decode(to, padded[0..from.len], workspace, Nobody{});
}

const Nobody = struct {
    fn add(_: Nobody, _: usize) void {}
};

test "a stream gives back its text" {
    var text: [sample.text.len]u8 = undefined;
    try decodeSample(&text, &sample.stream);
    try std.testing.expectEqualStrings(sample.text, &text);
}

test "a text that is shorter or longer than the manifest says is damaged" {
    var text: [sample.text.len + 1]u8 = undefined;
    for ([_]usize{ 0, 1, sample.text.len - 1, sample.text.len + 1 }) |size| {
        try std.testing.expectError(error.Damaged, decodeSample(text[0..size], &sample.stream));
    }
}

test "a stream that is cut off, or followed by something, is damaged" {
    var text: [sample.text.len]u8 = undefined;
    for (0..sample.stream.len) |length| {
        try std.testing.expectError(error.Damaged, decodeSample(&text, sample.stream[0..length]));
    }
    try std.testing.expectError(error.Damaged, decodeSample(&text, &(sample.stream ++ [_]u8{0})));
}

test "whatever the stream is, it is decoded or damaged, and nothing else is touched" {
    var random: std.Random.DefaultPrng = .init(1);
    for (0..20_000) |round| {
        var stream = sample.stream;
        for (0..1 + round % 4) |_| {
            stream[random.random().uintLessThan(usize, stream.len)] = random.random().int(u8);
        }
        if (round % 5 == 0) random.random().bytes(stream[2..]);
        var text: [sample.text.len]u8 = undefined;
        decodeSample(&text, &stream) catch |err| try std.testing.expectEqual(error.Damaged, err);
    }
}

test "nothing is read behind the margin" {
    if (@import("builtin").os.tag != .linux) return error.SkipZigTest;
    const page = 64 << 10;
    const memory = try std.posix.mmap(null, 2 * page, .{ .READ = true, .WRITE = true }, .{ .TYPE = .PRIVATE, .ANONYMOUS = true }, -1, 0);
    defer std.posix.munmap(memory);
    try std.testing.expectEqual(0, std.os.linux.mprotect(memory[page..].ptr, page, .{}));
    const workspace = try std.testing.allocator.alignedAlloc(u8, .@"2", workspace_size);
    defer std.testing.allocator.free(workspace);
    const text = try std.testing.allocator.alloc(u8, 1 << 20);
    defer std.testing.allocator.free(text);
    // Zeros are literals for as long as they are read, and a margin of them goes on as the stream began.
    for (6..300) |length| {
        const stream = memory[page - margin - length ..][0..length];
        try std.testing.expectError(error.Damaged, decode(text, stream, workspace, Nobody{}));
    }
}
