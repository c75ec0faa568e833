import path from 'node:path';
import { type Installation, packageOf } from '../installation.ts';
import { type Manifest, readManifest } from '../package-json.ts';
import type { Bundles } from './bundle.ts';

/** A package of others whose code is in bundles: it has no folder that would say so. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** What its `package.json` says of itself. */
  readonly manifest: Pick<Manifest, 'description' | 'author' | 'license' | 'licenses' | 'homepage'>;
  /** Those of its dependencies that are bundled too, as `name@version`. */
  readonly dependencies: readonly string[];
}

/** Sorted by name and version; installed twice in one version, it is named once. */
export function bundledPackages({ files }: Bundles, installation: Installation): readonly BundledPackage[] {
  const sources = new Set([...files.values()].flatMap((bundle) => [...bundle.foreign]));
  const directories = new Set([...sources].flatMap((file) => directoryOf(file, installation) ?? []));
  const idOf = (directory: string): string | undefined => {
    const { name, version } = readManifest(directory) ?? {};
    return name === undefined || version === undefined ? undefined : `${name}@${version}`;
  };
  const found = new Map<string, BundledPackage>();
  for (const directory of directories) {
    const { name, version, ...manifest } = readManifest(directory)!;
    const { description, author, license, licenses, homepage } = manifest;
    const wanted = [...(installation.packages.get(directory)?.dependencies.values() ?? [])];
    const dependencies = wanted
      .filter((dependency) => directories.has(dependency.directory))
      .flatMap((dependency) => idOf(dependency.directory) ?? []);
    found.set(idOf(directory)!, {
      name: name!,
      version: version!,
      manifest: { description, author, license, licenses, homepage },
      dependencies: [...new Set(dependencies)].sort(),
    });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** Packages that are no production dependency are bundled as well, where the project imports them. */
function directoryOf(file: string, { packages }: Installation): string | undefined {
  const installed = packageOf(file, packages);
  if (installed !== undefined) return installed.firstParty ? undefined : installed.directory;
  for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
    const { name, version } = readManifest(directory) ?? {};
    // Folders like dist/esm have a package.json too.
    if (name !== undefined && version !== undefined) return directory;
    if (path.basename(directory) === 'node_modules' || directory === path.dirname(directory))
      return undefined;
  }
}
