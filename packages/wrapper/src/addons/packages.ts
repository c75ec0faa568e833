import path from 'node:path';
import { readAssembledRelease } from '../assembled-release.ts';
import { readManifest } from '../packages/manifest.ts';
import type { InstalledPackage } from '../packages/package.ts';

/** Packages, and the directory above which none is looked for. */
export interface AddonPackages {
  /** An absolute path. */
  readonly root: string;
  readonly packages: readonly InstalledPackage[];
}

/** Reads the packages of an assembled release, by what its release.json says of them. */
export function releasePackages(
  root: string,
  listed: readonly { readonly path: string; readonly firstParty: boolean }[],
): AddonPackages {
  const packages = listed.flatMap(({ path: place, firstParty }) => {
    const directory = path.join(root, place);
    return readPackage(directory, place, firstParty) ?? [];
  });
  return { root, packages };
}

/** Reads the packages of the assembled release in a directory. Throws AssembledReleaseError. */
export async function assembledPackages(directory: string): Promise<AddonPackages> {
  const release = await readAssembledRelease(directory);
  return releasePackages(release.directory, release.packages);
}

/** Reads the packages of an installation by their directories. Places have no meaning there. */
export function installedPackages(
  listed: readonly { readonly directory: string; readonly firstParty: boolean }[],
): AddonPackages {
  const { root } = path.parse(listed[0]?.directory ?? process.cwd());
  const packages = listed.flatMap(
    ({ directory, firstParty }) =>
      readPackage(directory, path.relative(root, directory).replaceAll(path.sep, '/'), firstParty) ?? [],
  );
  return { root, packages };
}

function readPackage(directory: string, place: string, firstParty: boolean): InstalledPackage | undefined {
  const manifest = readManifest(directory);
  if (manifest === undefined) return undefined;
  const { name = path.basename(directory), version = '0.0.0' } = manifest;
  return { name, version, directory, place, firstParty, manifest };
}

/** The places at which Node looks for a package from a place, the nearest first. */
export function lookupPlaces(from: string, name: string): readonly string[] {
  const folders = from.split('/').filter((one) => one !== '');
  return [...folders.keys(), folders.length]
    .toReversed()
    .filter((count) => folders[count - 1] !== 'node_modules')
    .map((count) => [...folders.slice(0, count), 'node_modules', name].join('/'));
}
