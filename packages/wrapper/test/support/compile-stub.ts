import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zig } from '../../../../scripts/zig.ts';
import { type UnsealedFile, unsealedBytes } from '../../src/executables/unsealed-file.ts';

/** A program with a stamp that exits with the byte at offset 20 of it. */
const SOURCE = String.raw`
const os = @import("builtin").os.tag;
const section = switch (os) { .macos => "__DATA,__sarma_stamp", .windows => ".stamp", else => ".sarma_stamp" };
export var stamp: [4096]u8 linksection(section) = [_]u8{0x89} ++ "SARMA-STAMP\r\n\x1a\n".* ++ [_]u8{1} ** 4080;
pub fn main() u8 {
    const bytes: *volatile [4096]u8 = &stamp;
    return bytes[20];
}
`;

/** Magic of the stamp, as docs/format.md defines it. */
export const STAMP_MAGIC = Buffer.from('\x89SARMA-STAMP\r\n\x1a\n', 'latin1');

/**
 * Compiles a small stand-in for the stub, much like the real one to a linker, for a Zig target, and
 * returns its bytes. Zig's own cache makes all but the first compilation quick.
 */
export function compileStub(target: string, ...options: string[]): Buffer {
  const directory = join(tmpdir(), 'sarma-test-stubs', [target, ...options].join(''), String(process.pid));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'stand-in.zig'), SOURCE);
  const name = target.includes('windows') ? 'stand-in.exe' : 'stand-in';
  const fixed = ['build-exe', 'stand-in.zig', '-target', target, '-OReleaseSmall', '-fsingle-threaded'];
  execFileSync(process.execPath, [zig, ...fixed, `-femit-bin=${name}`, ...options], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return readFileSync(join(directory, name));
}

/** The file that a stub and a payload make, stamped with the exit status 42 and sealed. */
export function assemble(
  stub: Buffer,
  payload: Buffer,
  embedding: { head: Buffer; tail: Buffer; seal(file: UnsealedFile): void },
): Buffer {
  embedding.head[stub.indexOf(STAMP_MAGIC) + 20] = 42;
  const file = Buffer.concat([embedding.head, payload, embedding.tail]);
  embedding.seal(unsealedBytes(file));
  return file;
}
