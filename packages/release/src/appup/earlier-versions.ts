import type { Release } from '../release.ts';
import { type FoundVersion, findVersion, latestBefore } from './described-version.ts';

/**
 * The versions that a release can be upgraded from, as its configuration or the command line names them; where nobody
 * names one, the latest that lies in its path or among its outputs. It has to be called before the release is
 * assembled, which replaces what lies in its path. Throws ReleaseError VERSION_NOT_FOUND.
 */
export async function earlierVersions(
  release: Release,
  named?: readonly string[] | undefined,
): Promise<readonly FoundVersion[]> {
  const { name, version, path, output, project } = release;
  const places = { name, path, output };
  if (named !== undefined) return await all(named, { ...places, directory: process.cwd() });
  const { upgradeFrom } = release.options;
  if (upgradeFrom.length > 0) return await all(upgradeFrom, { ...places, directory: project });
  const latest = latestBefore(version, { ...places, directory: project });
  return latest === undefined ? [] : await all([latest], { ...places, directory: project });
}

async function all(words: readonly string[], places: Parameters<typeof findVersion>[1]) {
  return await Promise.all(words.map((word) => findVersion(word, places)));
}
