import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NoRoomError } from '../src/executables/errors.ts';
import { embed } from '../src/executables/macho.ts';
import { assemble, compileStub, STAMP_MAGIC } from './support/compile-stub.ts';
import { checkMacho } from './support/macho-check.ts';
import { hasTool } from './support/tools.ts';

const directory = mkdtempSync(join(tmpdir(), 'sarma-macho-'));
afterAll(() => rmSync(directory, { recursive: true }));

const llvm = hasTool('llvm-objdump') && hasTool('llvm-nm') && hasTool('llvm-strip');
const payload = Buffer.alloc(100_001, 'the payload of a test ');

describe.each(['x86_64-macos', 'aarch64-macos'])('%s', (target) => {
  const stub = compileStub(target, '-fstrip', '-headerpad', '4096');
  const embedding = embed(stub, payload.length, 'hello');
  const file = assemble(stub, payload, embedding);

  test('a payload is a segment of its own before __LINKEDIT, signed with everything else', () => {
    const { segments, signature } = checkMacho(file);
    expect(segments.slice(-2).map(({ name }) => name)).toEqual(['__SARMA', '__LINKEDIT']);
    expect(segments.at(-2)).toMatchObject({ offset: embedding.payloadOffset, size: 0x1c000 });
    expect(file.indexOf(payload)).toBe(embedding.payloadOffset);
    expect(signature).toMatchObject({ identifier: 'hello', flags: 0x20002 });
  });

  test('the stamp stays at its place', () => {
    expect(file.indexOf(STAMP_MAGIC)).toBe(stub.indexOf(STAMP_MAGIC));
    expect(file[file.indexOf(STAMP_MAGIC) + 20]).toBe(42);
  });

  test.skipIf(!llvm)('every table of __LINKEDIT holds what it held', () => {
    writeFileSync(join(directory, 'before'), stub);
    writeFileSync(join(directory, 'after'), file);
    for (const what of ['--rebase', '--bind', '--lazy-bind', '--exports-trie', '--indirect-symbols']) {
      const [before, after] = ['before', 'after'].map((name) =>
        execFileSync('llvm-objdump', ['--macho', what, name], { cwd: directory, encoding: 'utf8' }),
      );
      expect(after!.replace('after:', 'before:')).toBe(before);
    }
    const symbols = ['before', 'after'].map((name) =>
      execFileSync('llvm-nm', ['-a', name], { cwd: directory, encoding: 'utf8' }),
    );
    expect(symbols[1]).toBe(symbols[0]);
    expect(symbols[0]).toContain('_main');
  });

  test.skipIf(!llvm)('llvm-objdump complains of nothing that it does not find in the stub', () => {
    writeFileSync(join(directory, 'before'), stub);
    writeFileSync(join(directory, 'after'), file);
    const [before, after] = ['before', 'after'].map((name) => headersOf(name));
    expect(after).toContain('segname __SARMA');
    expect(after).not.toContain('malformed');
    // llvm-objdump 14 counts zeros that are not in the file as missing from it.
    expect(after!.match(/past end/g)).toEqual(before!.match(/past end/g));
  });

  test.skipIf(!llvm)('llvm-strip keeps payload and stamp', () => {
    writeFileSync(join(directory, 'unstripped'), file);
    execFileSync('llvm-strip', ['unstripped', '-o', 'stripped'], { cwd: directory });
    const stripped = readFileSync(join(directory, 'stripped'));
    expect(stripped.indexOf(payload)).toBe(embedding.payloadOffset);
    expect(stripped[stub.indexOf(STAMP_MAGIC) + 20]).toBe(42);
    checkMacho(stripped);
  });

  test('one flipped byte anywhere before the end of the hashes is found', () => {
    const { codeLimit } = checkMacho(file).signature;
    const inHashes = file.length - 7;
    const positions = [
      4,
      40,
      700,
      5000,
      embedding.payloadOffset + 77,
      codeLimit - 3,
      codeLimit + 9,
      inHashes,
    ];
    for (const position of positions) {
      const damaged = Buffer.from(file);
      damaged[position]! ^= 1;
      expect(() => checkMacho(damaged), `byte ${position}`).toThrow();
    }
  });

  test('a stub without room for another load command is refused', () => {
    const tight = compileStub(target, '-fstrip');
    expect(() => embed(tight, 1, 'hello')).toThrow(NoRoomError);
  });

  test.each([1, 0x4000, 0x4001])('a payload of %i bytes', (length) => {
    const bytes = Buffer.alloc(length, 7);
    const made = embed(stub, length, 'a-longer.identifier');
    checkMacho(assemble(stub, bytes, made));
  });
});

function headersOf(name: string): string {
  const command = ['--macho', '--all-headers', name];
  return execFileSync('llvm-objdump', command, { cwd: directory, encoding: 'utf8' });
}

test('a cut off file and something else are no stubs', () => {
  const stub = compileStub('aarch64-macos', '-fstrip', '-headerpad', '4096');
  for (const broken of [
    Buffer.alloc(0),
    Buffer.from('#!/bin/sh\n'.repeat(10)),
    stub.subarray(0, 500),
    stub.subarray(0, -5000),
  ])
    expect(() => embed(broken, 1, 'hello')).toThrow(
      expect.objectContaining({ code: 'MALFORMED_EXECUTABLE' }),
    );
});
