import { readFile } from 'node:fs/promises';
import { createXXHash3 } from 'hash-wasm';
import { type Header, type Pack, pack } from 'tar-stream';
import type { ManifestFile } from '../manifest.ts';
import type { Tree, TreeFile } from '../tree.ts';

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
 * The tree as one deterministic tar (ustar, pax headers for long paths), in slices of about `sliceSize` bytes.
 * Yielding slices keeps only one of them in memory. Throws what reading the files throws.
 */
export async function* tarSlices(tree: Tree, sliceSize: number): AsyncGenerator<TarSlice> {
  const xxh3 = await createXXHash3();
  const entries = sortedEntries(tree);
  let position = 0;
  let files: ManifestFile[] = [];
  let writer = sliceWriter();
  for (const [index, entry] of entries.entries()) {
    const content = entry.kind === 'file' ? await contentOf(entry) : undefined;
    await writer.add(header(entry, content?.length ?? 0), content);
    if (entry.kind === 'file' && content !== undefined) {
      const hash = xxh3.init().update(content).digest('hex');
      files.push({ path: entry.path, size: content.length, mode: entry.mode, xxh3: hash });
    }
    const last = index === entries.length - 1;
    if (last) await writer.finish();
    if (last || writer.size() >= sliceSize) {
      const bytes = writer.bytes();
      yield { position, content: bytes, files };
      position += bytes.length;
      files = [];
      writer = sliceWriter();
    }
  }
}

type TarEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | ({ readonly kind: 'file' } & TreeFile)
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

function sortedEntries(tree: Tree): readonly TarEntry[] {
  return [
    ...tree.directories.map((directory) => ({ kind: 'directory', path: directory }) as const),
    ...tree.files.map((file) => ({ kind: 'file', ...file }) as const),
    ...tree.links.map((link) => ({ kind: 'link', path: link.path, target: link.target }) as const),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function contentOf(file: TreeFile): Promise<Buffer> {
  return typeof file.content === 'string' ? await readFile(file.content) : file.content;
}

/** What tar-stream needs of a header; it fills in the rest. */
type EntryHeader = Partial<Header> & Pick<Header, 'name'>;

function header(entry: TarEntry, size: number): EntryHeader {
  const common = { name: entry.path, mtime: FIXED_TIME, uid: 0, gid: 0, uname: '', gname: '' };
  switch (entry.kind) {
    case 'directory':
      return { ...common, type: 'directory', mode: 0o755 };
    case 'file':
      return { ...common, type: 'file', mode: entry.mode, size };
    case 'link':
      return { ...common, type: 'symlink', linkname: entry.target, mode: 0o777 };
  }
}

function sliceWriter() {
  const tar: Pack = pack();
  const chunks: Buffer[] = [];
  let size = 0;
  tar.on('data', (chunk) => {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
  });
  const add = (entry: EntryHeader, content: Buffer = Buffer.alloc(0)) =>
    new Promise<void>((resolve, reject) => {
      tar.entry(entry, content, (error) => (error ? reject(error) : resolve()));
    });
  const finish = () =>
    new Promise<void>((resolve) => {
      tar.on('end', () => resolve());
      tar.finalize();
    });
  return { add, finish, size: () => size, bytes: () => Buffer.concat(chunks, size) };
}
