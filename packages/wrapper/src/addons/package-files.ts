import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { nativeFiles, type PlacedFile } from '../native/native-files.ts';
import type { InstalledPackage } from '../packages/package.ts';
import type { TreeFile } from '../tree.ts';

/** The native files of a package; `place` is relative to the package. */
export type PackageFiles = (one: InstalledPackage) => Promise<readonly PlacedFile[]>;

/** Where a project builds addons of its own; the rest of it is its own matter. */
const OWN_FOLDERS = ['build', 'prebuilds'];

/** Source, text and pictures, by far the most of a package. */
const NO_NATIVE = /\.([cm]?[jt]sx?|json|map|md|txt|html|css|h|hpp|cc?|cpp|gypi?|flow|ya?ml|png|svg)$/i;

/** Reads each package once: what lies in a release or an installation does not change while targets are built. */
export function packageFiles(): PackageFiles {
  const read = new Map<string, Promise<readonly PlacedFile[]>>();
  return (one) => {
    const known = read.get(one.directory);
    if (known !== undefined) return known;
    const files = readFiles(one);
    read.set(one.directory, files);
    return files;
  };
}

async function readFiles({ directory, firstParty }: InstalledPackage): Promise<readonly PlacedFile[]> {
  const folders = firstParty ? OWN_FOLDERS : [''];
  const names = (await Promise.all(folders.map((folder) => namesBelow(directory, folder)))).flat();
  const files = await Promise.all(
    names.map(async (name): Promise<TreeFile> => {
      const file = path.join(directory, name);
      const { size } = await lstat(file);
      return { path: name, mode: 0o644, size, content: file };
    }),
  );
  return await nativeFiles({ directories: [], links: [], files });
}

/** Packages in packages are others' matter; links lead to what is read where it lies. */
async function namesBelow(directory: string, folder: string): Promise<readonly string[]> {
  const entries = await readdir(path.join(directory, folder), { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    },
  );
  const names = entries.map(async (entry) => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : await namesBelow(directory, name);
    return entry.isFile() && !NO_NATIVE.test(name) ? [name] : [];
  });
  return (await Promise.all(names)).flat();
}
