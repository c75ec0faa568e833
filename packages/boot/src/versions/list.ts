import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { readStamp } from './executable.ts';
import { VERSIONS } from './home.ts';
import { isPermanentIn } from './permanent.ts';
import { placeOfVersion, releaseFile, type VersionPlaces } from './places.ts';

/** A version that is there. */
export interface InstalledVersion {
  readonly version: string;
  /** Its root, or its executable. */
  readonly path: string;
  /** Whether a plain start starts it. */
  readonly isPermanent: boolean;
  /** On the disk, where it shares nothing. */
  readonly bytes: number;
}

/** In the order in which versions were put there. */
export async function listVersions(places: VersionPlaces): Promise<readonly InstalledVersion[]> {
  const names = new Set(places.form === 'directory' ? versionsIn(places.root) : await ownVersion(places));
  for (const name of byTime(places.versions)) if (placeOfVersion(places, name) !== undefined) names.add(name);
  const listed: InstalledVersion[] = [];
  for (const version of names) {
    const found = placeOfVersion(places, version) ?? places.program;
    const isPermanent = await isPermanentIn(places, version);
    listed.push({ version, path: found, isPermanent, bytes: bytesOf(found) });
  }
  return listed;
}

function versionsIn(root: string): readonly string[] {
  return byTime(path.join(root, 'releases')).filter(
    (version) => lstatSync(releaseFile(root, version), { throwIfNoEntry: false }) !== undefined,
  );
}

async function ownVersion({ program, name }: VersionPlaces): Promise<readonly string[]> {
  const stamp = await readStamp(program).catch(() => undefined);
  return stamp?.name === name ? [stamp.version] : [];
}

/** Folders, the oldest first. */
function byTime(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => ({ name, time: lstatSync(path.join(folder, name)).ctimeMs }))
      .sort((a, b) => a.time - b.time)
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Without state and later versions, which lie in a first root as well. */
function bytesOf(file: string, isRoot = true): number {
  const found = lstatSync(file);
  if (!found.isDirectory()) return found.size;
  const names = readdirSync(file).filter((name) => !isRoot || (name !== 'var' && name !== VERSIONS));
  return names.reduce((sum, name) => sum + bytesOf(path.join(file, name), false), 0);
}
