import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { MalformedExecutableError } from '../src/executables/errors.ts';
import { modulesVersion } from '../src/native/modules-version.ts';
import { beginsNative, readNativeFile } from '../src/native/read-native-file.ts';
import { compileStub } from './support/compile-stub.ts';
import { nativeSample } from './support/native-samples.ts';

const nothing = { libc: null, glibc: null, glibcxx: null, cxxabi: null, abi: null };

/** Both byte orders, both word sizes, all three formats. */
const TARGETS = [
  ['x86_64-linux-gnu', 'elf', 'linux', 'x64'],
  ['aarch64-linux-gnu', 'elf', 'linux', 'arm64'],
  ['arm-linux-gnueabihf', 'elf', 'linux', 'armv7l'],
  ['s390x-linux-gnu', 'elf', 'linux', 's390x'],
  ['x86_64-macos', 'macho', 'darwin', 'x64'],
  ['aarch64-macos', 'macho', 'darwin', 'arm64'],
  ['x86_64-windows-gnu', 'pe', 'win', 'x64'],
  ['aarch64-windows-gnu', 'pe', 'win', 'arm64'],
] as const;

describe.each(TARGETS)('an addon for %s', (target, format, os, cpu) => {
  test('of Node-API is known by what it exports, and by what it imports', () => {
    for (const kind of ['node-api', 'node-api-import'] as const) {
      const file = nativeSample({ kind, target });
      expect(beginsNative(file.subarray(0, 4))).toBe(true);
      expect(readNativeFile(file)).toMatchObject({
        format,
        os,
        kind: 'addon',
        cpus: [cpu],
        abi: { api: 'node-api' },
      });
    }
  });

  test.each([115, 137])('of V8 says that it was compiled for NODE_MODULE_VERSION %i', (version) => {
    for (const kind of ['modules-symbol', 'modules-structure'] as const) {
      const native = readNativeFile(nativeSample({ kind, target, version }));
      expect(native).toMatchObject({ os, kind: 'addon', cpus: [cpu], abi: { api: 'modules', version } });
    }
  });
});

test('the C library is that which a file names, with the newest version of its symbols', () => {
  const read = (libc?: 'glibc' | 'musl') =>
    readNativeFile(nativeSample({ kind: 'library', target: 'x86_64-linux-gnu', ...(libc && { libc }) }));
  expect(read('glibc')).toMatchObject({ kind: 'library', libc: 'glibc', glibc: '2.33' });
  expect(read('musl')).toMatchObject({ kind: 'library', libc: 'musl', glibc: null });
  expect(read()).toMatchObject({ kind: 'library', libc: null, glibc: null });
});

test('a static program is for its CPU and names no C library', () => {
  const native = readNativeFile(compileStub('aarch64-linux-musl', '-fstrip'));
  expect(native).toEqual({
    ...nothing,
    format: 'elf',
    os: 'linux',
    kind: 'executable',
    cpus: ['arm64'],
    macos: null,
  });
});

test('the runtime is a program, whatever it exports to addons', () => {
  expect(readNativeFile(readFileSync(process.execPath))).toMatchObject({ kind: 'executable', abi: null });
});

test('a macOS file says what macOS it needs, and a universal one what all of its slices are', () => {
  const slices = ['x86_64-macos.11.0', 'aarch64-macos.14.5'].map((target) =>
    nativeSample({ kind: 'node-api', target }),
  );
  expect(slices.map((slice) => readNativeFile(slice)?.macos)).toEqual(['11.0', '14.5']);
  for (const file of [universal(slices), wideUniversal(slices)]) {
    expect(readNativeFile(file)).toMatchObject({
      kind: 'addon',
      cpus: ['arm64', 'x64'],
      abi: { api: 'node-api' },
      macos: '14.5',
    });
  }
});

/** A file for several CPUs, as <mach-o/fat.h> says; where the slices lie in memory matters to nobody here. */
function universal(slices: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(8 + slices.length * 20);
  header.writeUInt32BE(0xcafebabe, 0);
  header.writeUInt32BE(slices.length, 4);
  let offset = header.length;
  for (const [index, slice] of slices.entries()) {
    const at = 8 + index * 20;
    header.writeUInt32BE(slice.readUInt32LE(4), at);
    header.writeUInt32BE(offset, at + 8);
    header.writeUInt32BE(slice.length, at + 12);
    offset += slice.length;
  }
  return Buffer.concat([header, ...slices]);
}

/** The same with offsets of 64 bits. */
function wideUniversal(slices: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(8 + slices.length * 32);
  header.writeUInt32BE(0xcafebabf, 0);
  header.writeUInt32BE(slices.length, 4);
  let offset = header.length;
  for (const [index, slice] of slices.entries()) {
    const at = 8 + index * 32;
    header.writeUInt32BE(slice.readUInt32LE(4), at);
    header.writeBigUInt64BE(BigInt(offset), at + 8);
    header.writeBigUInt64BE(BigInt(slice.length), at + 16);
    offset += slice.length;
  }
  return Buffer.concat([header, ...slices]);
}

test('real addons of other systems are read, from a linker that defers what node.exe gives', () => {
  const folder = path.resolve(import.meta.dirname, '../../../node_modules/pnpm/dist');
  const nameOf = (platform: string) =>
    readdirSync(folder).find((one) => one.startsWith(`reflink.${platform}`))!;
  const read = (platform: string) => readNativeFile(readFileSync(path.join(folder, nameOf(platform))));
  const addon = { kind: 'addon', abi: { api: 'node-api' } };
  expect(read('win32-x64')).toMatchObject({ ...addon, os: 'win', cpus: ['x64'] });
  expect(read('darwin-arm64')).toMatchObject({ ...addon, os: 'darwin', macos: '11.0' });
});

test('other files are nothing of the kind', () => {
  for (const bytes of [
    '#!/usr/bin/env node\n',
    'MZ is how this text begins, and no program for Windows is so short as to end here, is it',
    Buffer.from('cafebabe0000004100000000', 'hex'), // a Java class
    '',
  ]) {
    expect(readNativeFile(Buffer.from(bytes))).toBeNull();
  }
});

test('one that is cut off is refused', () => {
  for (const target of ['x86_64-linux-gnu', 'x86_64-macos', 'x86_64-windows-gnu']) {
    const file = nativeSample({ kind: 'node-api', target });
    expect(() => readNativeFile(file.subarray(0, file.length >> 1))).toThrow(MalformedExecutableError);
  }
});

test('what a runtime calls its addons is read from the runtime', async () => {
  expect(String(await modulesVersion(process.execPath))).toBe(process.versions.modules);
});
