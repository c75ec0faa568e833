import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { AssembledRelease, PackageOfRelease } from '../assembled-release.ts';
import { NO_MANIFEST, parseManifest } from '../packages/manifest.ts';
import type { Package } from '../packages/package.ts';
import type { Tree, TreeFile } from '../tree.ts';

/** Finds packages in a tree by their `package.json`, each read once. */
export interface PackageFinder {
  /** The package of a file. */
  readonly ownerOf: (place: string) => Promise<Package>;
  /** All that have a name, and those of the project. */
  readonly all: () => Promise<readonly Package[]>;
}

export function findPackages(tree: Tree, release: AssembledRelease): PackageFinder {
  const manifests = new Map(
    tree.files
      .filter((file) => path.posix.basename(file.path) === 'package.json')
      .map((file) => [path.posix.dirname(file.path), file]),
  );
  const firstParty = new Map(
    release.packages.filter((one) => one.firstParty).map((one) => [one.path, one] as const),
  );
  const read = new Map<string, Promise<Package | undefined>>();
  const packageIn = (directory: string): Promise<Package | undefined> => {
    const file = manifests.get(directory);
    if (file === undefined) return Promise.resolve(undefined);
    const found = read.get(directory) ?? readPackage(directory, file, firstParty.get(directory));
    read.set(directory, found);
    return found;
  };
  return {
    ownerOf: async (place) => {
      for (let at = path.posix.dirname(place); at !== '.'; at = path.posix.dirname(at)) {
        const found = await packageIn(at);
        if (found !== undefined) return found;
      }
      return {
        name: release.name,
        version: release.version,
        place: '',
        firstParty: true,
        manifest: NO_MANIFEST,
      };
    },
    all: async () => {
      const found = await Promise.all([...manifests.keys()].map(packageIn));
      return found.filter((one) => one !== undefined);
    },
  };
}

/** Undefined for a `package.json` without a name, unless it is the project's: it only says of what type a folder's modules are. */
async function readPackage(
  directory: string,
  file: TreeFile,
  own: PackageOfRelease | undefined,
): Promise<Package | undefined> {
  const text = typeof file.content === 'string' ? await readFile(file.content, 'utf8') : String(file.content);
  const manifest = parseManifest(text);
  const name = manifest?.name ?? own?.name;
  if (manifest === undefined || name === undefined) return undefined;
  const version = manifest.version ?? '0.0.0';
  return { name, version, place: directory, firstParty: own !== undefined, manifest };
}
