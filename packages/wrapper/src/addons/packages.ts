import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readAssembledRelease } from '../assembled-release.ts';

/** The little of a `package.json` that addons are found by. */
export interface AddonManifest {
  readonly name?: string;
  readonly version?: string;
  readonly main?: string;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly os?: unknown;
  readonly cpu?: unknown;
  readonly libc?: unknown;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly gypfile?: boolean;
  readonly binary?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly repository?: unknown;
  readonly homepage?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly bundleDependencies?: unknown;
}

/** A package of a release, or of the installation that a release is made from. */
export interface AddonPackage {
  readonly name: string;
  readonly version: string;
  /** An absolute path. */
  readonly directory: string;
  /** Relative to the root, with `/`. */
  readonly place: string;
  readonly firstParty: boolean;
  readonly manifest: AddonManifest;
}

/** Packages, and the directory above which none is looked for. */
export interface AddonPackages {
  /** An absolute path. */
  readonly root: string;
  readonly packages: readonly AddonPackage[];
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

function readPackage(directory: string, place: string, firstParty: boolean): AddonPackage | undefined {
  const manifest = readManifest(directory);
  if (manifest === undefined) return undefined;
  const { name = path.basename(directory), version = '0.0.0' } = manifest;
  return { name, version, directory, place, firstParty, manifest };
}

/** Undefined where there is none, as in a folder that a bundle has left nothing of. */
export function readManifest(directory: string): AddonManifest | undefined {
  const file = path.join(directory, 'package.json');
  return existsSync(file) ? parseManifest(readFileSync(file, 'utf8')) : undefined;
}

/** Undefined for what is no JSON object. */
export function parseManifest(text: string): AddonManifest | undefined {
  try {
    const manifest = JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
    return typeof manifest === 'object' && manifest !== null ? (manifest as AddonManifest) : undefined;
  } catch {
    return undefined;
  }
}

/** The places at which Node looks for a package from a place, the nearest first. */
export function lookupPlaces(from: string, name: string): readonly string[] {
  const folders = from.split('/').filter((one) => one !== '');
  return [...folders.keys(), folders.length]
    .toReversed()
    .filter((count) => folders[count - 1] !== 'node_modules')
    .map((count) => [...folders.slice(0, count), 'node_modules', name].join('/'));
}
