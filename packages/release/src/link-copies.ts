import { lstatSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from './error.ts';
import type { TarEntries, TarEntry } from './tar-entries.ts';

/** More than any release has, and soon reached by copies that hold copies of each other. */
const MOST_ENTRIES = 500_000;
const LONGEST_PATH = 1024;

/** A release without links. */
export interface Unlinked {
  readonly entries: TarEntries;
  /** Former place → new one, of the packages that lie elsewhere now. */
  readonly moved: ReadonlyMap<string, string>;
}

/**
 * The entries of a release without links, for systems on which unpacking a link needs a privilege. Packages of the
 * project that others need move to `lib/node_modules`, where all of them find the same one. What else is linked to is
 * copied and brings along what it finds beside itself (pnpm's store); a copy is left out where Node finds the same
 * package in a `node_modules` further up, so that packages may need each other.
 * Throws ReleaseError TAR_FAILED for links that lead nowhere or to too many copies.
 */
export function withoutLinks(entries: TarEntries, directory: string): Unlinked {
  const root = realpathSync(directory);
  const moved = movedPackages(entries, root);
  const copying: Copying = {
    root,
    entries,
    children: childrenOf(entries),
    copies: new Map(),
    origins: new Map([...moved].map(([from, to]) => [to, from])),
    moved,
  };
  addChildren(copying, '', '');
  for (const place of moved.values()) addFolders(copying, place, 'lib');
  return { entries: copying.copies, moved };
}

/** Those directly in `lib` that are linked to by one name, which is no other package's. */
function movedPackages(entries: TarEntries, root: string): ReadonlyMap<string, string> {
  const names = new Map<string, Set<string>>();
  for (const [at, entry] of entries) {
    const [, name] = splitModule(at);
    if (entry.type !== 'link' || name === undefined || !at.startsWith('lib/')) continue;
    names.set(name, (names.get(name) ?? new Set()).add(realPlace(root, at)));
  }
  const moved = new Map<string, string>();
  for (const [name, [place, ...others]] of names) {
    const to = `lib/node_modules/${name}`;
    const free = !entries.has(to) || realPlace(root, to) === place;
    const own = /^lib\/(?!node_modules\/)(?:@[^/]+\/)?[^/@][^/]*$/.test(place!);
    if (own && free && others.length === 0 && !moved.has(place!)) moved.set(place!, to);
  }
  return moved;
}

interface Copying {
  readonly root: string;
  readonly entries: TarEntries;
  /** Folder → the names in it. */
  readonly children: ReadonlyMap<string, readonly string[]>;
  /** What comes out. */
  readonly copies: Map<string, TarEntry>;
  /** Place of a package that is a copy, or will be → what it is a copy of. */
  readonly origins: Map<string, string>;
  readonly moved: ReadonlyMap<string, string>;
}

function add({ copies }: Copying, at: string, entry: TarEntry): void {
  copies.set(at, entry);
  if (copies.size <= MOST_ENTRIES && at.length <= LONGEST_PATH) return;
  throw new ReleaseError(
    'TAR_FAILED',
    `Without links this release has too many or too deep files, since packages that share others each get a copy. ` +
      'Install the project with npm, take code: "bundle", or wrap it: an executable has links on Windows too.',
  );
}

/** Everything in a folder, at another place. */
function addChildren(copying: Copying, at: string, from: string): void {
  for (const name of copying.children.get(from) ?? []) {
    const original = join(from, name);
    const place = copying.moved.get(original) ?? join(at, name);
    const entry = copying.entries.get(original)!;
    if (entry.type === 'link') {
      addCopy(copying, place, realPlace(copying.root, original));
    } else {
      add(copying, place, entry);
      if (entry.type === 'directory') addChildren(copying, place, original);
    }
  }
}

/** What a link leads to, in the link's place. */
function addCopy(copying: Copying, at: string, from: string): void {
  const entry = copying.entries.get(from);
  // Led to something that is not for other machines.
  if (entry === undefined || foundAbove(copying, at) === from) return;
  add(copying, at, entry);
  if (entry.type !== 'directory') return;
  copying.origins.set(at, from);
  addChildren(copying, at, from);
  addNeighbours(copying, at, from);
}

function addNeighbours(copying: Copying, at: string, from: string): void {
  const wanted = neighbours(copying, at, from)
    .map(([name, original]) => [`${at}/node_modules/${name}`, original] as const)
    .filter(([place, original]) => !copying.copies.has(place) && foundAbove(copying, place) !== original);
  // Known before the first of them is copied, since they need each other.
  for (const [place, original] of wanted) copying.origins.set(place, original);
  for (const [place, original] of wanted) {
    addFolders(copying, place, at);
    addCopy(copying, place, original);
  }
}

/** The folders between a place and one that it is below. */
function addFolders(copying: Copying, place: string, below: string): void {
  for (let folder = path.posix.dirname(place); folder !== below; folder = path.posix.dirname(folder))
    add(copying, folder, { type: 'directory' });
}

/** Packages in the same `node_modules` as the original, where the copy would not find that folder. */
function neighbours(
  { root, children }: Copying,
  at: string,
  from: string,
): readonly (readonly [name: string, original: string])[] {
  const [folder, name] = splitModule(from);
  if (name === undefined || isBelow(at, path.posix.dirname(folder))) return [];
  const inScope = (scope: string) =>
    (children.get(join(folder, scope)) ?? []).map((one) => `${scope}/${one}`);
  return (children.get(folder) ?? [])
    .flatMap((one) => (one.startsWith('@') ? inScope(one) : [one]))
    .filter((one) => one !== name && !one.startsWith('.'))
    .map((one) => [one, realPlace(root, join(folder, one))] as const);
}

/** What Node finds further up when a package is not at its place: where that comes from. */
function foundAbove({ root, entries, origins }: Copying, at: string): string | undefined {
  const [modules, name] = splitModule(at);
  if (name === undefined) return undefined;
  let folder = path.posix.dirname(modules);
  while (folder !== '.') {
    folder = path.posix.dirname(folder);
    const place = join(folder, `node_modules/${name}`);
    if (origins.has(place)) return origins.get(place);
    if (entries.has(place)) return realPlace(root, place);
  }
  return undefined;
}

function childrenOf(entries: TarEntries): ReadonlyMap<string, readonly string[]> {
  const children = new Map<string, string[]>();
  for (const name of [...entries.keys()].sort()) {
    const folder = path.posix.dirname(name) === '.' ? '' : path.posix.dirname(name);
    const names = children.get(folder) ?? [];
    children.set(folder, names);
    names.push(path.posix.basename(name));
  }
  return children;
}

function realPlace(root: string, name: string): string {
  // What only the target has is not in the assembled release, and no link.
  if (lstatSync(path.join(root, name), { throwIfNoEntry: false }) === undefined)
    return join(realPlace(root, path.posix.dirname(name)), path.posix.basename(name));
  try {
    return path.relative(root, realpathSync(path.join(root, name))).replaceAll(path.sep, '/');
  } catch (cause) {
    throw new ReleaseError('TAR_FAILED', `${path.join(root, name)} is a link that leads nowhere.`, { cause });
  }
}

/** A `node_modules` folder and the package in it that a place is; no name for every other place. */
function splitModule(place: string): readonly [folder: string, name: string | undefined] {
  const match = /^(.*\/|)node_modules\/((?:@[^/]+\/)?[^/@][^/]*)$/.exec(place);
  return match === null ? [place, undefined] : [`${match[1]}node_modules`, match[2]];
}

function isBelow(place: string, folder: string): boolean {
  return folder === '.' || place === folder || place.startsWith(`${folder}/`);
}

function join(folder: string, name: string): string {
  return folder === '' || folder === '.' ? name : `${folder}/${name}`;
}
