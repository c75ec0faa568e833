import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sign, signatureSize } from '../src/executables/ad-hoc-signature.ts';
import { LC, readMacho } from '../src/executables/macho-commands.ts';
import { unsealedBytes } from '../src/executables/unsealed-file.ts';
import { compileStub } from './support/compile-stub.ts';
import { hasTool } from './support/tools.ts';

test.skipIf(!hasTool('llvm-strip'))('an ad-hoc signature is field for field the one that LLVM makes', () => {
  const file = signedByLlvm('stand-in');
  const macho = readMacho(file);
  const command = macho.commands.find(({ command }) => command === LC.CODE_SIGNATURE)!;
  const codeLimit = file.readUInt32LE(command.at + 8);
  const text = macho.segments.find(({ name }) => name === '__TEXT')!;

  const signature = sign(unsealedBytes(file), {
    identifier: 'stand-in',
    codeLimit,
    executableSegment: { offset: text.offset, size: text.fileSize },
  });

  expect(signature.length).toBe(signatureSize('stand-in', codeLimit));
  const theirs = file.subarray(codeLimit);
  // LLVM puts the hashes at a multiple of 16, and counts the room behind them as part of the signature.
  expect(fields(signature)).toEqual(fields(theirs));
  expect(hashes(signature)).toBe(hashes(theirs));
});

/** A file that llvm-strip has given a new signature, which names it like its output. */
function signedByLlvm(name: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'sarma-codesign-'));
  writeFileSync(join(directory, 'linked'), compileStub('aarch64-macos', '-fstrip'));
  execFileSync('llvm-strip', ['linked', '-o', name], { cwd: directory });
  const file = readFileSync(join(directory, name));
  rmSync(directory, { recursive: true });
  return file;
}

/** Everything of the code directory that does not say where in it something lies. */
function fields(signature: Buffer) {
  const directory = codeDirectory(signature);
  const identifier = directory.readUInt32BE(20);
  return {
    start: directory.toString('hex', 8, 16),
    rest: directory.toString('hex', 24, 88),
    identifier: directory.toString('latin1', identifier, directory.indexOf(0, identifier)),
  };
}

function hashes(signature: Buffer): string {
  const directory = codeDirectory(signature);
  const start = directory.readUInt32BE(16);
  return directory.toString('hex', start, start + directory.readUInt32BE(28) * 32);
}

function codeDirectory(signature: Buffer): Buffer {
  return signature.subarray(signature.readUInt32BE(16));
}
