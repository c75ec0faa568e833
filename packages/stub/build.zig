//! Builds the stub and the launcher of every target in targets.json: `zig build`, or `zig build -Dtarget-name=linux-x64`.
//! The results lie in zig-out/<target>/{stub,launcher} (stub.exe, launcher.exe). `zig build test` runs the unit tests here.

const std = @import("std");

/// Rows without a triple are made of the others.
const Target = struct { zig: ?[]const u8 = null, libc: []const u8 = "" };

pub fn build(b: *std.Build) !void {
    const only = b.option([]const u8, "target-name", "one target of targets.json instead of all");
    const zstd = b.option([]const u8, "zstd", "the lib folder of the zstd sources") orelse
        "../../node_modules/zstd-napi/deps/zstd/lib";
    if (b.option([]const u8, "liblzma", "the src folder of the xz sources, for zig-out/lzma.wasm")) |sources| installLzmaCoder(b, sources);
    const io = b.graph.io;
    const text = try b.build_root.handle.readFileAlloc(io, "../wrapper/src/targets.json", b.allocator, .limited(1 << 20));
    const targets = try std.json.parseFromSliceLeaky(std.json.ArrayHashMap(Target), b.allocator, text, .{ .ignore_unknown_fields = true });

    for (targets.map.keys(), targets.map.values()) |name, target| {
        if (only != null and !std.mem.eql(u8, only.?, name)) continue;
        // Static programs run beside any C library: the row without -musl has them.
        if (std.mem.eql(u8, target.libc, "musl")) continue;
        const query = try queryOf(target.zig orelse continue);
        const resolved = b.resolveTargetQuery(query);
        const stub = b.addExecutable(.{ .name = "stub", .root_module = module(b, query, .{ .optimize = .ReleaseSmall, .zstd = zstd }) });
        // Room for the load command of the payload's segment.
        stub.headerpad_size = 4096;
        install(b, stub, name);
        install(b, b.addExecutable(.{ .name = "launcher", .root_module = plainModule(b, resolved, "src/launcher.zig", .ReleaseSmall) }), name);
    }

    // Of another system where that is asked for: `zig build test -Dtarget-name=win-x64 -fwine`.
    const query: std.Target.Query = if (only) |name| try queryOf(targets.map.get(name).?.zig.?) else .{};
    const tested_target = b.resolveTargetQuery(query);
    const test_step = b.step("test", "run the unit tests");
    for ([_]*std.Build.Module{
        module(b, query, .{ .optimize = .Debug, .zstd = zstd }),
        branchFilter(b, tested_target, .Debug),
        lzma(b, tested_target, .Debug),
        plainModule(b, tested_target, "src/launcher.zig", .Debug),
    }) |tested| {
        test_step.dependOn(&b.addRunArtifact(b.addTest(.{ .root_module = tested })).step);
    }
    if (tested_target.result.os.tag == .linux) try addFuzzers(b, test_step, query, zstd);
    if (tested_target.result.cpu.arch == .x86_64) {
        test_step.dependOn(&b.addRunArtifact(b.addTest(.{ .root_module = calledByCompiler(b, tested_target, .ReleaseSafe) })).step);
    }
}

fn queryOf(triple: []const u8) !std.Target.Query {
    var query: std.Target.Query = try .parse(.{ .arch_os_abi = triple });
    // The oldest with a floating-point unit: it starts there, and says that the runtime would not.
    if (query.cpu_arch == .arm) query.cpu_model = .{ .explicit = &std.Target.arm.cpu.arm1176jzf_s };
    return query;
}

fn install(b: *std.Build, program: *std.Build.Step.Compile, directory: []const u8) void {
    // Zig's start code on Linux raises the soft stack limit to what is asked for here, and the program would inherit it. The
    // system gives a main thread what the limit says, whatever is asked for.
    program.stack_size = if (program.rootModuleTarget().os.tag == .linux) 0 else 1 << 20;
    program.link_gc_sections = true;
    program.build_id = .none;
    const installed = b.addInstallArtifact(program, .{
        .dest_dir = .{ .override = .{ .custom = directory } },
        .pdb_dir = .disabled,
        .implib_dir = .disabled,
    });
    b.getInstallStep().dependOn(&installed.step);
}

/// With no library but libSystem on macOS.
fn plainModule(b: *std.Build, target: std.Build.ResolvedTarget, source: []const u8, optimize: std.builtin.OptimizeMode) *std.Build.Module {
    const release = optimize != .Debug;
    const plain = b.createModule(.{
        .root_source_file = b.path(source),
        .target = target,
        .optimize = optimize,
        .strip = release,
        .unwind_tables = if (release) .none else null,
        .error_tracing = if (release) false else null,
        .omit_frame_pointer = release,
        .stack_check = if (release) false else null,
        .stack_protector = false,
        .link_libc = target.result.os.tag == .macos,
    });
    if (release and target.result.os.tag == .windows and target.result.cpu.arch == .x86_64) {
        plain.addObject(b.addObject(.{ .name = "windows_x64", .root_module = calledByCompiler(b, target, .ReleaseSmall) }));
    }
    return plain;
}

/// Functions that must not be compiled to calls of themselves.
fn calledByCompiler(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.OptimizeMode) *std.Build.Module {
    const called = bareModule(b, target, "src/windows_x64.zig", optimize);
    called.no_builtin = true;
    return called;
}

/// For an object that is linked into a program: functions, and nothing that they would need at run time.
fn bareModule(b: *std.Build, target: std.Build.ResolvedTarget, source: []const u8, optimize: std.builtin.OptimizeMode) *std.Build.Module {
    return b.createModule(.{
        .root_source_file = b.path(source),
        .target = target,
        .optimize = optimize,
        .strip = true,
        .unwind_tables = .none,
        .single_threaded = true,
        .stack_check = false,
        .stack_protector = false,
        .omit_frame_pointer = true,
    });
}

const Options = struct {
    source: []const u8 = "src/main.zig",
    optimize: std.builtin.OptimizeMode,
    /// The lib folder of its sources.
    zstd: []const u8,
    /// For C, besides those that are always there.
    flags: []const []const u8 = &.{},
};

fn module(b: *std.Build, query: std.Target.Query, options: Options) *std.Build.Module {
    const target = b.resolveTargetQuery(query);
    const inner = if (options.optimize == .ReleaseSmall) .ReleaseFast else options.optimize;
    const root = plainModule(b, target, options.source, options.optimize);
    root.addImport("branch_filter", branchFilter(b, target, inner));
    root.addImport("lzma", lzma(b, target, inner));
    addDecoder(b, root, target, &options);
    if (acceleratedQuery(target.result.cpu.arch, query)) |accelerated| {
        const object = b.addObject(.{ .name = "sha256_accelerated", .root_module = bareModule(b, b.resolveTargetQuery(accelerated), "src/sha256_accelerated.zig", .ReleaseFast) });
        object.bundle_compiler_rt = false;
        root.addObject(object);
    }
    return root;
}

/// `zig build test` runs fuzz/corpus through fuzz.zig. `zig build fuzz` makes zig-out/fuzz/{safe,release} for
/// AFL++: with every check that Zig has, and as the stub is built.
fn addFuzzers(b: *std.Build, test_step: *std.Build.Step, query: std.Target.Query, zstd: []const u8) !void {
    const plain = fuzzer(b, query, .Debug, zstd, false);
    var corpus = try b.build_root.handle.openDir(b.graph.io, "fuzz/corpus", .{ .iterate = true });
    defer corpus.close(b.graph.io);
    var folders = corpus.iterate();
    while (try folders.next(b.graph.io)) |folder| {
        const run = b.addRunArtifact(plain);
        run.addArg(folder.name);
        run.setCwd(b.path(".zig-cache"));
        var inputs = try corpus.openDir(b.graph.io, folder.name, .{ .iterate = true });
        defer inputs.close(b.graph.io);
        var names = inputs.iterate();
        while (try names.next(b.graph.io)) |input| run.addFileArg(b.path(b.fmt("fuzz/corpus/{s}/{s}", .{ folder.name, input.name })));
        test_step.dependOn(&run.step);
    }
    const step = b.step("fuzz", "build what AFL++ runs");
    for ([_]std.builtin.OptimizeMode{ .ReleaseSafe, .ReleaseSmall }, [_][]const u8{ "fuzz/safe", "fuzz/release" }) |optimize, name| {
        const built = fuzzer(b, query, optimize, zstd, true);
        step.dependOn(&b.addInstallArtifact(built, .{ .dest_dir = .{ .override = .prefix }, .dest_sub_path = name }).step);
    }
}

fn fuzzer(b: *std.Build, query: std.Target.Query, optimize: std.builtin.OptimizeMode, zstd: []const u8, instrumented: bool) *std.Build.Step.Compile {
    const root = module(b, query, .{
        .source = "fuzz.zig",
        .optimize = optimize,
        .zstd = zstd,
        .flags = if (instrumented) &.{"-fsanitize-coverage=trace-pc-guard,trace-cmp"} else &.{},
    });
    const options = b.addOptions();
    options.addOption(bool, "instrumented", instrumented);
    root.addOptions("options", options);
    const program = b.addExecutable(.{ .name = "fuzz", .root_module = root, .use_llvm = true, .use_lld = true });
    if (instrumented) root.addCSourceFile(.{ .file = b.path("fuzz/lowest_stack.c") });
    program.sanitize_coverage_trace_pc_guard = instrumented;
    return program;
}

fn branchFilter(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.OptimizeMode) *std.Build.Module {
    return b.createModule(.{ .root_source_file = b.path("src/branch_filter.zig"), .target = target, .optimize = optimize });
}

fn lzma(b: *std.Build, target: std.Build.ResolvedTarget, optimize: std.builtin.OptimizeMode) *std.Build.Module {
    return b.createModule(.{ .root_source_file = b.path("src/lzma.zig"), .target = target, .optimize = optimize });
}

/// What the wrapper encodes with (src/lzma/coder.c), for every host the same: liblzma without threads, containers and checks.
fn installLzmaCoder(b: *std.Build, sources: []const u8) void {
    const target = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .wasi });
    const coder = b.addExecutable(.{
        .name = "lzma",
        .root_module = b.createModule(.{ .target = target, .optimize = .ReleaseFast, .strip = true, .link_libc = true }),
    });
    coder.wasi_exec_model = .reactor;
    const root = b.path(sources);
    const flags: []const []const u8 = &.{
        "-std=gnu11",          "-fno-sanitize=all", "-w",                           "-DNDEBUG",                       "-DHAVE_STDBOOL_H",
        "-DHAVE__BOOL",        "-DHAVE_STDINT_H",   "-DHAVE_INTTYPES_H",            "-DHAVE_LIMITS_H",                "-DHAVE_STRING_H",
        "-DHAVE_VISIBILITY=0", "-DHAVE_ENCODERS",   "-DHAVE_DECODERS",              "-DHAVE_ENCODER_LZMA1",           "-DHAVE_DECODER_LZMA1",
        "-DHAVE_MF_BT4",       "-DSIZEOF_SIZE_T=4", "-DTUKLIB_SYMBOL_PREFIX=lzma_",
        // Compares four bytes at a time, which finds the same matches.
        "-DTUKLIB_FAST_UNALIGNED_ACCESS",
        // That header is about threads and wants signals, which WebAssembly does not have.
        "-DMYTHREAD_H",
    };
    for ([_][]const u8{ "common", "liblzma/api", "liblzma/common", "liblzma/lz", "liblzma/lzma", "liblzma/rangecoder", "liblzma/check", "liblzma/delta", "liblzma/simple" }) |folder| {
        coder.root_module.addIncludePath(root.path(b, folder));
    }
    coder.root_module.addCSourceFile(.{ .file = b.path("src/lzma/coder.c"), .flags = flags });
    coder.root_module.addCSourceFiles(.{ .root = root.path(b, "liblzma"), .flags = flags, .files = &.{
        "common/common.c",                  "common/filter_common.c",
        "common/filter_encoder.c",          "common/filter_decoder.c",
        "lz/lz_encoder.c",                  "lz/lz_encoder_mf.c",
        "lz/lz_decoder.c",                  "lzma/lzma_encoder.c",
        "lzma/lzma_encoder_optimum_fast.c", "lzma/lzma_encoder_optimum_normal.c",
        "lzma/lzma_encoder_presets.c",      "lzma/lzma_decoder.c",
        "lzma/fastpos_table.c",             "rangecoder/price_table.c",
        "check/crc32_table.c",
    } });
    b.getInstallStep().dependOn(&b.addInstallArtifact(coder, .{ .dest_dir = .{ .override = .prefix } }).step);
}

/// -O3 was measured best, and makes more of it than a stub has room for where instructions are long or registers few. The assembly
/// is for x86-64 with its System V calling convention.
fn addDecoder(b: *std.Build, root: *std.Build.Module, target: std.Build.ResolvedTarget, options: *const Options) void {
    const assembly = target.result.cpu.arch == .x86_64 and target.result.os.tag != .windows;
    const level = switch (target.result.cpu.arch) {
        .s390x, .x86 => "-Os",
        else => "-O3",
    };
    const flags: []const []const u8 = &.{
        level,
        "-std=gnu11",
        "-fno-sanitize=all",
        "-fno-stack-protector",
        "-fno-asynchronous-unwind-tables",
        "-w",
        // Without the assembly a second copy of every loop for BMI2 gains 3 % and costs 40 KB.
        if (assembly) "-DDYNAMIC_BMI2=1" else "-DDYNAMIC_BMI2=0",
        if (assembly) "-UZSTD_DISABLE_ASM" else "-DZSTD_DISABLE_ASM=1",
        // Matches lie megabytes back, in memory that no cache holds. zstd itself fetches them ahead beyond 16 MB only.
        "-DZSTD_FORCE_DECOMPRESS_SEQUENCES_LONG=1",
        // What nobody calls is dropped one by one.
        "-ffunction-sections",
        "-fdata-sections",
        // Clang's emmintrin.h would want the C library's malloc.h for functions that nobody calls.
        "-D__MM_MALLOC_H",
    };
    const library = b.path(options.zstd);
    root.addIncludePath(b.path("src/zstd/include"));
    root.addIncludePath(library);
    root.addCSourceFile(.{ .file = b.path("src/zstd/decoder.c"), .flags = std.mem.concat(b.allocator, []const u8, &.{ flags, options.flags }) catch @panic("OOM") });
    if (assembly) root.addCSourceFile(.{ .file = library.path(b, "decompress/huf_decompress_amd64.S"), .flags = flags });
}

/// The CPU features for the second copy of SHA-256, chosen at run time (sha256.zig).
fn acceleratedQuery(arch: std.Target.Cpu.Arch, query: std.Target.Query) ?std.Target.Query {
    var accelerated = query;
    switch (arch) {
        .x86_64 => accelerated.cpu_features_add = std.Target.x86.featureSet(&.{ .sha, .avx2 }),
        .aarch64 => accelerated.cpu_features_add = std.Target.aarch64.featureSet(&.{ .sha2, .neon }),
        else => return null,
    }
    return accelerated;
}
