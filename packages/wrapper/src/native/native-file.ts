import { MH_MAGIC_64 } from '../executables/macho-commands.ts';
import type { Target } from '../targets.ts';
import { readNativeElf } from './native-elf.ts';
import { readNativeMacho } from './native-macho.ts';
import { readNativePe } from './native-pe.ts';

/** What a native file is and what it asks of the machine that loads it. */
export interface NativeFile {
  readonly format: 'elf' | 'pe' | 'macho';
  /** By what it asks of its loader; `other` is Android, iOS, a BSD. */
  readonly os: Target['os'] | 'other';
  /** `object`: a linker's input, debugging symbols, a core: nothing that is loaded. */
  readonly kind: 'addon' | 'library' | 'executable' | 'object';
  /** As `process.arch` and target names say it; several for a universal Mach-O, `any` for .NET, `unknown` otherwise. */
  readonly cpus: readonly string[];
  /** From the loader, the libraries or the symbol versions that it names; null where it names none. */
  readonly libc: 'glibc' | 'musl' | null;
  /** The highest versions of symbols that it needs, without their prefix: `2.28`, `3.4.26`, `1.3.9`. */
  readonly glibc: string | null;
  readonly glibcxx: string | null;
  readonly cxxabi: string | null;
  /** How an addon speaks to Node; null for other files. */
  readonly abi: NativeAbi | null;
  /** The oldest macOS that loads it, `11.0`; of a universal file the highest of them. */
  readonly macos: string | null;
}

/** Node-API, or V8 itself, for the NODE_MODULE_VERSION that it was compiled for (null: could not be found). */
export type NativeAbi =
  | { readonly api: 'node-api' }
  | { readonly api: 'modules'; readonly version: number | null };

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
