import { createHash } from 'node:crypto';
import { createXXHash3 } from 'hash-wasm';
import { type Header, pack } from 'tar-stream';
import type { ManifestFile } from '../manifest.ts';
import { byPath, type Tree, type TreeFile } from '../tree.ts';
import { isLarge } from './large-files.ts';
import { readPiece } from './read-piece.ts';

/** 2000-01-01T00:00:00Z: the time of every installed file and directory; whole and even, for FAT's two-second clock. */
const FIXED_TIME = new Date(946_684_800_000);

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
  // The files of a run, one behind the other: a buffer for each of thousands would stay behind as holes in the heap.
  const bodies = Buffer.allocUnsafe(Math.max(...runs.map(bytesOf)));
  let position = 0;
  for (const [index, entries] of runs.entries()) {
    const tar = sliceWriter();
    const files: ManifestFile[] = [];
    let at = 0;
    for (const { header, file } of entries) {
      if (file === undefined) {
        await tar.add(header);
        continue;
      }
      const { path, mode, size } = file;
      const body = bodies.subarray(at, at + size);
      at += size;
      readPiece(file, body, 0);
      await tar.add(header, body);
      files.push({ path, size, mode, xxh3: xxh3.init().update(body).digest('hex') });
    }
    if (index === runs.length - 1) await tar.finish();
    const content = tar.bytes();
    yield { position, content, files };
    position += content.length;
  }
}

/** What tar-stream needs of a header; it fills in the rest. */
type EntryHeader = Partial<Header> & Pick<Header, 'name'>;

interface TarEntry {
  readonly path: string;
  readonly header: EntryHeader;
  readonly file?: TreeFile;
}

function sortedEntries(tree: Tree): readonly TarEntry[] {
  const entry = (path: string, header: Partial<Header>, file?: TreeFile): TarEntry => ({
    path,
    header: { name: path, mtime: FIXED_TIME, uid: 0, gid: 0, uname: '', gname: '', ...header },
    ...(file && { file }),
  });
  return [
    ...tree.directories.map((path) => entry(path, { type: 'directory', mode: 0o755 })),
    ...tree.files
      .filter((file) => !isLarge(file))
      .map((file) => entry(file.path, { type: 'file', mode: file.mode, size: file.size }, file)),
    ...tree.links.map(({ path, target }) => entry(path, { type: 'symlink', mode: 0o777, linkname: target })),
  ].sort(byPath);
}

function sliceWriter() {
  const tar = pack();
  const chunks: Buffer[] = [];
  tar.on('data', (chunk) => chunks.push(chunk as Buffer));
  const add = (header: EntryHeader, content: Buffer = Buffer.alloc(0)) =>
    new Promise<void>((resolve, reject) => {
      tar.entry(header, content, (error) => (error ? reject(error) : resolve()));
    });
  const finish = () =>
    new Promise<void>((resolve, reject) => {
      tar.on('end', () => resolve());
      tar.on('error', reject);
      tar.finalize();
    });
  return { add, finish, bytes: () => Buffer.concat(chunks) };
}

const BLOCK = 512;

/** Of the files of a run. */
function bytesOf(entries: readonly TarEntry[]): number {
  return entries.reduce((sum, { file }) => sum + (file?.size ?? 0), 0);
}

/** Bytes that an entry takes in the tar, but for the headers of names that are too long for its own. */
function sizeOf({ file }: TarEntry): number {
  return BLOCK + Math.ceil((file?.size ?? 0) / BLOCK) * BLOCK;
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
