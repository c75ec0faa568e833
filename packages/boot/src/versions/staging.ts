import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { makeDirectory } from '../control/private-directory.ts';
import { BootError } from '../error.ts';
import { giveTo } from './owner.ts';
import type { VersionPlaces } from './places.ts';

/**
 * Makes a folder that is no version yet, has it filled, and removes it again, unless it was given a name meanwhile.
 * Rejects with a BootError, NO_ROOM or NO_PERMISSION where the file system refuses.
 */
export async function stage<Result>(
  places: VersionPlaces,
  fill: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = path.join(places.versions, `.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    makeVersions(places);
    removeLeftovers(places);
    mkdirSync(folder);
    return await fill(folder);
  } catch (error) {
    throw refusal(places, error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives what was staged the name of its version. */
export function publishVersion(places: VersionPlaces, folder: string, version: string): void {
  renameSync(folder, path.join(places.versions, version));
}

/** With the state directory of an executable, which a first start would make. */
export function makeVersions({ form, root, versions }: VersionPlaces): void {
  if (form === 'executable') makeDirectory(root);
  if (mkdirSync(versions, { recursive: true, mode: 0o755 }) !== undefined) giveTo(statSync(root), versions);
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
export function refusal({ versions }: VersionPlaces, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new BootError(
        'NO_ROOM',
        `There is no room for another version in ${versions} (${free(versions)} MB are free). Make room, as with remove VERSION.`,
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new BootError(
        'NO_PERMISSION',
        `${message}. New versions lie in ${versions}: run this as a user who may write there.`,
        { cause: error },
      );
    default:
      return error;
  }
}

function free(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return Math.floor((bavail * bsize) / 1e6);
}
