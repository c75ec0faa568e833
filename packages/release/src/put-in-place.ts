import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ReleaseError } from './error.ts';
import { isAssembled, isStateAlone, laterVersions, runningNodes, stateOf } from './release-directory.ts';

/**
 * Builds a directory beside its place and moves it there when it is complete; returns whether one was replaced. What no
 * build has made stays, since a node may run from it: the state (no `var/` that may hold some is ever removed), and the
 * versions that the release was upgraded to, but for an earlier one of this `version`. Throws ReleaseError NOT_A_RELEASE
 * when something lies there that is no assembled release, NODE_RUNS when a node may run from that earlier one, and
 * STATE_TWICE when a node made new state in the very moment of the replacement.
 */
export async function putInPlace(
  target: string,
  version: string,
  build: (directory: string) => Promise<void>,
): Promise<boolean> {
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
    await refuseSameVersion(target, version);
    return replace(fresh, target, old, version);
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await removeOld(parent, path.basename(target), suffix);
  }
}

/** Without a pause between its steps: a node that writes meanwhile would make folders where the release shall be. */
function replace(fresh: string, target: string, old: string, version: string): boolean {
  let replaced = moveAway(target, old);
  try {
    renameSync(fresh, target);
  } catch (error) {
    if (!isInTheWay(error)) {
      if (replaced) renameSync(old, target);
      throw error;
    }
    // Another assembly was faster, or a node made its folders: that is replaced like any other.
    replaced = replace(fresh, target, `${old}.old`, version) || replaced;
  }
  moveState(old, target);
  moveLaterVersions(old, target, version);
  return replaced;
}

function checkReplaceable(target: string): void {
  if (!existsSync(target) || isAssembled(target) || isEmptyFolder(target) || isStateAlone(target)) return;
  throw new ReleaseError(
    'NOT_A_RELEASE',
    `${target} is not empty and no assembled release, so it is not replaced. Remove it, or name another directory.`,
  );
}

/** A version lies in one place: the same one that came by an upgrade goes, unless somebody may run from it. */
async function refuseSameVersion(target: string, version: string): Promise<void> {
  const there = laterVersions(target).find((one) => path.basename(one) === version);
  if (there === undefined) return;
  const [running] = await runningNodes(target);
  if (running === undefined) return;
  const { node, pid } = running;
  throw new ReleaseError(
    'NODE_RUNS',
    `${node} runs from ${target} (PID ${pid}), where ${version} is already, in ${there}: another ${version} would take its place. ` +
      `Give the new one another version, or stop ${node} first: ${path.join(target, 'bin', node)} stop`,
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

function moveLaterVersions(from: string, to: string, version: string): void {
  for (const place of laterVersions(from)) {
    const there = path.join(to, path.relative(from, place));
    if (path.basename(place) === version || existsSync(there)) continue;
    mkdirSync(path.dirname(there), { recursive: true });
    renameSync(place, there);
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
