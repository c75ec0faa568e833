import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '../control/private-directory.ts';
import { BootError } from '../error.ts';
import { giveTo } from './owner.ts';
import type { VersionPlaces } from './places.ts';

/**
 * Makes a folder that is no version yet, has it filled, and removes it again, unless it was given a name meanwhile.
 * `bytes`: what it takes, where that is known.
 * Rejects with a BootError, NO_ROOM or NO_PERMISSION where the file system refuses.
 */
export async function stage<Result>(
  places: VersionPlaces,
  fill: (folder: string) => Promise<Result>,
  bytes?: number,
): Promise<Result> {
  const folder = path.join(places.versions, `.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    makeVersions(places);
    removeLeftovers(places);
    mkdirSync(folder);
    return await fill(folder);
  } catch (error) {
    throw refusal(places, error, bytes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives what was staged the name of its version, unless the same was put there meanwhile: `isThere` says so. */
export async function publishVersion(
  { versions }: VersionPlaces,
  folder: string,
  version: string,
  isThere: () => Promise<boolean>,
): Promise<void> {
  try {
    renameSync(folder, path.join(versions, version));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || !(await isThere())) throw error;
  }
}

/** With the state directory of an executable, which a first start would make. */
export function makeVersions({ form, root, versions }: VersionPlaces): void {
  if (form === 'executable') makeDirectory(root);
  if (mkdirSync(versions, { recursive: true }) === undefined) return;
  giveTo(statSync(root), versions);
  chmodSync(versions, 0o755);
}

/** What upgrades that were killed had begun. */
export function removeLeftovers({ versions }: VersionPlaces): void {
  for (const name of readdirSync(versions)) {
    const [, pid] = /^\.(\d+)\.[0-9a-f]{12}\.tmp$/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(path.join(versions, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** The system's refusals in words; everything else as it is. */
export function refusal(places: VersionPlaces, error: unknown, bytes?: number): unknown {
  const { versions } = places;
  const needed = bytes === undefined ? '' : `it takes ${Math.ceil(bytes / 1e6)} MB, and `;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new BootError(
        'NO_ROOM',
        `There is no room for another version in ${versions} (${needed}${free(versions)} MB are free). Make room, as with remove --old.`,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new BootError('NO_PERMISSION', `${message}. ${whoMay(places)}`, { cause: error });
    default:
      return error;
  }
}

function whoMay({ root, versions }: VersionPlaces): string {
  const { uid } = statSync(root);
  // Whatever user this process is for the moment (asOwner).
  return process.getuid?.() === 0 && uid !== 0
    ? `Root does this as the user whom ${root} belongs to (uid ${uid}): that one has to be able to write to ${versions}, and to read a directory that is put there.`
    : `New versions lie in ${versions}: run this as a user who may write there.`;
}

function free(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return Math.floor((bavail * bsize) / 1e6);
}
