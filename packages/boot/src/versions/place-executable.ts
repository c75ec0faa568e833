import { constants, statSync } from 'node:fs';
import { chmod, copyFile, open } from 'node:fs/promises';
import path from 'node:path';
import type { OpenFile } from './archive.ts';
import { checkExecutable, PIECE, readInto, readStamp, type Stamp } from './executable.ts';
import { giveFolder } from './owner.ts';
import { otherContent, sync } from './place-directory.ts';
import { copyPlace, placeOfVersion, type VersionPlaces } from './places.ts';
import { publishVersion, stage } from './staging.ts';

/**
 * Puts a copy of an executable into the state directory; `tryOut` says whether it runs here. What is checked is the
 * copy. Resolves to its version. Rejects with a BootError.
 */
export async function placeExecutable(
  places: VersionPlaces,
  source: string | OpenFile,
  tryOut: (file: string, version: string) => Promise<void>,
): Promise<string> {
  const from = typeof source === 'string' ? source : source.path;
  const { size } = typeof source === 'string' ? statSync(source) : await source.handle.stat();
  return await stage(
    places,
    async (folder) => {
      const copy = path.join(folder, path.basename(copyPlace(places, '')));
      if (typeof source === 'string') await copyFile(source, copy, constants.COPYFILE_FICLONE);
      else await copyContent(source, copy);
      await chmod(copy, 0o755);
      const { version, digest } = await checkExecutable(copy, places.name, from);
      const isThere = async () => {
        for (const there of [placeOfVersion(places, version), places.program]) {
          const other = there === undefined ? undefined : await readStamp(there).catch(() => undefined);
          if (other?.version === version && other.digest !== digest)
            throw otherContent(from, version, there!);
        }
        return placeOfVersion(places, version) !== undefined;
      };
      if (await isThere()) return version;
      giveFolder(statSync(places.root), folder);
      await tryOut(copy, version);
      sync(folder);
      await publishVersion(places, folder, version, isThere);
      return version;
    },
    size,
  );
}

/** With the rights with which it was opened. */
async function copyContent({ handle }: OpenFile, file: string): Promise<void> {
  const copy = await open(file, 'wx');
  try {
    const buffer = Buffer.alloc(PIECE);
    for (let at = 0; ; ) {
      const piece = await readInto(buffer, handle, at);
      if (piece.length === 0) return;
      await copy.writeFile(piece);
      at += piece.length;
    }
  } finally {
    await copy.close();
  }
}

/** A copy of the executable that a plain start executes, before another takes its place. Resolves to its stamp. */
export async function keepExecutable(places: VersionPlaces): Promise<Stamp | undefined> {
  const stamp = await readStamp(places.program).catch(() => undefined);
  if (stamp === undefined || stamp.name !== places.name) return undefined;
  if (placeOfVersion(places, stamp.version) === undefined)
    await placeExecutable(places, places.program, async () => {});
  return stamp;
}
