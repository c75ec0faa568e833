import { closeSync, fstatSync, openSync } from 'node:fs';
import { readFull } from '../read-full.ts';
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
    if (!readFull(file, buffer, position) || fstatSync(file).size !== size) throw changed(path, content);
  } finally {
    closeSync(file);
  }
}

/**
 * The bytes of a file in pieces that are read into the buffer, each good until the next is asked for. Throws what `readPiece`
 * throws.
 */
export function* chunksOfFile(file: TreeFile, buffer: Buffer): Generator<Buffer> {
  for (let position = 0; position < file.size; position += buffer.length) {
    const chunk = buffer.subarray(0, file.size - position);
    readPiece(file, chunk, position);
    yield chunk;
  }
}

function changed(path: string, file: string): TreeError {
  return new TreeError(
    'FILE_CHANGED',
    `${file} changed while it was packed (as ${path}); build again when nothing writes to it.`,
  );
}
