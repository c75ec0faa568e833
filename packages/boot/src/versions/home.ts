import { existsSync } from 'node:fs';
import path from 'node:path';

/** In the first root of a directory release, and in the state directory of an executable: a folder for each version. */
export const VERSIONS = 'versions';

/**
 * The first root of a directory release: what was assembled there has its state and `bin/<name>`, which starts every
 * version. Later ones lie whole in its `versions/<version>`.
 */
export function firstRoot(root: string): string {
  const versions = path.dirname(root);
  const first = path.dirname(versions);
  const isLater = path.basename(versions) === VERSIONS && existsSync(startFile(first));
  return isLater ? first : root;
}

/** What says which version a plain start starts, in a root. */
export function startFile(root: string): string {
  return path.join(root, 'releases', 'start.json');
}
