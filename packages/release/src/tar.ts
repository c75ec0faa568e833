import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import { ReleaseError } from './error.ts';
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
  /** What the target's release has not of the assembled one: places of files and folders. */
  readonly without?: readonly string[];
  /** What it has besides or instead: files of this disk by their places. */
  readonly files?: readonly OwnFile[];
  /** The folder that the file is written to. */
  readonly output: string;
}

/** A file that only this target's release has. */
export interface OwnFile {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  /** An absolute path. */
  readonly from: string;
}

/**
 * Writes `<name>-<version>-<target>.tar.gz` of an assembled release, to be unpacked into a directory of its own: the
 * same bytes for the same content, wherever and whenever it is made. What a release has for the machine it was
 * assembled on (state, runtime, launcher) is not in it. The file appears by rename. Returns its path.
 * Throws ReleaseError TAR_FAILED, and what the file system throws.
 */
export async function tarRelease(assembled: AssembledRelease, options: TarOptions): Promise<string> {
  const { name, version } = assembled;
  const file = path.join(options.output, `${name}-${version}-${options.target}.tar.gz`);
  const entries = await contents(assembled, options);
  await writeWhole(file, (temporary) => writeArchive(temporary, entries));
  return file;
}

async function contents(assembled: AssembledRelease, options: TarOptions): Promise<TarEntries> {
  const { version } = assembled;
  const { windows, runtime, launcher } = options;
  const read = withOwn(await readEntries(assembled), options);
  const entries = new Map(windows ? await unlinked(read, assembled) : read);
  const place = runtime === undefined ? null : runtimePlace({ ...runtime, windows });
  entries.set('releases/start.json', { type: 'text', text: startText(version, place) });
  if (runtime !== undefined && place !== null) await addExecutable(entries, place, runtime.file);
  if (launcher !== undefined)
    for (const name of launcherPlaces(assembled, windows)) await addExecutable(entries, name, launcher);
  return entries;
}

/** The entries of the target: without what is not its own, and without links that lead there. */
function withOwn(read: TarEntries, { without = [], files = [] }: TarOptions): TarEntries {
  const left = new Set(without);
  const isLeft = (place: string) => [place, ...foldersAbove(place)].some((one) => left.has(one));
  const entries = new Map(
    [...read].filter(([place, entry]) => {
      if (isLeft(place)) return false;
      return entry.type !== 'link' || !isLeft(path.posix.join(path.posix.dirname(place), entry.target));
    }),
  );
  for (const { path: place, mode, size, from } of files) {
    entries.set(place, { type: 'file', from, mode, size });
    for (const folder of foldersAbove(place)) entries.set(folder, { type: 'directory' });
  }
  return entries;
}

function foldersAbove(place: string): readonly string[] {
  const names = place.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
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
    changed.set(name, { type: 'text', text: `${JSON.stringify(told, null, 2)}\n` });
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

async function addExecutable(entries: Map<string, TarEntry>, name: string, from: string): Promise<void> {
  const { size } = await stat(from);
  entries.set(name, { type: 'file', from, mode: 0o755, size });
  for (const folder of foldersAbove(name)) entries.set(folder, { type: 'directory' });
}

/** Says of a path what docs/format.md does: whether it is there for the host that the release was assembled on. */
function isOfHost({ entries }: AssembledRelease): (relative: string) => boolean {
  const programs = new Set(Object.keys(entries).map((program) => `bin/${program}.exe`));
  return (relative) =>
    programs.has(relative) || /^(runtime-\d+\.[^/]*|var|releases\/[^/]*\/launcher)$/.test(relative);
}

async function readEntries(assembled: AssembledRelease): Promise<TarEntries> {
  const entries = new Map<string, TarEntry>();
  const leftOut = isOfHost(assembled);
  const visit = async (folder: string): Promise<void> => {
    for (const entry of await readdir(path.join(assembled.path, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (leftOut(name)) continue;
      entries.set(name, await readEntry(assembled.path, name, entry));
      if (entry.isDirectory()) await visit(name);
    }
  };
  await visit('');
  return entries;
}

interface Kind {
  isDirectory(): boolean;
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

async function readEntry(root: string, name: string, kind: Kind): Promise<TarEntry> {
  const file = path.join(root, name);
  if (kind.isDirectory()) return { type: 'directory' };
  if (kind.isSymbolicLink()) {
    const target = (await readlink(file)).replaceAll(path.sep, '/');
    const place = path.posix.join(path.posix.dirname(name), target);
    if (!path.posix.isAbsolute(target) && !place.startsWith('../')) return { type: 'link', target };
    throw new ReleaseError(
      'TAR_FAILED',
      `${file} links to ${target}, outside the release; the link would be dead on another machine.`,
    );
  }
  if (!kind.isFile()) {
    throw new ReleaseError('TAR_FAILED', `${file} is no file, folder or link; take it out of the release.`);
  }
  const { mode, size } = await stat(file);
  return { type: 'file', from: file, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, size };
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
    } else if (entry.type === 'text') {
      tar.entry({ ...common, type: 'file', mode: 0o644 }, entry.text, done);
    } else {
      const { mode, size, from } = entry;
      const content = createReadStream(from);
      content.on('error', reject);
      content.pipe(tar.entry({ ...common, type: 'file', mode, size }, done));
    }
  });
}
