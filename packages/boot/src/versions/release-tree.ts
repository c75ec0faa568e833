import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { BootError } from '../error.ts';
import { startFile } from './home.ts';
import { releaseFile, type VersionPlaces } from './places.ts';
import { readStartRecord } from './start-record.ts';
import { ownSystem, systemName, systemOf } from './system.ts';

/**
 * Checks that an assembled release is one of this node's, whole as far as names tell, and for this system; returns its
 * version. `from` is what the user named. Throws BootError NOT_A_RELEASE, OTHER_RELEASE, OTHER_TARGET, UNSAFE_ARCHIVE.
 */
export function checkRelease(root: string, { name }: VersionPlaces, from: string): string {
  const start = readStartRecord(startFile(root));
  const version = start?.version;
  if (version === undefined || !isVersion(version) || !existsSync(releaseFile(root, version)))
    throw notARelease(from, 'it has no releases/start.json, or not the version that it names');
  const theirs = nameIn(releaseFile(root, version));
  if (theirs === undefined) throw notARelease(from, `releases/${version}/release.json names no release`);
  if (theirs !== name)
    throw new BootError('OTHER_RELEASE', `${from} is the release ${theirs}, and this is ${name}.`);
  for (const file of [`releases/${version}/boot.json`, `releases/${version}/boot.cjs`, `bin/${name}`])
    if (!existsSync(path.join(root, file))) throw notARelease(from, `${file} is missing in it`);
  refuseLinksOut(root, from);
  if (start?.runtime) refuseOtherSystem(path.join(root, start.runtime), from);
  return version;
}

function nameIn(file: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: string }).name;
  } catch {
    return undefined;
  }
}

/** It becomes the name of a folder. */
export function isVersion(text: unknown): text is string {
  return typeof text === 'string' && /^[^./\\][^/\\\0]*$/.test(text);
}

function refuseOtherSystem(runtime: string, from: string): void {
  if (!existsSync(runtime)) throw notARelease(from, `its runtime ${path.basename(runtime)} is missing`);
  const theirs = systemOf(runtime);
  const ours = ownSystem();
  if (theirs === undefined) throw notARelease(from, 'its runtime is no program');
  if (theirs.os === ours.os && theirs.cpu === ours.cpu && theirs.libc === ours.libc) return;
  throw otherTarget(from, systemName(theirs));
}

export function otherTarget(from: string, target: string): BootError {
  const own = systemName(ownSystem());
  return new BootError(
    'OTHER_TARGET',
    `${from} is for ${target}, and this is ${own}. Get the one for ${own}.`,
  );
}

export function notARelease(from: string, why: string): BootError {
  return new BootError('NOT_A_RELEASE', `${from} is no release to upgrade to: ${why}.`);
}

/** What is executed from here must lie here; a release of `devMode` has links to its sources. */
function refuseLinksOut(root: string, from: string): void {
  const real = realpathSync(root) + path.sep;
  for (const file of filesBelow(root)) {
    if (!lstatSync(file).isSymbolicLink() || leadsInside(file, real)) continue;
    const what = `${path.relative(root, file)} links to ${readlinkSync(file)}`;
    throw new BootError(
      'UNSAFE_ARCHIVE',
      `${from} is not taken: ${what}, which is not in it. (With devMode it would be so.)`,
    );
  }
}

function leadsInside(link: string, root: string): boolean {
  try {
    return realpathSync(link).startsWith(root);
  } catch {
    return false;
  }
}

/** Files and links, not followed: absolute paths. */
export function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(file);
    else yield file;
  }
}

/** Whether all that is in a release lies in another root too, with the same content. */
export function isPartOf(root: string, other: string): boolean {
  for (const file of filesBelow(root)) {
    const inside = path.relative(root, file);
    if (inside !== path.join('releases', 'start.json') && !isSame(file, path.join(other, inside)))
      return false;
  }
  return true;
}

function isSame(one: string, other: string): boolean {
  const [ours, theirs] = [lstatSync(one), lstatSync(other, { throwIfNoEntry: false })];
  if (theirs === undefined || ours.isFile() !== theirs.isFile()) return false;
  if (ours.isSymbolicLink()) return theirs.isSymbolicLink() && readlinkSync(one) === readlinkSync(other);
  if (ours.ino === theirs.ino && ours.dev === theirs.dev) return true;
  return (
    ours.size === theirs.size &&
    (ours.mode & 0o111) === (theirs.mode & 0o111) &&
    readFileSync(one).equals(readFileSync(other))
  );
}
