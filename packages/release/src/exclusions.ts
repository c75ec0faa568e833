import path from 'node:path';
import type { InstalledPackage } from './installation.ts';
import type { Release } from './release.ts';
import { readWorkspaces } from './workspaces.ts';

/**
 * What no package of this release may take: other packages that lie inside it, the assembled release, and
 * the executables written earlier.
 */
export async function exclusions(
  release: Release,
  firstParty: readonly InstalledPackage[],
): Promise<(file: string) => boolean> {
  const workspaces = await readWorkspaces(release.project, release.manifest);
  const excluded = new Set([
    release.path,
    path.join(release.project, '_build'),
    path.join(release.project, 'burrito_out'),
    ...firstParty.map(({ directory }) => directory),
    ...workspaces.map(({ directory }) => directory),
  ]);
  const entries = Object.values(release.entries);
  const holdsCode = entries.some((entry) => entry.startsWith(release.output + path.sep));
  if (!holdsCode) excluded.add(release.output);
  // `-o dist` may share its folder with the code; what Sarma wrote there is called NAME_TARGET or NAME.
  const written = new RegExp(
    `^(${Object.keys(release.entries).join('|')})(_[a-z0-9]+-[a-z0-9-]+)?(\\.exe)?$`,
  );
  return (file) =>
    excluded.has(file) ||
    (holdsCode &&
      path.dirname(file) === release.output &&
      written.test(path.basename(file)) &&
      !entries.includes(file));
}
