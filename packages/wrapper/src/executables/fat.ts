import { type Contents, contentSize, type Piece } from '../contents.ts';
import { align } from './embedding.ts';
import { NoRoomError } from './errors.ts';
import { malformed } from './macho-commands.ts';
import { partOf } from './unsealed-file.ts';

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
export function joinSlices(executables: readonly Contents[]): Contents {
  const slices: Omit<Slice, 'cpu'>[] = [];
  let end = HEADER_SIZE + executables.length * ARCHITECTURE_SIZE;
  for (const executable of executables) {
    const offset = align(end, 1 << ALIGNMENT_LOG2);
    const size = contentSize(executable);
    slices.push({ offset, size });
    end = offset + size;
  }
  if (end > MAXIMUM_SIZE) {
    throw new NoRoomError(
      'Mach-O',
      `it would have ${end} bytes`,
      'A universal executable holds at most 4 GiB; build one for each CPU (-t darwin-x64,darwin-arm64).',
    );
  }
  const header = Buffer.alloc(HEADER_SIZE + executables.length * ARCHITECTURE_SIZE);
  header.writeUInt32BE(FAT_MAGIC, 0);
  header.writeUInt32BE(slices.length, 4);
  const pieces: Piece[] = [header];
  let written = header.length;
  for (const [index, { offset, size }] of slices.entries()) {
    const at = HEADER_SIZE + index * ARCHITECTURE_SIZE;
    const { pieces: own } = executables[index]!;
    const head = own[0] as Buffer;
    header.writeUInt32BE(head.readUInt32LE(4), at); // cputype
    header.writeUInt32BE(head.readUInt32LE(8), at + 4); // cpusubtype
    header.writeUInt32BE(offset, at + 8);
    header.writeUInt32BE(size, at + 12);
    header.writeUInt32BE(ALIGNMENT_LOG2, at + 16);
    pieces.push(Buffer.alloc(offset - written), ...own);
    written = offset + size;
  }
  const seal: Contents['seal'] = (file) => {
    for (const [index, { offset, size }] of slices.entries())
      executables[index]!.seal(partOf(file, offset, size));
  };
  return { pieces, seal };
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
