/** A file that is complete but for what is computed of all the rest of it, a checksum or a signature. */
export interface UnsealedFile {
  /** In bytes. */
  readonly size: number;
  /** Throws what reading throws. */
  readonly read: (position: number, length: number) => Buffer;
  readonly write: (bytes: Buffer, position: number) => void;
}

/** How much of a file is looked at, at a time. */
const CHUNK = 1024 * 1024;

/** The bytes before `end`, in pieces of 1 MiB. */
export function* chunksOf(file: UnsealedFile, end: number): Generator<Buffer> {
  for (let at = 0; at < end; at += CHUNK) yield file.read(at, Math.min(CHUNK, end - at));
}

/** A file that is in memory. */
export function unsealedBytes(bytes: Buffer): UnsealedFile {
  return {
    size: bytes.length,
    read: (position, length) => bytes.subarray(position, position + length),
    write: (piece, position) => piece.copy(bytes, position),
  };
}

/** An executable in a file that holds several. */
export function partOf(file: UnsealedFile, offset: number, size: number): UnsealedFile {
  return {
    size,
    read: (position, length) => file.read(offset + position, length),
    write: (piece, position) => file.write(piece, offset + position),
  };
}
