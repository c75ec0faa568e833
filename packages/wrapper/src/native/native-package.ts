import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type AddonManifest, parseManifest } from '../addons/packages.ts';
import type { AssembledRelease, PackageOfRelease } from '../assembled-release.ts';
import { type PlatformFields, platformFields } from '../packages/platform.ts';
import type { Tree, TreeFile } from '../tree.ts';

/** The package that a native file lies in, as it is on the target. */
export interface NativePackage {
  readonly name: string;
  readonly version: string;
  /** Relative to the release's root, ends with `/`; empty for what lies in no package. */
  readonly place: string;
  readonly firstParty: boolean;
  readonly manifest: AddonManifest;
  /** The systems that the manifest says it is for. */
  readonly platform: PlatformFields;
}

/** Finds packages in a tree by their `package.json`, each read once. */
export interface PackageFinder {
  /** The package of a file. */
  readonly ownerOf: (place: string) => Promise<NativePackage>;
  /** All that have a name, and those of the project. */
  readonly all: () => Promise<readonly NativePackage[]>;
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
  const read = new Map<string, Promise<NativePackage | undefined>>();
  const packageIn = (directory: string): Promise<NativePackage | undefined> => {
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
        manifest: {},
        platform: {},
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
): Promise<NativePackage | undefined> {
  const text = typeof file.content === 'string' ? await readFile(file.content, 'utf8') : String(file.content);
  const manifest = parseManifest(text);
  const name = manifest?.name ?? own?.name;
  if (manifest === undefined || name === undefined) return undefined;
  return {
    name,
    version: manifest.version ?? '0.0.0',
    place: `${directory}/`,
    firstParty: own !== undefined,
    manifest,
    platform: platformFields({ ...manifest }),
  };
}
