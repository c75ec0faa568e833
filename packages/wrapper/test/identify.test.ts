import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { identify } from '../src/executables/identify.ts';
import { compileStub } from './support/compile-stub.ts';

test.each([
  ['x86_64-linux-musl', 'elf', 'x64'],
  ['aarch64-linux-musl', 'elf', 'arm64'],
  ['arm-linux-musleabihf', 'elf', 'armv7l'],
  ['powerpc64le-linux-musl', 'elf', 'ppc64le'],
  ['s390x-linux-musl', 'elf', 's390x'],
  ['x86_64-macos', 'macho', 'x64'],
  ['aarch64-macos', 'macho', 'arm64'],
  ['x86_64-windows-gnu', 'pe', 'x64'],
  ['aarch64-windows-gnu', 'pe', 'arm64'],
  ['x86-windows-gnu', 'pe', 'x86'],
])('%s', (target, format, cpu) => {
  expect(identify(compileStub(target, '-fstrip'))).toEqual({ format, cpu });
});

test('the libc of a program is the one its loader belongs to', () => {
  expect(identify(readFileSync(process.execPath))).toMatchObject({ format: 'elf', libc: 'glibc' });
  expect(identify(compileStub('x86_64-linux-musl', '-fstrip', '-lc', '-dynamic'))).toMatchObject({
    libc: 'musl',
  });
});

test('other files are nothing of the kind', () => {
  const javaClass = Buffer.from('cafebabe00000041', 'hex');
  const universal = Buffer.from('cafebabe00000001'.padEnd(56, '0'), 'hex');
  expect(identify(javaClass)).toBeNull();
  expect(identify(universal)).toMatchObject({ format: 'macho', cpu: 'universal' });
  expect(() => identify(universal.subarray(0, -1))).toThrow('its universal header is cut off');
  expect(identify(Buffer.alloc(0))).toBeNull();
  expect(identify(Buffer.from('#!/usr/bin/env node\n'))).toBeNull();
});
