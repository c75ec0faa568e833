import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Who holds a lock works for milliseconds: a lock this old, in milliseconds, is of a build that was killed. */
const ABANDONED_AFTER = 10_000;

/**
 * Takes the lock of a file that several builds read, change and write: a file beside it that only one can create.
 * Returns what gives it back. Throws what creating a file there throws.
 */
export async function lockFile(locked: string): Promise<() => Promise<void>> {
  const file = path.join(path.dirname(locked), `.${path.basename(locked)}.lock`);
  for (;;) {
    try {
      const handle = await open(file, 'wx');
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await removeAbandoned(file);
    await pause(20);
  }
}

/** Whoever was faster may have taken a new lock meanwhile: what was moved away is looked at again, and given back. */
async function removeAbandoned(file: string): Promise<void> {
  if (!(await isAbandoned(file))) return;
  const taken = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(file, taken);
    await ((await isAbandoned(taken)) ? rm(taken) : rename(taken, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** A clock that is ahead makes no lock that stays. */
async function isAbandoned(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Math.abs(Date.now() - found.mtimeMs) > ABANDONED_AFTER;
}
