import type { PackageManifest } from './manifest.ts';

/** A package of a release, or of the installation that a release is made from. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** Relative to the root, with `/`; empty for what lies in no package. */
  readonly place: string;
  readonly firstParty: boolean;
  readonly manifest: PackageManifest;
}

/** One that lies in a directory of its own. */
export interface InstalledPackage extends Package {
  /** An absolute path. */
  readonly directory: string;
}

/** A place in a package, relative to it. */
export function placeInside({ place }: Package, file: string): string {
  return place === '' ? file : file.slice(place.length + 1);
}
