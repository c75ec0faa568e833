import { readSync } from 'node:fs';

/** Of one read, which Node takes no more for. */
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
