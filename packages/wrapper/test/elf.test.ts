import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dropSymbols, embed, requirements } from '../src/executables/elf.ts';
import { assemble, compileStub, STAMP_MAGIC, zig } from './support/compile-stub.ts';

const directory = mkdtempSync(join(tmpdir(), 'sarma-elf-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Static Linux targets of both classes and byte orders, and what runs them on another CPU. */
const TARGETS = [
  ['x86_64-linux-musl', 'qemu-x86_64-static'],
  ['aarch64-linux-musl', 'qemu-aarch64-static'],
  ['arm-linux-musleabihf', 'qemu-arm-static'],
  ['powerpc64le-linux-musl', 'qemu-ppc64le-static'],
  ['s390x-linux-musl', 'qemu-s390x-static'],
] as const;

const payload = Buffer.alloc(100_001, 'the payload of a test ');

describe('dropping symbols of the running Node', () => {
  const official = readFileSync(process.execPath);
  const file = dropSymbols(official);
  writeFileSync(join(directory, 'node'), file, { mode: 0o755 });
  const node = (...args: string[]) =>
    execFileSync(join(directory, 'node'), args, { encoding: 'utf8', cwd: directory });

  test('what is loaded stays byte for byte at its place', () => {
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

  test('symbol table and debugging sections are gone, everything else is there', () => {
    const [before, after] = [sectionNames(process.execPath), sectionNames('node')];
    const gone = before.filter((name) => !after.includes(name));
    expect(gone.filter((name) => !name.startsWith('.debug_'))).toEqual(['.symtab', '.strtab']);
    expect(after).toEqual(before.filter((name) => !gone.includes(name)));
    expect(official.length - file.length).toBeGreaterThan(10_000_000);
  });

  test('readelf has nothing to complain about, and finds the same dynamic symbols', () => {
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

describe.each(TARGETS)('%s', (target, emulator) => {
  const withSymbols = compileStub(target, '-fno-strip');
  const stub = compileStub(target, '-fstrip');

  test('dropping symbols leaves a program that runs and that readelf understands', () => {
    writeFileSync(join(directory, 'program'), stamped(dropSymbols(withSymbols)), { mode: 0o755 });
    expect(spawnSync(emulator, ['program'], { cwd: directory }).status).toBe(42);
    expect(sectionNames('program').filter((name) => /^\.(symtab|strtab|debug)/.test(name))).toEqual([]);
  });

  test.each([
    ['a stub', stub],
    ['a stub with symbols', withSymbols],
    ['a stub without section table', withoutSections(stub)],
  ])('%s runs with a payload behind it, and keeps it when it is stripped', (_, stub) => {
    const embedding = embed(stub, payload.length);
    const file = assemble(stub, payload, embedding);
    const stampOffset = stub.indexOf(STAMP_MAGIC);
    for (const rewrite of rewriters(target)) {
      writeFileSync(join(directory, 'executable'), file, { mode: 0o755 });
      rewrite();
      const result = readFileSync(join(directory, 'executable'));
      expect(result.indexOf(payload)).toBe(embedding.payloadOffset);
      expect(result.indexOf(STAMP_MAGIC)).toBe(stampOffset);
      expect(result[stampOffset + 20]).toBe(42);
      expect(spawnSync(emulator, ['executable'], { cwd: directory }).status).toBe(42);
      expect(readelf('-SlW', 'executable')).toContain('.gnu.warning.sarma');
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

/** Leaves the file as it is, and then whatever is installed to strip files of the target. */
function rewriters(target: string): (() => void)[] {
  const run = (...[command, ...args]: [string, ...string[]]) => {
    const { stderr, status } = spawnSync(command, [...args, 'executable'], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect({ command, stderr, status }).toEqual({ command, stderr: '', status: 0 });
    chmodSync(join(directory, 'executable'), 0o755);
  };
  // The binutils of a machine know its own CPU.
  const native = target.startsWith('x86_64') && process.arch === 'x64';
  return [
    () => {},
    () => run('llvm-strip'),
    () => run('llvm-objcopy', '--remove-section', '.comment'),
    ...(native ? [() => run('strip'), () => run('objcopy', '--remove-section', '.comment')] : []),
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
