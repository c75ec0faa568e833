import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { identify } from '../src/executables/identify.ts';
import { compileStub } from './support/compile-stub.ts';

test.each([
  ['x86_64-linux-musl', 'elf', 'x64', 64, true],
  ['aarch64-linux-musl', 'elf', 'arm64', 64, true],
  ['arm-linux-musleabihf', 'elf', 'armv7l', 32, true],
  ['powerpc64le-linux-musl', 'elf', 'ppc64le', 64, true],
  ['s390x-linux-musl', 'elf', 's390x', 64, false],
  ['x86_64-macos', 'macho', 'x64', 64, true],
  ['aarch64-macos', 'macho', 'arm64', 64, true],
  ['x86_64-windows-gnu', 'pe', 'x64', 64, true],
  ['aarch64-windows-gnu', 'pe', 'arm64', 64, true],
  ['x86-windows-gnu', 'pe', 'x86', 32, true],
])('%s', (target, format, cpu, bits, littleEndian) => {
  expect(identify(compileStub(target, '-fstrip'))).toEqual({ format, cpu, bits, littleEndian });
});

test('the libc of a program is the one its loader belongs to', () => {
  expect(identify(readFileSync(process.execPath))).toMatchObject({ format: 'elf', libc: 'glibc' });
  expect(identify(compileStub('x86_64-linux-musl', '-fstrip', '-lc', '-dynamic'))).toMatchObject({
    libc: 'musl',
  });
});

test('other files are nothing of the kind', () => {
  const javaClass = Buffer.from('cafebabe00000041', 'hex');
  const universal = Buffer.from('cafebabe00000002', 'hex');
  expect(identify(javaClass)).toBeNull();
  expect(identify(universal)).toMatchObject({ format: 'macho', cpu: 'universal' });
  expect(identify(Buffer.alloc(0))).toBeNull();
  expect(identify(Buffer.from('#!/usr/bin/env node\n'))).toBeNull();
});
