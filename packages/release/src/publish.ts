import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReleaseError } from './error.ts';

/**
 * Builds a directory beside its place and moves it there when it is complete; returns whether one was replaced.
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
    const replaced = await moveAway(target, old);
    await rename(fresh, target).catch(async (error: unknown) => {
      if (replaced) await rename(old, target);
      throw error;
    });
    return replaced;
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
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

async function moveAway(target: string, old: string): Promise<boolean> {
  try {
    await rename(target, old);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
