import { createHash } from 'node:crypto';
import { createXXHash3 } from 'hash-wasm';
import type { ManifestFile } from '../manifest.ts';
import type { Tree, TreeFile } from '../tree.ts';
import { isLarge } from './large-files.ts';
import { readPiece } from './read-piece.ts';
import { BLOCK, encodeHeader, padding } from './tar-header.ts';

/** Bytes of the tar that begin and end between two entries, so that a thread can unpack them alone. */
export interface TarSlice {
  readonly position: number;
  readonly content: Buffer;
  /** The files that begin and end in this slice, with what they hash to. */
  readonly files: readonly ManifestFile[];
}

/**
 * The tree without its large files as one deterministic tar (ustar, pax headers for long paths), in slices of about `sliceSize` bytes.
 * Yielding slices keeps only one of them in memory. Throws what reading the files throws, and TreeError for one that
 * changes meanwhile.
 */
export async function* tarSlices(tree: Tree, sliceSize: number): AsyncGenerator<TarSlice> {
  const xxh3 = await createXXHash3();
  const runs = cutRuns(sortedEntries(tree), sliceSize);
  let position = 0;
  for (const [index, entries] of runs.entries()) {
    const end = index === runs.length - 1 ? END_OF_TAR : 0;
    const content = Buffer.alloc(entries.reduce((sum, entry) => sum + sizeOf(entry), end));
    const files: ManifestFile[] = [];
    let at = 0;
    for (const { header, file, size } of entries) {
      at += header.copy(content, at);
      if (file === undefined) continue;
      const body = content.subarray(at, at + size);
      readPiece(file, body, 0);
      const { path, mode } = file;
      files.push({ path, size, mode, xxh3: xxh3.init().update(body).digest('hex') });
      at += size + padding(size);
    }
    yield { position, content, files };
    position += content.length;
  }
}

/** Two blocks of zeros. */
const END_OF_TAR = 2 * BLOCK;

interface TarEntry {
  readonly path: string;
  readonly header: Buffer;
  /** Of its content, in bytes. */
  readonly size: number;
  readonly file?: TreeFile;
}

function sortedEntries(tree: Tree): readonly TarEntry[] {
  const directories = tree.directories.map((path): TarEntry => {
    return { path, size: 0, header: encodeHeader({ type: 'directory', path, mode: 0o755, size: 0 }) };
  });
  const small = tree.files.filter((file) => !isLarge(file));
  const files = small.map((file): TarEntry => {
    const { path, mode, size } = file;
    return { path, size, file, header: encodeHeader({ type: 'file', path, mode, size }) };
  });
  const links = tree.links.map(({ path, target }): TarEntry => {
    return { path, size: 0, header: encodeHeader({ type: 'link', path, mode: 0o777, size: 0, target }) };
  });
  return [...directories, ...files, ...links].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** In the tar. */
function sizeOf({ header, size }: TarEntry): number {
  return header.length + size + padding(size);
}

/**
 * Cuts entries into runs of about `size` bytes, of half as many at least and, but for large files, one and a half times as many at
 * most: of the entries where a run may end, the one whose path has the lowest hash begins the next. So what changes in one
 * place changes a run or two, and all others come from the build cache.
 */
function cutRuns(entries: readonly TarEntry[], size: number): readonly (readonly TarEntry[])[] {
  const runs: (readonly TarEntry[])[] = [];
  let begin = 0;
  while (begin < entries.length) {
    const end = endOfRun(entries, begin, size);
    runs.push(entries.slice(begin, end));
    begin = end;
  }
  return runs.length === 0 ? [[]] : runs;
}

function endOfRun(entries: readonly TarEntry[], begin: number, size: number): number {
  let bytes = sizeOf(entries[begin]!);
  let best: { readonly index: number; readonly hash: string } | undefined;
  for (let index = begin + 1; index < entries.length; index++) {
    const entry = entries[index]!;
    if (bytes >= size / 2) {
      const hash = createHash('sha256').update(entry.path).digest('hex');
      if (best === undefined || hash < best.hash) best = { index, hash };
    }
    bytes += sizeOf(entry);
    if (bytes > 1.5 * size && best !== undefined) return best.index;
  }
  return entries.length;
}
