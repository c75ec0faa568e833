import { createXXHash3 } from 'hash-wasm';
import type { ManifestFile } from '../manifest.ts';
import type { Tree, TreeFile } from '../tree.ts';
import { readPiece } from './read-piece.ts';

/** Files with more bytes have frames of their own, of so many bytes each, so that none has to be in memory as a whole. */
const LARGE = 16 * 1024 * 1024;

/** Some of a large file. */
export interface FileSlice {
  readonly file: string;
  /** Where it is read. */
  readonly source: TreeFile['content'];
  /** In the file, in bytes. */
  readonly position: number;
  readonly content: Buffer;
  /** The file itself, with the last of its slices. */
  readonly files: readonly ManifestFile[];
}

export function isLarge({ size }: Pick<TreeFile, 'size'>): boolean {
  return size > LARGE;
}

/** The large files of a tree in slices, from their first bytes to their last. Throws as tarSlices does. */
export async function* fileSlices({ files }: Tree): AsyncGenerator<FileSlice> {
  const xxh3 = await createXXHash3();
  for (const file of files.filter(isLarge)) {
    const { path, size, mode, content: source } = file;
    xxh3.init();
    for (let position = 0; position < size; position += LARGE) {
      const content = Buffer.allocUnsafe(Math.min(LARGE, size - position));
      readPiece(file, content, position);
      xxh3.update(content);
      const isLast = position + content.length === size;
      const whole = isLast ? [{ path, size, mode, xxh3: xxh3.digest('hex') }] : [];
      yield { file: path, source, position, content, files: whole };
    }
  }
}
