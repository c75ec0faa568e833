import { statSync } from 'node:fs';
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
    release.output,
    path.join(release.project, '_build'),
    path.join(release.project, 'burrito_out'),
    ...firstParty.map(({ directory }) => directory),
    ...workspaces.map(({ directory }) => directory),
  ]);
  // A folder that already is somebody's (`-o dist`) is not left out whole, only what Sarma calls NAME_TARGET or NAME.
  if (isFolder(release.output) && path.basename(release.output) !== 'burrito_out')
    excluded.delete(release.output);
  const entries = Object.values(release.entries);
  const written = new RegExp(
    `^(${Object.keys(release.entries).join('|')})(_[a-z0-9]+-[a-z0-9-]+)?(\\.exe)?$`,
  );
  const isWritten = (file: string): boolean =>
    path.dirname(file) === release.output && written.test(path.basename(file)) && !entries.includes(file);
  return (file) => excluded.has(file) || (isWritten(file) && !isFolder(file));
}

function isFolder(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
