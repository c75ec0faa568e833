import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import type { UnsealedFile } from './executables/unsealed-file.ts';
import { readFull } from './read-full.ts';
import { IntegrityError } from './runtimes/errors.ts';

/** Bytes in memory, or some of a file of this disk. */
export type Piece = Buffer | FilePart;

export interface FilePart {
  readonly file: string;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
  /** What it has to be when it is copied, in hex digits. */
  readonly sha256: string;
}

/** A file that is yet to be written: never in memory as a whole, whatever its size. */
export interface Contents {
  /** One behind the other. */
  readonly pieces: readonly Piece[];
  /** Writes, once all pieces are there, what is computed of them. */
  readonly seal: (file: UnsealedFile) => void;
}

/** In bytes. */
export function contentSize({ pieces }: Contents): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

export function contentsOf(bytes: Buffer): Contents {
  return { pieces: [bytes], seal: () => {} };
}

/** How much is copied at once. */
const CHUNK = 1024 * 1024;

/**
 * Writes a new file. Without waiting in between: the pieces are read from the page cache, or were just made, and most of
 * the time would go into being told. Throws what reading and writing throw, IntegrityError, and where there is a file by that name.
 */
export function writeContents(file: string, contents: Contents, mode: number): void {
  const target = openSync(file, 'wx+', mode);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (const piece of contents.pieces) {
      if (Buffer.isBuffer(piece)) writeAll(target, piece);
      else copyPart(piece, target, buffer);
    }
    contents.seal(openFile(target));
  } finally {
    closeSync(target);
  }
}

function copyPart({ file, offset, length, sha256 }: FilePart, target: number, buffer: Buffer): void {
  const hash = createHash('sha256');
  const source = openSync(file, 'r');
  try {
    for (let at = 0; at < length; at += buffer.length) {
      const chunk = buffer.subarray(0, Math.min(buffer.length, length - at));
      if (!readFull(source, chunk, offset + at)) throw new Error(`${file} got shorter while it was read.`);
      hash.update(chunk);
      writeAll(target, chunk);
    }
  } finally {
    closeSync(source);
  }
  const found = hash.digest('hex');
  if (found !== sha256) throw new IntegrityError(file, sha256, found, ADVICE);
}

const ADVICE = 'If it is in the build cache, remove it there; build again when nothing writes to it.';

function openFile(file: number): UnsealedFile {
  return {
    size: fstatSync(file).size,
    read: (position, length) => {
      const bytes = Buffer.allocUnsafe(length);
      if (readFull(file, bytes, position)) return bytes;
      throw new Error('The executable got shorter while it was written.');
    },
    write: (bytes, position) => writeAll(file, bytes, position),
  };
}

/** A write may take less than it was given, of more than 2 GiB for one. */
function writeAll(file: number, bytes: Buffer, position: number | null = null): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position === null ? null : position + done);
  }
}
