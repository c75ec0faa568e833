import { constants, statSync } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import path from 'node:path';
import { checkExecutable, readStamp, type Stamp } from './executable.ts';
import { giveTo } from './owner.ts';
import { otherContent, sync } from './place-directory.ts';
import { copyPlace, placeOfVersion, type VersionPlaces } from './places.ts';
import { publishVersion, stage } from './staging.ts';

/**
 * Puts a copy of an executable into the state directory; `tryOut` says whether it runs here. What is checked is the
 * copy. Resolves to its version. Rejects with a BootError.
 */
export async function placeExecutable(
  places: VersionPlaces,
  from: string,
  tryOut: (file: string, version: string) => Promise<void>,
): Promise<string> {
  return await stage(places, async (folder) => {
    const copy = path.join(folder, path.basename(copyPlace(places, '')));
    await copyFile(from, copy, constants.COPYFILE_FICLONE);
    await chmod(copy, 0o755);
    const { version, digest } = await checkExecutable(copy, places.name, from);
    for (const there of [placeOfVersion(places, version), places.program]) {
      const other = there === undefined ? undefined : await readStamp(there).catch(() => undefined);
      if (other?.version === version && other.digest !== digest) throw otherContent(from, version, there!);
    }
    if (placeOfVersion(places, version) !== undefined) return version;
    for (const file of [folder, copy]) giveTo(statSync(places.root), file);
    await tryOut(copy, version);
    sync(folder);
    publishVersion(places, folder, version);
    return version;
  });
}

/** A copy of the executable that a plain start executes, before another takes its place. Resolves to its stamp. */
export async function keepExecutable(places: VersionPlaces): Promise<Stamp | undefined> {
  const stamp = await readStamp(places.program).catch(() => undefined);
  if (stamp === undefined || stamp.name !== places.name) return undefined;
  if (placeOfVersion(places, stamp.version) === undefined)
    await placeExecutable(places, places.program, async () => {});
  return stamp;
}
