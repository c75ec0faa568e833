// Whatever stands in the headers of a native file, it is read, or refused by an error that says so.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkAuthenticode } from '../src/executables/authenticode.ts';
import { checkCodeSignature } from '../src/executables/check-code-signature.ts';
import { AlreadySignedError, MalformedExecutableError, NoRoomError } from '../src/executables/errors.ts';
import { embed as embedMacho, resign } from '../src/executables/macho.ts';
import { LC, readMacho } from '../src/executables/macho-commands.ts';
import { embed as embedPe } from '../src/executables/pe.ts';
import { unsign } from '../src/executables/pe-unsign.ts';
import { readNativeFile } from '../src/native/read-native-file.ts';
import { assemble, compileStub } from './support/compile-stub.ts';
import { nativeSample } from './support/native-samples.ts';
import { selfSigned } from './support/self-signed.ts';
import { hasTool } from './support/tools.ts';
import { universalOf } from './support/universal.ts';

const DECLARED = [MalformedExecutableError, NoRoomError, AlreadySignedError];

const PE = [checkAuthenticode, unsign, (file: Buffer) => embedPe(file, 1000), readNativeFile];
const MACHO = [
  checkCodeSignature,
  (file: Buffer) => resign(file, 'node'),
  (file: Buffer) => embedMacho(file, 1000, 'node'),
  readNativeFile,
];

function signedMacho(target: string): Buffer {
  const stub = compileStub(target, '-fstrip', '-headerpad', '4096');
  return assemble(stub, Buffer.alloc(1000), embedMacho(stub, 1000, 'node'));
}

function signedPe(): Buffer {
  const stub = compileStub('x86_64-windows-gnu', '-fstrip');
  if (!hasTool('osslsigncode') || !hasTool('openssl')) return stub;
  const cwd = mkdtempSync(join(tmpdir(), 'sarma-damaged-'));
  const options = { cwd, stdio: 'pipe' } as const;
  writeFileSync(join(cwd, 'plain.exe'), stub);
  selfSigned(cwd, 'Test');
  const files = ['-certs', 'certificate.pem', '-key', 'key.pem', '-in', 'plain.exe', '-out', 'signed.exe'];
  execFileSync('osslsigncode', ['sign', ...files], options);
  const signed = readFileSync(join(cwd, 'signed.exe'));
  rmSync(cwd, { recursive: true });
  return signed;
}

/** Pseudo-random numbers below a limit, the same ones every time. */
function dice(): (limit: number) => number {
  let state = 1;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** Calls it with the file damaged in many ways, and returns the errors that nobody declared. */
function undeclared(file: Buffer, read: (file: Buffer) => unknown): unknown[] {
  const roll = dice();
  const found: unknown[] = [];
  for (let count = 0; count < 1000; count++) {
    const length = roll(4) === 0 ? roll(Math.min(file.length, 4096)) : file.length;
    const damaged = Buffer.from(file.subarray(0, length));
    for (let fields = 1 + roll(2); fields > 0 && length >= 4; fields--) {
      // Headers lie in front, signatures at the end; most of their fields have 32 bits.
      const reach = Math.min([0x200, 0x800, length][roll(3)]!, length) - 3;
      const at = roll(4) === 0 ? length - 4 - roll(reach) : roll(reach) & ~3;
      const value = [0, 1, 8, 44, 0x20300, length, 0x7fffffff, 0xffffffff, roll(2 ** 32)][roll(9)]!;
      if (roll(2) === 0) damaged.writeUInt32LE(value, at);
      else damaged.writeUInt32BE(value, at);
    }
    found.push(...errorOf(() => read(damaged)));
  }
  return found;
}

function errorOf(call: () => unknown): unknown[] {
  try {
    call();
    return [];
  } catch (error) {
    return DECLARED.some((one) => error instanceof one) ? [] : [error];
  }
}

const SAMPLES: [string, () => Buffer, readonly ((file: Buffer) => unknown)[]][] = [
  ['a Windows program', signedPe, PE],
  ['a 32-bit one', () => compileStub('x86-windows-gnu', '-fstrip'), PE],
  ['an addon for Windows', () => nativeSample({ kind: 'node-api', target: 'x86_64-windows-gnu' }), PE],
  ['a macOS program', () => signedMacho('aarch64-macos'), MACHO],
  ['an addon for macOS', () => nativeSample({ kind: 'modules-structure', target: 'x86_64-macos' }), MACHO],
  ['a universal program', () => universalOf([signedMacho('x86_64-macos')]), [readNativeFile]],
  [
    'an addon for Linux',
    () => nativeSample({ kind: 'modules-structure', target: 'x86_64-linux-gnu' }),
    [readNativeFile],
  ],
];

describe.each(SAMPLES)('%s', (_, make, readers) => {
  test('with damaged headers is read or refused', () => {
    const file = make();
    for (const read of readers) {
      expect(undeclared(file, read)).toEqual([]);
    }
  });
});

test('an optional header that is for 64 bits and has room for 32 is refused', () => {
  const file = Buffer.alloc(0x40 + 24 + 96);
  file.write('MZ');
  file.writeUInt32LE(0x40, 0x3c);
  file.write('PE', 0x40);
  file.writeUInt16LE(0x20b, 0x40 + 24);
  for (const read of PE) expect(errorOf(() => read(file))).toEqual([]);
});

describe('a signature command', () => {
  const file = signedMacho('aarch64-macos');
  const { at } = readMacho(file).commands.find(({ command }) => command === LC.CODE_SIGNATURE)!;

  test('that is too short for what it says is refused', () => {
    const damaged = Buffer.from(file);
    damaged.writeUInt32LE(8, at + 4);
    damaged.writeUInt32LE(at + 8 - 32, 20); // sizeofcmds
    for (const read of MACHO) expect(() => read(damaged)).toThrow(/load command/);
  });

  test('that leads to a code directory without the fields of its version is refused', () => {
    const signature = file.readUInt32LE(at + 8);
    const directory = signature + 20;
    const damaged = Buffer.from(file.subarray(0, directory + 48));
    damaged.writeUInt32BE(48, directory + 4);
    damaged.writeUInt32LE(damaged.length - signature, at + 12);
    const { segments } = readMacho(file);
    const linkedit = segments.at(-1)!;
    damaged.writeBigUInt64LE(BigInt(damaged.length - linkedit.offset), linkedit.at + 48);
    expect(() => checkCodeSignature(damaged)).toThrow(MalformedExecutableError);
  });
});
