import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReleaseError } from './error.ts';

/**
 * Builds a directory beside its place and moves it there when it is complete; returns whether one was replaced. The
 * state of a node that ran in the old one (or still does) is not made by a build, and stays.
 * Throws ReleaseError NOT_A_RELEASE when something lies there that is no assembled release.
 */
export async function publish(target: string, build: (directory: string) => Promise<void>): Promise<boolean> {
  checkReplaceable(target);
  const parent = path.dirname(target);
  const suffix = randomBytes(6).toString('hex');
  const fresh = path.join(parent, `.${path.basename(target)}.${suffix}.tmp`);
  const old = path.join(parent, `.${path.basename(target)}.${suffix}.old`);
  await mkdir(parent, { recursive: true });
  try {
    await build(fresh);
    return await replace(fresh, target, old);
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await removeOld(parent, path.basename(target), suffix);
  }
}

async function replace(fresh: string, target: string, old: string): Promise<boolean> {
  const replaced = await moveAway(target, old);
  try {
    if (replaced) await moveState(old, fresh);
    await rename(fresh, target);
    return replaced;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another assembly was faster: its release is replaced like any other.
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return replace(fresh, target, `${old}.old`);
    if (replaced) {
      await moveState(fresh, old);
      await rename(old, target);
    }
    throw error;
  }
}

function checkReplaceable(target: string): void {
  if (!existsSync(target) || existsSync(path.join(target, 'releases', 'start.json'))) return;
  if (isEmptyFolder(target)) return;
  throw new ReleaseError(
    'NOT_A_RELEASE',
    `${target} is not empty and no assembled release, so it is not replaced. Remove it, or name another directory.`,
  );
}

function isEmptyFolder(target: string): boolean {
  try {
    return readdirSync(target).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw error;
  }
}

/** What was replaced, and what assemblies that were killed long ago left behind. */
async function removeOld(parent: string, name: string, suffix: string): Promise<void> {
  const hour = 3_600_000;
  for (const file of readdirSync(parent)) {
    if (
      !file.startsWith(`.${name}.`) ||
      !/^\.[0-9a-f]{12}\.(tmp|old(\.old)*)$/.test(file.slice(name.length + 1))
    )
      continue;
    const full = path.join(parent, file);
    const left = statSync(full, { throwIfNoEntry: false });
    if (left === undefined || (!file.includes(suffix) && Date.now() - left.ctimeMs < hour)) continue;
    await rm(full, { recursive: true, force: true });
  }
}

/** `var/`, in which a directory release keeps logs, cookie, databases; a socket in it goes on working. */
async function moveState(from: string, to: string): Promise<void> {
  if (!existsSync(path.join(from, STATE))) return;
  await rm(path.join(to, STATE), { recursive: true, force: true });
  await rename(path.join(from, STATE), path.join(to, STATE));
}

const STATE = 'var';

async function moveAway(target: string, old: string): Promise<boolean> {
  try {
    await rename(target, old);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
