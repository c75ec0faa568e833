import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zig } from '../../../../scripts/zig.ts';

/** Sources that need no header and no C library, so that they compile at once for every target. */
const SOURCES = {
  /** An addon that Node finds by the name of its function. */
  'node-api': 'void *napi_register_module_v1(void *env, void *exports) { return exports; }',
  /** One that is only known by what it takes from Node: it registers itself. */
  'node-api-import': `
    void napi_module_register(void *module);
    __attribute__((constructor)) void begin(void) { napi_module_register(0); }`,
  /** An addon for one version of Node, as NODE_MODULE_INIT of <node.h> makes it. */
  'modules-symbol': `
    #define JOIN(a, b) a##b
    #define NAMED(v) JOIN(node_register_module_v, v)
    void NAMED(VERSION)(void *exports, void *module, void *context) {}`,
  /** And as NODE_MODULE makes it: the version lies in a structure, of which nothing is exported. */
  'modules-structure': `
    struct node_module {
      int nm_version; unsigned nm_flags; void *nm_dso_handle; const char *nm_filename;
      void (*nm_register_func)(void *, void *, void *); void *nm_context_register_func;
      const char *nm_modname; void *nm_priv; struct node_module *nm_link;
    };
    void node_module_register(void *module);
    static void initialize(void *exports, void *module, void *priv) {}
    static struct node_module module = { VERSION, 0, 0, "../src/addon.cc", initialize, 0, "addon", 0, 0 };
    __attribute__((constructor)) void begin(void) { node_module_register(&module); }`,
  /** A library that asks for GLIBC_2.33, of the kind that VERSION says. */
  library: 'int puts(const char *text); int greet(void) { return puts("hello"); }',
  program: 'void _start(void) {} void begin(void) {} void start(void) __asm__("start"); void start(void) {}',
} as const;

/** What the C library of each kind is called, and what versions its symbols have. */
const C_LIBRARIES = {
  glibc: { name: 'libc.so.6', versions: 'GLIBC_2.33 { global: puts; };' },
  musl: { name: 'libc.so', versions: undefined },
} as const;

export interface Sample {
  readonly kind: keyof typeof SOURCES;
  /** For Zig. */
  readonly target: string;
  /** NODE_MODULE_VERSION. */
  readonly version?: number;
  /** A C library that is needed, or none. */
  readonly libc?: keyof typeof C_LIBRARIES;
}

/** Compiles a native file and returns its bytes. */
export function nativeSample({ kind, target, version = 137, libc }: Sample): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'sarma-native-'));
  try {
    const cc = (...args: readonly string[]) =>
      execFileSync(process.execPath, [zig, 'cc', '-target', target, '-nostdlib', ...args], {
        cwd: directory,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    const libraries = [];
    if (target.includes('windows')) libraries.push(importNode(directory, target));
    if (libc !== undefined) libraries.push(compileLibc(directory, libc, cc));
    writeFileSync(join(directory, 'source.c'), SOURCES[kind]);
    const shared = kind === 'program' ? ['-static'] : ['-shared', '-fPIC', '-Wl,-undefined,dynamic_lookup'];
    const entry = target.includes('windows') ? ['-Wl,-e,begin'] : [];
    cc(...shared, ...entry, `-DVERSION=${version}`, '-o', 'sample', 'source.c', ...libraries);
    return readFileSync(join(directory, 'sample'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What node.exe gives, as a linker for Windows wants to be told. */
function importNode(directory: string, target: string): string {
  const machine = { x86_64: 'i386:x86-64', aarch64: 'arm64', x86: 'i386' }[target.split('-')[0]!]!;
  writeFileSync(
    join(directory, 'node.def'),
    'NAME node.exe\nEXPORTS\nnode_module_register\nnapi_module_register\n',
  );
  execFileSync(process.execPath, [zig, 'dlltool', '-d', 'node.def', '-l', 'node.lib', '-m', machine], {
    cwd: directory,
  });
  return './node.lib';
}

function compileLibc(
  directory: string,
  libc: keyof typeof C_LIBRARIES,
  cc: (...args: readonly string[]) => unknown,
): string {
  const { name, versions } = C_LIBRARIES[libc];
  writeFileSync(join(directory, 'libc.c'), 'int puts(const char *text) { return 0; }');
  const script = versions === undefined ? [] : ['-Wl,--version-script=libc.map'];
  if (versions !== undefined) writeFileSync(join(directory, 'libc.map'), versions);
  cc('-shared', '-fPIC', `-Wl,-soname,${name}`, ...script, '-o', name, 'libc.c');
  return `./${name}`;
}
