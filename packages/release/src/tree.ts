import {
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { chmod, copyFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** One name of a tree that is to be written. `mode` is 0o755 or 0o644. */
export type TreeEntry =
  | { readonly type: 'copy'; readonly from: string; readonly mode: number; readonly size: number }
  | { readonly type: 'text'; readonly text: string; readonly mode: number }
  | { readonly type: 'link'; readonly target: string };

/** Path relative to the root, with `/` → what comes there. */
export type Tree = Map<string, TreeEntry>;

/**
 * Adds a file of this disk. A link stays one when it leads to something inside `within` and is else replaced by
 * what it leads to, since nothing outside exists on another machine.
 */
export function addFile(tree: Tree, at: string, file: string, within: string): void {
  const own = lstatSync(file, { throwIfNoEntry: false });
  const stats = own?.isSymbolicLink() ? statSync(file, { throwIfNoEntry: false }) : own;
  // A dead link here is a dead link there.
  if (stats === undefined) return;
  const target = own === stats ? undefined : linkInside(file, within);
  if (target !== undefined) tree.set(at, { type: 'link', target });
  else if (stats.isFile()) tree.set(at, copyOf(file, stats));
  else if (stats.isDirectory() && !isInside(within, realpathSync(file)))
    addFolder(tree, at, realpathSync(file));
}

/** Adds everything below a folder but `node_modules` at its top and `except` names there. */
export function addFolder(tree: Tree, at: string, folder: string, except: readonly string[] = []): void {
  const visit = (inner: string): void => {
    for (const entry of readdirSync(path.join(folder, inner), { withFileTypes: true })) {
      if (inner === '' && except.includes(entry.name)) continue;
      const name = inner === '' ? entry.name : `${inner}/${entry.name}`;
      if (entry.isDirectory()) visit(name);
      else if (entry.isFile()) tree.set(`${at}/${name}`, copyOf(path.join(folder, name)));
      else if (entry.isSymbolicLink()) addFile(tree, `${at}/${name}`, path.join(folder, name), folder);
    }
  };
  visit('');
}

function copyOf(file: string, stats: Stats = statSync(file)): TreeEntry {
  return { type: 'copy', from: file, mode: modeOf(stats), size: stats.size };
}

function modeOf({ mode }: Stats): number {
  return (mode & 0o111) === 0 ? 0o644 : 0o755;
}

/** What a link says, relative and with `/`, when it leads to something inside a folder; undefined for any other link. */
function linkInside(file: string, folder: string): string | undefined {
  const target = readlinkSync(file);
  const absolute = path.resolve(path.dirname(file), target);
  if (!isInside(absolute, folder) || !isInside(realpathSync(file), realpathSync(folder))) return undefined;
  return path.relative(path.dirname(file), absolute).replaceAll(path.sep, '/') || '.';
}

/** Whether there is a regular file, a link to one included. */
export function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Of absolute paths. */
export function isInside(file: string, folder: string): boolean {
  return file === folder || file.startsWith(path.join(folder, path.sep));
}

/** Names of links that lead to nothing in the tree, so that they can be left out. */
export function deadLinks(tree: Tree): readonly string[] {
  const folders = foldersOf(tree);
  const exists = (name: string, depth: number): boolean => {
    const entry = tree.get(name);
    if (entry === undefined) return folders.has(name) || throughLink(name, depth);
    if (entry.type !== 'link') return true;
    return depth < 40 && exists(path.posix.join(path.posix.dirname(name), entry.target), depth + 1);
  };
  const throughLink = (name: string, depth: number): boolean => {
    for (let folder = path.posix.dirname(name); folder !== '.'; folder = path.posix.dirname(folder)) {
      const entry = tree.get(folder);
      if (entry?.type !== 'link' || depth > 40) continue;
      const real = path.posix.join(
        path.posix.dirname(folder),
        entry.target,
        path.posix.relative(folder, name),
      );
      return exists(real, depth + 1);
    }
    return false;
  };
  return [...tree].filter(([name, { type }]) => type === 'link' && !exists(name, 0)).map(([name]) => name);
}

function foldersOf(tree: Tree): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const name of tree.keys()) {
    for (let folder = path.posix.dirname(name); folder !== '.' && !folders.has(folder); ) {
      folders.add(folder);
      folder = path.posix.dirname(folder);
    }
  }
  return folders;
}

/**
 * A tree of links to what it would copy, so that changes are seen at once. On Windows, where links to files need a
 * privilege, it is the tree itself.
 */
export function linkedTree(tree: Tree): Tree {
  if (process.platform === 'win32') return tree;
  return new Map(
    [...tree].map(([name, entry]) => [
      name,
      entry.type === 'copy' ? { type: 'link', target: entry.from } : entry,
    ]),
  );
}

/** Writes a tree into a new directory. */
export async function writeTree(root: string, tree: Tree): Promise<void> {
  mkdirSync(root, { recursive: true });
  for (const folder of [...foldersOf(tree)].sort()) mkdirSync(path.join(root, folder), { mode: 0o755 });
  const queue = [...tree].values();
  // The thread pool has four threads; a few more keep it busy.
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const [name, entry] of queue) await writeEntry(path.join(root, name), entry);
    }),
  );
}

async function writeEntry(file: string, entry: TreeEntry): Promise<void> {
  if (entry.type === 'link') return symlink(entry.target, file, linkType(file, entry.target));
  if (entry.type === 'text') return writeFile(file, entry.text, { mode: entry.mode, flag: 'wx' });
  await copyFile(entry.from, file, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const { mode } = statSync(file);
  if ((mode & 0o7777) !== entry.mode) await chmod(file, entry.mode);
}

/** Windows wants to know what a link leads to; directories get junctions, which need no privilege. */
function linkType(file: string, target: string): 'junction' | 'file' | undefined {
  if (process.platform !== 'win32') return undefined;
  const stats = statSync(path.resolve(path.dirname(file), target), { throwIfNoEntry: false });
  return stats?.isFile() === true ? 'file' : 'junction';
}

export function sizeOf(entry: TreeEntry): number {
  if (entry.type === 'copy') return entry.size;
  return entry.type === 'text' ? Buffer.byteLength(entry.text) : 0;
}
