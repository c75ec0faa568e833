import { closeSync, openSync, readSync } from 'node:fs';

/** Of one read: Node takes less than 2 GiB. */
const MOST = 2 ** 30;

/**
 * Fills a buffer with the bytes of an open file from `position` on; false where the file ends before. A read may give less than
 * was asked for. Throws what reading throws.
 */
export function readFull(file: number, buffer: Buffer, position: number): boolean {
  for (let filled = 0; filled < buffer.length; ) {
    const count = readSync(file, buffer, filled, Math.min(buffer.length - filled, MOST), position + filled);
    if (count === 0) return false;
    filled += count;
  }
  return true;
}

/**
 * Bytes in memory as they lie in a file of any size, from `offset` on; zeros where they are none of the `parts` (start and end, counted
 * from there), which take no memory. Throws what reading throws, and where the file ends before.
 */
export function readParts(
  name: string,
  offset: number,
  size: number,
  parts: readonly (readonly [number, number])[] = [[0, size]],
): Buffer {
  const bytes = Buffer.alloc(size);
  const file = openSync(name, 'r');
  try {
    for (const [start, end] of parts) {
      if (readFull(file, bytes.subarray(start, end), offset + start)) continue;
      throw new Error(`${name} got shorter while it was read.`);
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
