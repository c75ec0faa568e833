import { align } from './embedding.ts';
import { NoRoomError } from './errors.ts';
import { malformed } from './macho-commands.ts';

// Structures and numbers from <mach-o/fat.h>; all big-endian.
const FAT_MAGIC = 0xcafebabe;
/** Offsets and sizes have 64 bits. */
const FAT_MAGIC_64 = 0xcafebabf;
const HEADER_SIZE = 8;
const ARCHITECTURE_SIZE = 20;
const ARCHITECTURE_64_SIZE = 32;
/** A Java class has the same magic number; there the number that follows is a version above 40. */
const MAXIMUM_SLICES = 40;
/** Pages of arm64, as a power of two. Those of x64 (4 KiB) are in them. */
const ALIGNMENT_LOG2 = 14;
/** Offsets in a universal file of the usual kind have 32 bits. */
const MAXIMUM_SIZE = 0xffffffff;

/** Bytes that hold the header of every universal file. */
export const FAT_HEADER_SIZE = HEADER_SIZE + MAXIMUM_SLICES * ARCHITECTURE_64_SIZE;

/** Where the executable of one CPU lies in a universal file, in bytes. */
export interface Slice {
  /** cputype of <mach/machine.h>. */
  readonly cpu: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * The universal file that holds these Mach-O executables, each as it is. Their own offsets count from where they
 * begin, and so do their signatures. Throws NoRoomError.
 */
export function joinSlices(executables: readonly Buffer[]): Buffer {
  const slices: Slice[] = [];
  let end = HEADER_SIZE + executables.length * ARCHITECTURE_SIZE;
  for (const executable of executables) {
    const offset = align(end, 1 << ALIGNMENT_LOG2);
    slices.push({ cpu: executable.readUInt32LE(4), offset, size: executable.length });
    end = offset + executable.length;
  }
  if (end > MAXIMUM_SIZE) {
    throw new NoRoomError(
      'Mach-O',
      `it would have ${end} bytes`,
      'A universal executable holds at most 4 GiB; build one for each CPU (-t darwin-x64,darwin-arm64).',
    );
  }
  const file = Buffer.alloc(end);
  file.writeUInt32BE(FAT_MAGIC, 0);
  file.writeUInt32BE(slices.length, 4);
  for (const [index, { cpu, offset, size }] of slices.entries()) {
    const at = HEADER_SIZE + index * ARCHITECTURE_SIZE;
    file.writeUInt32BE(cpu, at);
    file.writeUInt32BE(executables[index]!.readUInt32LE(8), at + 4); // cpusubtype
    file.writeUInt32BE(offset, at + 8);
    file.writeUInt32BE(size, at + 12);
    file.writeUInt32BE(ALIGNMENT_LOG2, at + 16);
    executables[index]!.copy(file, offset);
  }
  return file;
}

/**
 * The slices of a universal file of `fileSize` bytes that begins with `head` (FAT_HEADER_SIZE bytes, or all of a
 * smaller file); null for any other file. Throws MalformedExecutableError.
 */
export function readSlices(head: Buffer, fileSize: number): readonly Slice[] | null {
  if (head.length < HEADER_SIZE) return null;
  const isWide = head.readUInt32BE(0) === FAT_MAGIC_64;
  if (!isWide && head.readUInt32BE(0) !== FAT_MAGIC) return null;
  const count = head.readUInt32BE(4);
  if (count === 0 || count > MAXIMUM_SLICES) return null;
  const entrySize = isWide ? ARCHITECTURE_64_SIZE : ARCHITECTURE_SIZE;
  if (HEADER_SIZE + count * entrySize > head.length) throw malformed('its universal header is cut off');
  return Array.from({ length: count }, (_, index) => {
    const at = HEADER_SIZE + index * entrySize;
    const slice = {
      cpu: head.readUInt32BE(at),
      offset: isWide ? Number(head.readBigUInt64BE(at + 8)) : head.readUInt32BE(at + 8),
      size: isWide ? Number(head.readBigUInt64BE(at + 16)) : head.readUInt32BE(at + 12),
    };
    if (slice.offset + slice.size > fileSize) throw malformed(`slice ${index + 1} of it is cut off`);
    return slice;
  });
}

/** The executables in a universal file, or the one that any other is. Throws MalformedExecutableError. */
export function slicesOf(file: Buffer): readonly Buffer[] {
  const slices = readSlices(file, file.length) ?? [{ offset: 0, size: file.length }];
  return slices.map(({ offset, size }) => file.subarray(offset, offset + size));
}
