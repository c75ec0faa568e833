import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import { archiveName } from './archive-name.ts';
import { withoutLinks } from './link-copies.ts';
import type { AssembledRelease } from './release.ts';
import { runtimePlace, startText } from './runtime-directory.ts';
import { TAR_HEADER, type TarEntries, type TarEntry } from './tar-entries.ts';
import { writeWhole } from './write-whole.ts';

export interface TarOptions {
  /** The target's name, which becomes part of the file's. */
  readonly target: string;
  /** Whether the target is Windows: no links then, and programs are `.exe`. */
  readonly windows: boolean;
  /** The target's runtime; undefined: the host's Node is used. */
  readonly runtime?: { readonly version: string; readonly file: string } | undefined;
  /** The target's launcher, an absolute path: the log carrier, on Windows the programs too. */
  readonly launcher?: string | undefined;
  /** The release as it is on the target, without what the assembled one has for the machine it was made on. */
  readonly tree: ReleaseTree;
  /** The folder that the file is written to. */
  readonly output: string;
}

/** What lies in a release: places with `/`, modes by the execute bit. */
export interface ReleaseTree {
  readonly directories: readonly string[];
  /** `content` is a file of this disk (absolute path), or the bytes. */
  readonly files: readonly (Omit<Extract<TarEntry, { type: 'file' }>, 'type'> & { readonly path: string })[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
}

/**
 * Writes `<name>-<version>-<target>.tar.gz` of an assembled release, to be unpacked into a directory of its own: the
 * same bytes for the same content, wherever and whenever it is made. The file appears by rename. Returns its path.
 * Throws ReleaseError TAR_FAILED, and what the file system throws.
 */
export async function tarRelease(assembled: AssembledRelease, options: TarOptions): Promise<string> {
  const { name, version } = assembled;
  const file = path.join(options.output, archiveName(name, version, options.target));
  const entries = await contents(assembled, options);
  await writeWhole(file, (temporary) => writeArchive(temporary, entries));
  return file;
}

async function contents(assembled: AssembledRelease, options: TarOptions): Promise<TarEntries> {
  const { version } = assembled;
  const { windows, runtime, launcher } = options;
  const read = entriesOf(options.tree);
  const entries = new Map(windows ? await unlinked(read, assembled) : read);
  const place = runtime === undefined ? null : runtimePlace({ ...runtime, windows });
  entries.set('releases/start.json', textEntry(startText(version, place)));
  if (runtime !== undefined && place !== null) await addExecutable(entries, place, runtime.file);
  if (launcher !== undefined)
    for (const name of launcherPlaces(assembled, windows)) await addExecutable(entries, name, launcher);
  return entries;
}

function entriesOf({ directories, files, links }: ReleaseTree): TarEntries {
  return new Map<string, TarEntry>([
    ...directories.map((place) => [place, { type: 'directory' }] as const),
    ...files.map(({ path: place, ...file }) => [place, { type: 'file', ...file }] as const),
    ...links.map(({ path: place, target }) => [place, { type: 'link', target }] as const),
  ]);
}

function textEntry(text: string): TarEntry {
  const content = Buffer.from(text);
  return { type: 'file', content, mode: 0o644, size: content.length };
}

/** Without links, and with the new places of moved packages in what names places. */
async function unlinked(read: TarEntries, { path: root, version }: AssembledRelease): Promise<TarEntries> {
  const { entries, moved } = withoutLinks(read, root);
  const changed = new Map(entries);
  for (const name of ['release.json', 'boot.json'].map((one) => `releases/${version}/${one}`)) {
    if (!entries.has(name)) continue;
    const told = JSON.parse(await readFile(path.join(root, name), 'utf8'), (_key, value) =>
      typeof value === 'string' ? placeAfter(moved, value) : value,
    );
    changed.set(name, textEntry(`${JSON.stringify(told, null, 2)}\n`));
  }
  return changed;
}

function placeAfter(moved: ReadonlyMap<string, string>, place: string): string {
  for (const [from, to] of moved)
    if (place === from || place.startsWith(`${from}/`)) return to + place.slice(from.length);
  return place;
}

function launcherPlaces({ version, kind, entries }: AssembledRelease, windows: boolean): readonly string[] {
  if (windows) return Object.keys(entries).map((program) => `bin/${program}.exe`);
  return kind === 'service' ? [`releases/${version}/launcher`] : [];
}

async function addExecutable(entries: Map<string, TarEntry>, name: string, file: string): Promise<void> {
  const { size } = await stat(file);
  entries.set(name, { type: 'file', content: file, mode: 0o755, size });
  const names = name.split('/').slice(0, -1);
  for (const index of names.keys()) entries.set(names.slice(0, index + 1).join('/'), { type: 'directory' });
}

async function writeArchive(file: string, entries: TarEntries): Promise<void> {
  const tar = pack();
  const written = pipeline(tar, createGzip(), withOwnHeader, createWriteStream(file, { flags: 'wx' }));
  await Promise.all([addEntries(tar, entries), written]);
}

/** Instead of zlib's header, which tells the system and has always 10 bytes. */
async function* withOwnHeader(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield TAR_HEADER;
  let before = 10;
  for await (const chunk of chunks) {
    yield chunk.subarray(before);
    before = Math.max(0, before - chunk.length);
  }
}

/** 2000-01-01T00:00:00Z, as in payloads: whole and even, for FAT's two-second clock. */
const FIXED_TIME = new Date(946_684_800_000);

async function addEntries(tar: Pack, entries: TarEntries): Promise<void> {
  try {
    for (const name of [...entries.keys()].sort()) await addEntry(tar, name, entries.get(name)!);
    tar.finalize();
  } catch (error) {
    tar.destroy(error as Error);
    throw error;
  }
}

function addEntry(tar: Pack, name: string, entry: TarEntry): Promise<void> {
  const common = { name, mtime: FIXED_TIME, uid: 0, gid: 0, uname: '', gname: '' };
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    if (entry.type === 'directory') {
      tar.entry({ ...common, type: 'directory', mode: 0o755 }, done);
    } else if (entry.type === 'link') {
      tar.entry({ ...common, type: 'symlink', linkname: entry.target, mode: 0o777 }, done);
    } else if (typeof entry.content !== 'string') {
      tar.entry({ ...common, type: 'file', mode: entry.mode }, entry.content, done);
    } else {
      const { mode, size } = entry;
      const content = createReadStream(entry.content);
      content.on('error', reject);
      content.pipe(tar.entry({ ...common, type: 'file', mode, size }, done));
    }
  });
}
