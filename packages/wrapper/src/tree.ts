import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import type { ManifestLink } from './manifest.ts';

/** What lies in a directory, in a form that does not depend on the host: paths with `/`, modes by the execute bit. */
export interface Tree {
  readonly directories: readonly string[];
  readonly files: readonly TreeFile[];
  readonly links: readonly ManifestLink[];
}

export interface TreeFile {
  readonly path: string;
  /** 0o755 or 0o644. */
  readonly mode: number;
  readonly size: number;
  /** A file of the host (absolute path), or the bytes. */
  readonly content: string | Buffer;
}

export class TreeError extends Error {
  override readonly name = 'TreeError';
  readonly code: 'LINK_OUTSIDE' | 'LINK_BROKEN' | 'NOT_A_FILE' | 'FILE_OUTSIDE' | 'FILE_CHANGED';
  constructor(code: TreeError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Reads a directory without following links, without what `leftOut` says of a path, and without directories in which
 * this leaves nothing. Sorted by path. Waits for the disk: to ask for so little of so many files is several times faster than to be told. Throws TreeError for what cannot be wrapped.
 */
export function readTree(root: string, leftOut: (relative: string) => boolean = () => false): Tree {
  const directories: string[] = [];
  const files: TreeFile[] = [];
  const links: ManifestLink[] = [];
  /** Whether nothing is left of what was in it. */
  const visit = (directory: string): boolean => {
    const entries = readdirSync(path.join(root, directory), { withFileTypes: true });
    let left = entries.length;
    for (const entry of entries) {
      const relative = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (leftOut(relative)) left -= 1;
      else if (entry.isDirectory()) {
        if (visit(relative)) left -= 1;
        else directories.push(relative);
      } else if (entry.isSymbolicLink()) {
        links.push(readLink(root, relative));
      } else if (entry.isFile()) {
        files.push(readFileEntry(path.join(root, relative), relative));
      } else {
        throw new TreeError(
          'NOT_A_FILE',
          `${path.join(root, relative)} is no file, directory or link; take it out of the release.`,
        );
      }
    }
    return entries.length > 0 && left === 0;
  };
  visit('');
  return { directories: directories.sort(), files: files.sort(byPath), links: links.sort(byPath) };
}

export function fileOfBytes(place: string, content: Buffer, mode = 0o644): TreeFile {
  return { path: place, mode, size: content.length, content };
}

/** The tree with files laid over it, and the directories that these need. Throws TreeError. */
export function withFiles(tree: Tree, added: readonly TreeFile[]): Tree {
  for (const file of added) checkInside(file.path);
  const replaced = new Set(added.map((file) => file.path));
  const directories = new Set([...tree.directories, ...added.flatMap((file) => directoriesAbove(file.path))]);
  return {
    directories: [...directories].sort(),
    files: [...tree.files.filter((file) => !replaced.has(file.path)), ...added].sort(byPath),
    links: tree.links.filter((link) => !replaced.has(link.path)),
  };
}

/** Places that packages name for what is downloaded for them come from anywhere. */
function checkInside(place: string): void {
  if (!place.split(/[/\\]/).some((name) => name === '..' || name === '.' || name === '')) return;
  throw new TreeError(
    'FILE_OUTSIDE',
    `"${place}" is no place inside the release; what put it there, a package or a step of yours, has to name another.`,
  );
}

function directoriesAbove(file: string): readonly string[] {
  const names = file.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

/** The tree without links that lead to what is left out, or into it. */
export function withoutLinksTo(tree: Tree, left: ReadonlySet<string>): Tree {
  const isLeft = (place: string) =>
    left.has(place) || directoriesAbove(place).some((directory) => left.has(directory));
  const links = tree.links.filter(
    (link) => !isLeft(path.posix.join(path.posix.dirname(link.path), link.target)),
  );
  return links.length === tree.links.length ? tree : { ...tree, links };
}

/**
 * The tree for Windows, where a link to a file needs a privilege: such links become copies.
 * Links to directories stay; the stub makes junctions of them, which need none.
 */
export function withoutFileLinks(tree: Tree, root: string): Tree {
  const files = new Map(tree.files.map((file) => [file.path, file]));
  const copies = tree.links
    .filter((link) => !link.directory)
    .map((link) => {
      // A file of the target may lie over the one on this disk.
      const file = files.get(path.posix.join(path.posix.dirname(link.path), link.target));
      return file === undefined
        ? readFileEntry(path.join(root, link.path), link.path)
        : { ...file, path: link.path };
    });
  return {
    directories: tree.directories,
    files: [...tree.files, ...copies].sort(byPath),
    links: tree.links.filter((link) => link.directory),
  };
}

/** Code units, as V8 compares strings: the same order on every machine. */
export function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}

function readFileEntry(file: string, relative: string): TreeFile {
  const { mode, size } = statSync(file);
  return { path: relative, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, size, content: file };
}

function readLink(root: string, relative: string): ManifestLink {
  const file = path.join(root, relative);
  const target = readlinkSync(file).replaceAll(path.sep, '/');
  const resolved = path.resolve(path.dirname(file), target);
  if (path.isAbsolute(target) || !resolved.startsWith(root + path.sep)) {
    throw new TreeError(
      'LINK_OUTSIDE',
      `${file} links to ${target}, outside the release; the link would be dead on another machine.`,
    );
  }
  const found = existsSync(resolved) ? statSync(resolved) : undefined;
  if (found === undefined)
    throw new TreeError('LINK_BROKEN', `${file} links to ${target}, which does not exist.`);
  return { path: relative, target, directory: found.isDirectory() };
}

/** Bytes that the tree takes on a disk with 4 KiB blocks, an estimate for the room an install needs. */
export function diskSize(tree: Tree): number {
  const block = 4096;
  const files = tree.files.reduce((sum, file) => sum + Math.ceil(file.size / block) * block, 0);
  return files + (tree.directories.length + tree.links.length) * block;
}
