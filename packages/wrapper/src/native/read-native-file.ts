import { MH_MAGIC_64 } from '../executables/macho-commands.ts';
import { readNativeElf } from './native-elf.ts';
import type { NativeFile } from './native-file.ts';
import { readNativeMacho } from './native-macho.ts';
import { readNativePe } from './native-pe.ts';

/** Bytes of a file's beginning that tell whether it can be a native file. */
export const MAGIC_LENGTH = 4;

/** Whether a file that begins with these bytes may be a native file; readNativeFile knows. */
export function beginsNative(beginning: Buffer): boolean {
  return beginning.length >= MAGIC_LENGTH && readerOf(beginning) !== undefined;
}

/**
 * Reads what a complete file is; null for one that is neither ELF nor PE nor Mach-O. Throws MalformedExecutableError for
 * one that begins like these and then contradicts itself.
 */
export function readNativeFile(file: Buffer): NativeFile | null {
  if (file.length < 8) return null;
  return readerOf(file)?.(file) ?? null;
}

type Reader = (file: Buffer) => NativeFile | null;

function readerOf(file: Buffer): Reader | undefined {
  const magic = file.readUInt32BE(0);
  if (magic === 0x7f454c46) return readNativeElf;
  if (magic >>> 16 === 0x4d5a) return readNativePe;
  return MACHO_MAGICS.has(magic) ? readNativeMacho : undefined;
}

/** Of 64 and 32 bits as they lie in a little-endian file, and both of universal files. */
const MACHO_MAGICS = new Set([swapped(MH_MAGIC_64), swapped(0xfeedface), 0xcafebabe, 0xcafebabf]);

function swapped(magic: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(magic);
  return bytes.readUInt32BE(0);
}
