import { readdir, readlink, stat } from 'node:fs/promises';
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
 * Reads a directory without following links, and without what `leftOut` says of a path. Sorted by path.
 * Throws TreeError for what cannot be wrapped.
 */
export async function readTree(
  root: string,
  leftOut: (relative: string) => boolean = () => false,
): Promise<Tree> {
  const directories: string[] = [];
  const files: TreeFile[] = [];
  const links: ManifestLink[] = [];
  const visit = async (directory: string): Promise<void> => {
    const entries = await readdir(path.join(root, directory), { withFileTypes: true });
    await Promise.all(
      entries.map(async (entry) => {
        const relative = directory === '' ? entry.name : `${directory}/${entry.name}`;
        if (leftOut(relative)) return;
        if (entry.isDirectory()) {
          directories.push(relative);
          await visit(relative);
        } else if (entry.isSymbolicLink()) {
          links.push(await readLink(root, relative));
        } else if (entry.isFile()) {
          files.push(await readFileEntry(path.join(root, relative), relative));
        } else {
          throw new TreeError(
            'NOT_A_FILE',
            `${path.join(root, relative)} is no file, directory or link; take it out of the release.`,
          );
        }
      }),
    );
  };
  await visit('');
  return { directories: directories.sort(), files: files.sort(byPath), links: links.sort(byPath) };
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
export async function withoutFileLinks(tree: Tree, root: string): Promise<Tree> {
  const files = new Map(tree.files.map((file) => [file.path, file]));
  const copies = await Promise.all(
    tree.links
      .filter((link) => !link.directory)
      .map(async (link) => {
        // A file of the target may lie over the one on this disk.
        const file = files.get(path.posix.join(path.posix.dirname(link.path), link.target));
        return file === undefined
          ? await readFileEntry(path.join(root, link.path), link.path)
          : { ...file, path: link.path };
      }),
  );
  return {
    directories: tree.directories,
    files: [...tree.files, ...copies].sort(byPath),
    links: tree.links.filter((link) => link.directory),
  };
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}

async function readFileEntry(file: string, relative: string): Promise<TreeFile> {
  const { mode, size } = await stat(file);
  return { path: relative, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, size, content: file };
}

async function readLink(root: string, relative: string): Promise<ManifestLink> {
  const file = path.join(root, relative);
  const target = (await readlink(file)).replaceAll(path.sep, '/');
  const resolved = path.resolve(path.dirname(file), target);
  if (path.isAbsolute(target) || !resolved.startsWith(root + path.sep)) {
    throw new TreeError(
      'LINK_OUTSIDE',
      `${file} links to ${target}, outside the release; the link would be dead on another machine.`,
    );
  }
  const found = await stat(resolved).catch(() => undefined);
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
