import { accessSync, constants, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';

/**
 * The caches of a home that lies below no directory others can write to: there (in /tmp, say) the stub loads its guard
 * against planted modules, which shows in `execArgv` and is not what these tests compare. A HOME in /tmp is passed over
 * for the one of the user's passwd entry.
 */
export function cacheDirectory(): string {
  const home = [homedir(), userInfo().homedir].find(
    (candidate) => isWritable(candidate) && !isShared(candidate),
  );
  if (home === undefined) {
    throw new Error(
      `The tests need a home that lies below no directory others can write to; ${homedir()} does.`,
    );
  }
  return path.join(home, '.cache');
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function isShared(directory: string): boolean {
  if ((statSync(directory).mode & 0o002) !== 0) return true;
  const parent = path.dirname(directory);
  return parent !== directory && isShared(parent);
}
