import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReleaseError } from './error.ts';

/**
 * Builds a directory beside its place and moves it there when it is complete; returns whether one was replaced. The
 * state of a node that ran in the old one (or still does) is not made by a build, and stays: no `var/` that may hold
 * some is ever removed. Throws ReleaseError NOT_A_RELEASE when something lies there that is no assembled release, and
 * STATE_TWICE when a node made new state in the very moment of the replacement.
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
    // What an overlay puts there is the state of a first start only.
    if (existsSync(stateOf(target))) await rm(stateOf(fresh), { recursive: true, force: true });
    return replace(fresh, target, old);
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await removeOld(parent, path.basename(target), suffix);
  }
}

/** Without a pause between its steps: a node that writes meanwhile would make folders where the release shall be. */
function replace(fresh: string, target: string, old: string): boolean {
  let replaced = moveAway(target, old);
  try {
    renameSync(fresh, target);
  } catch (error) {
    if (!isInTheWay(error)) {
      if (replaced) renameSync(old, target);
      throw error;
    }
    // Another assembly was faster, or a node made its folders: that is replaced like any other.
    replaced = replace(fresh, target, `${old}.old`) || replaced;
  }
  moveState(old, target);
  return replaced;
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

/** What was replaced, and what assemblies that were killed long ago left behind, unless state is in it. */
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
    if (!existsSync(stateOf(full))) await rm(full, { recursive: true, force: true });
  }
}

/** `var/`, in which a directory release keeps logs, cookie, databases; a socket in it goes on working. */
function stateOf(root: string): string {
  return path.join(root, 'var');
}

function moveState(from: string, to: string): void {
  if (isStateMoved(from, to)) return;
  // Folders with nothing in them are no state.
  for (const root of [from, to]) removeEmptyFolders(stateOf(root));
  if (isStateMoved(from, to)) return;
  throw new ReleaseError(
    'STATE_TWICE',
    `${to} was replaced, but a node wrote to ${stateOf(to)} at that moment; its state from before is in ${stateOf(from)}. ` +
      `Stop the node, and move what is needed to ${stateOf(to)}.`,
  );
}

/** True also when there is none. */
function isStateMoved(from: string, to: string): boolean {
  if (!existsSync(stateOf(from))) return true;
  try {
    renameSync(stateOf(from), stateOf(to));
    return true;
  } catch (error) {
    if (isInTheWay(error)) return false;
    throw error;
  }
}

function removeEmptyFolders(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) removeEmptyFolders(path.join(folder, entry.name));
    rmdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!isInTheWay(error) && code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  }
}

function isInTheWay(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

function moveAway(target: string, old: string): boolean {
  try {
    renameSync(target, old);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
