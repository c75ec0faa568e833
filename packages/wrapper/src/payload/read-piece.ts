import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { TreeError, type TreeFile } from '../tree.ts';

/**
 * Fills a buffer with the bytes of a file from `position` on. Without waiting: most files are small, many, and in the page cache.
 * Throws what reading throws, and TreeError for a file that has not the size it had.
 */
export function readPiece({ path, size, content }: TreeFile, buffer: Buffer, position: number): void {
  if (typeof content !== 'string') {
    content.copy(buffer, 0, position);
    return;
  }
  const file = openSync(content, 'r');
  try {
    let filled = 0;
    for (let count = 1; count > 0 && filled < buffer.length; filled += count)
      count = readSync(file, buffer, filled, buffer.length - filled, position + filled);
    if (filled < buffer.length || fstatSync(file).size !== size) throw changed(path, content);
  } finally {
    closeSync(file);
  }
}

function changed(path: string, file: string): TreeError {
  return new TreeError(
    'FILE_CHANGED',
    `${file} changed while it was packed (as ${path}); build again when nothing writes to it.`,
  );
}
