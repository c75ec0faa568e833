import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { placeOfVersion, releaseFile, type VersionPlaces } from './places.ts';
import { readStartRecord, writeStartRecord } from './start-record.ts';

/** Removes a version that is there, with nothing that another one needs. Throws what the file system throws. */
export function removeVersion(places: VersionPlaces, version: string): void {
  const found = placeOfVersion(places, version)!;
  if (places.form === 'directory' && found === places.root) removeFromFirst(places.root, version);
  else moveAndRemove(path.join(places.versions, version), places.versions);
  const record = readStartRecord(places.record);
  if (record?.before?.includes(version))
    writeStartRecord(places.record, { ...record, before: record.before.filter((one) => one !== version) });
}

/** What was assembled first: `bin/<name>` and the state stay, for the others. */
function removeFromFirst(root: string, version: string): void {
  const own = packagesOf(root, version);
  const others = new Set(
    readdirSync(path.join(root, 'releases'))
      .filter((name) => name !== version && existsSync(releaseFile(root, name)))
      .flatMap((name) => packagesOf(root, name)),
  );
  moveAndRemove(path.join(root, 'releases', version), root);
  if (others.size > 0) {
    for (const place of own)
      if (!others.has(place)) rmSync(path.join(root, place), { recursive: true, force: true });
    return;
  }
  for (const name of readdirSync(root))
    if (name === 'lib' || /^runtime-\d/.test(name))
      rmSync(path.join(root, name), { recursive: true, force: true });
}

function packagesOf(root: string, version: string): readonly string[] {
  const release = JSON.parse(readFileSync(releaseFile(root, version), 'utf8')) as Described;
  return release.packages.filter(({ firstParty }) => firstParty).map((one) => one.path);
}

interface Described {
  readonly packages: readonly { readonly path: string; readonly firstParty: boolean }[];
}

/** Gone at once, or there whole. */
function moveAndRemove(folder: string, beside: string): void {
  const moved = path.join(beside, `.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  renameSync(folder, moved);
  rmSync(moved, { recursive: true, force: true });
}
