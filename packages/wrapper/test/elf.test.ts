import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { zig } from '../../../scripts/zig.ts';
import { dropSymbols, embed, requirements } from '../src/executables/elf.ts';
import { assemble, compileStub, STAMP_MAGIC } from './support/compile-stub.ts';
import { hasTool } from './support/tools.ts';

const directory = mkdtempSync(join(tmpdir(), 'sarma-elf-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Static Linux targets of both classes and byte orders, and what runs them on another CPU. */
const TARGETS = [
  ['x86_64-linux-musl', 'x64', 'qemu-x86_64-static'],
  ['aarch64-linux-musl', 'arm64', 'qemu-aarch64-static'],
  ['arm-linux-musleabihf', 'arm', 'qemu-arm-static'],
  ['powerpc64le-linux-musl', 'ppc64', 'qemu-ppc64le-static'],
  ['s390x-linux-musl', 's390x', 'qemu-s390x-static'],
].map(([target, cpu, emulator]) => ({
  target: target!,
  native: process.arch === cpu,
  emulator: emulator!,
}));
const llvm = hasTool('llvm-readelf') && hasTool('llvm-strip') && hasTool('llvm-objcopy');

const payload = Buffer.alloc(100_001, 'the payload of a test ');

describe('dropping symbols of the running Node', () => {
  const official = readFileSync(process.execPath);
  const file = dropSymbols(official);
  writeFileSync(join(directory, 'node'), file, { mode: 0o755 });
  const node = (...args: string[]) =>
    execFileSync(join(directory, 'node'), args, { encoding: 'utf8', cwd: directory, stdio: 'pipe' });

  test.skipIf(!llvm)('what is loaded stays byte for byte at its place', () => {
    const segments = (name: string) => readelf('-lW', name).match(/^ +[A-Z_]+ +0x.*$/gm)!;
    expect(segments('node')).toEqual(segments(process.execPath));
    const ends = segments('node').map((line) => {
      const [, offset, , , size] = line.trim().split(/ +/);
      return Number(offset) + Number(size);
    });
    const end = Math.max(...ends);
    // The ELF header says where the section table is; nothing else differs.
    expect(file.subarray(64, end).equals(official.subarray(64, end))).toBe(true);
  });

  test.skipIf(!llvm)('symbol table and debugging sections are gone, everything else is there', () => {
    const [before, after] = [sectionNames(process.execPath), sectionNames('node')];
    const gone = before.filter((name) => !after.includes(name));
    expect(gone.filter((name) => !name.startsWith('.debug_'))).toEqual(['.symtab', '.strtab']);
    expect(after).toEqual(before.filter((name) => !gone.includes(name)));
    expect(official.length - file.length).toBeGreaterThan(10_000_000);
  });

  test.skipIf(!llvm)('readelf has nothing to complain about, and finds the same dynamic symbols', () => {
    const symbols = (name: string) => readelf('--dyn-syms', name).replace(/^File:.*/m, '');
    expect(symbols('node')).toBe(symbols(process.execPath));
    const { stderr, status } = spawnSync('llvm-readelf', ['-hlSdnV', 'node'], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  });

  test('it runs, writes reports and can be inspected', () => {
    expect(node('-p', 'process.version')).toBe(`${process.version}\n`);
    const report = JSON.parse(node('-p', 'JSON.stringify(process.report.getReport())'));
    expect(report.header.nodejsVersion).toBe(process.version);
    expect(report.nativeStack[0].symbol).toMatch(/^node::GetNodeReport/);
    expect(node('--inspect=0', '-p', 'require("node:inspector").url()')).toMatch(/^ws:/);
  });

  test('it loads addons', () => {
    // The declarations that <node_api.h> has of these.
    const source = `
      typedef void *napi_env, *napi_value;
      int napi_create_uint32(napi_env, unsigned, napi_value *);
      napi_value napi_register_module_v1(napi_env env, napi_value exports) {
        napi_create_uint32(env, 42, &exports);
        return exports;
      }`;
    writeFileSync(join(directory, 'addon.c'), source);
    const compile = [
      'cc',
      '-shared',
      '-nostdlib',
      '-fPIC',
      '-Wl,-undefined,dynamic_lookup',
      '-o',
      'addon.node',
      'addon.c',
    ];
    execFileSync(process.execPath, [zig, ...compile], { cwd: directory, stdio: 'pipe' });
    expect(node('-p', 'require("./addon.node")')).toBe('42\n');
  });

  test('what it asks of the host is unchanged, and names the C library it was built for', () => {
    expect(requirements(file)).toEqual(requirements(official));
    const { interpreter, libraries } = requirements(file);
    expect(interpreter).toMatch(/^\/lib.*\/ld-linux/);
    const [libc] = libraries.filter(({ name }) => name === 'libc.so.6');
    expect(libc!.versions).toContain('GLIBC_2.28');
  });

  test.skipIf(!llvm)('it asks for the libraries and versions that readelf finds', () => {
    const { libraries } = requirements(file);
    expect(libraries.map(({ name }) => name)).toEqual(
      [...readelf('-d', 'node').matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name).sort(),
    );
    const needed = readelf('-V', 'node').match(/Name: \S+ +Flags/g)!;
    expect(libraries.flatMap(({ versions }) => versions).length).toBe(needed.length);
  });

  test('a file without symbols is left as it is', () => {
    expect(dropSymbols(file)).toBe(file);
  });
});

describe.each(TARGETS)('$target', ({ target, native, emulator }) => {
  const runs = native || hasTool(emulator);
  const run = (name: string) =>
    native ? spawnSync(join(directory, name)).status : spawnSync(emulator, [name], { cwd: directory }).status;
  const withSymbols = compileStub(target, '-fno-strip');
  const stub = compileStub(target, '-fstrip');

  test.skipIf(!runs)('a program runs without its symbols', () => {
    const file = dropSymbols(withSymbols);
    writeFileSync(join(directory, 'program'), stamped(file), { mode: 0o755 });
    expect(run('program')).toBe(42);
    for (const name of ['.symtab', '.debug_info']) {
      expect(withSymbols.includes(`${name}\0`)).toBe(true);
      expect(file.includes(`${name}\0`)).toBe(false);
    }
  });

  test.skipIf(!runs).each([
    ['a stub', stub],
    ['a stub with symbols', withSymbols],
    ['a stub without section table', withoutSections(stub)],
  ])('%s runs with a payload behind it, and keeps it when it is stripped', (_, stub) => {
    const embedding = embed(stub, payload.length);
    const file = assemble(stub, payload, embedding);
    const stampOffset = stub.indexOf(STAMP_MAGIC);
    for (const rewrite of rewriters(native)) {
      writeFileSync(join(directory, 'executable'), file, { mode: 0o755 });
      rewrite();
      const result = readFileSync(join(directory, 'executable'));
      expect(result.indexOf(payload)).toBe(embedding.payloadOffset);
      expect(result.indexOf(STAMP_MAGIC)).toBe(stampOffset);
      expect(result[stampOffset + 20]).toBe(42);
      expect(run('executable')).toBe(42);
      if (llvm) expect(readelf('-SlW', 'executable')).toContain('.gnu.warning.sarma');
    }
  });

  test('a static program asks for nothing', () => {
    expect(requirements(stub)).toEqual({ interpreter: null, libraries: [] });
  });
});

test('what is no ELF file, or is cut off, is refused', () => {
  const stub = compileStub('x86_64-linux-musl', '-fstrip');
  const broken = [
    Buffer.alloc(0),
    Buffer.from('#!/bin/sh\n'.repeat(9)),
    stub.subarray(0, 60),
    stub.subarray(0, -1),
  ];
  for (const file of broken)
    expect(() => dropSymbols(file)).toThrow(expect.objectContaining({ code: 'MALFORMED_EXECUTABLE' }));
});

/** Leaves the file as it is, and then whatever is installed to strip it; binutils only know their own CPU. */
function rewriters(native: boolean): (() => void)[] {
  const run = (...[command, ...args]: [string, ...string[]]) => {
    const { stderr, status } = spawnSync(command, [...args, 'executable'], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect({ command, stderr, status }).toEqual({ command, stderr: '', status: 0 });
    chmodSync(join(directory, 'executable'), 0o755);
  };
  const removal = ['--remove-section', '.comment'];
  return [
    () => {},
    ...(llvm ? [() => run('llvm-strip'), () => run('llvm-objcopy', ...removal)] : []),
    ...(hasTool('eu-strip') ? [() => run('eu-strip')] : []),
    ...(native && hasTool('strip') ? [() => run('strip'), () => run('objcopy', ...removal)] : []),
  ];
}

function withoutSections(stub: Buffer): Buffer {
  const file = Buffer.from(stub);
  const is64 = file[4] === 2;
  if (is64) file.fill(0, 40, 48).fill(0, 58, 64);
  else file.fill(0, 32, 36).fill(0, 46, 52);
  return file;
}

function stamped(file: Buffer): Buffer {
  const result = Buffer.from(file);
  result[file.indexOf(STAMP_MAGIC) + 20] = 42;
  return result;
}

function sectionNames(file: string): string[] {
  return [...readelf('-SW', file).matchAll(/^ +\[ *\d+\] (\S+)/gm)].map(([, name]) => name!).slice(1, -1);
}

function readelf(option: string, file: string): string {
  const maxBuffer = 100_000_000;
  return execFileSync('llvm-readelf', [option, file], { cwd: directory, encoding: 'utf8', maxBuffer });
}
