import { existsSync } from 'node:fs';
import path from 'node:path';
import type { InstalledPackage } from '../packages/package.ts';
import { namedSystems } from '../packages/platform-names.ts';

const ADDON_BUILDERS = /\b(node-gyp|prebuild-install|prebuildify|node-pre-gyp|node-gyp-build|cmake-js)\b/;

/** Whether a package builds or fetches its addon when it is installed; npm does it for a `binding.gyp` without a script. */
export function isBuiltOnInstall({ directory, firstParty, manifest }: InstalledPackage): boolean {
  // The project's own are built when it is worked on.
  if (firstParty || hasRelatives(manifest)) return false;
  if (manifest.installScript !== '') return ADDON_BUILDERS.test(manifest.installScript);
  return existsSync(path.join(directory, 'binding.gyp'));
}

/** Packages that bring the addon for one system each, of which a package for many is told to have none. */
function hasRelatives({ optionalDependencies }: InstalledPackage['manifest']): boolean {
  return Object.keys(optionalDependencies).some((name) => namedSystems(name).length > 0);
}
