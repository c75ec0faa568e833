import { integrityOf } from '../addons/lock-files.ts';
import { readLocked } from '../lockfile.ts';
import type { FindIntegrity } from './release-packages.ts';

/** What the project's lock files say of packages: the package manager's, then ours. Throws what reading them throws. */
export async function lockedIntegrity(project: string): Promise<FindIntegrity> {
  const [find, { packages }] = await Promise.all([integrityOf(project), readLocked(project)]);
  return (name, version) => find(name, version) ?? packages[`${name}@${version}`]?.integrity;
}
