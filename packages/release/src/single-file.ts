import { isBuiltin } from 'node:module';
import type { InstalledPackage } from './installation.ts';
import type { Manifest } from './package-json.ts';
import type { Release } from './release.ts';
import { importedPackages, reach } from './sources/reach.ts';
import { sourceResolver } from './sources/resolve.ts';

/**
 * The manifest of a file without a package.json: what it and the files it leads to import by name are its
 * dependencies, as far as Node finds them.
 */
export function singleFileManifest({ project, manifest, entries }: Release): Manifest {
  const alone: InstalledPackage = {
    directory: project,
    name: manifest.name ?? 'app',
    version: '0.0.0',
    manifest,
    firstParty: true,
    nested: false,
    dependencies: new Map(),
  };
  const imported = importedPackages(reach(Object.values(entries), sourceResolver([alone])));
  const names = [...imported].filter((name) => !isBuiltin(name));
  return { ...manifest, optionalDependencies: Object.fromEntries(names.map((name) => [name, '*'])) };
}
