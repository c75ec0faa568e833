import { chmodSync, constants, copyFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { BootFile } from '../boot-file.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { checkExecutable, readStamp } from './executable.ts';
import { asOwner, giveTo, otherOwner } from './owner.ts';
import { otherContent } from './place-directory.ts';
import { keepExecutable } from './place-executable.ts';
import { copyPlace, placeOfVersion, type VersionPlaces, versionPlaces } from './places.ts';
import { readStartRecord, versionsBefore, writeStartRecord } from './start-record.ts';

/** What a plain start of this release would start. Undefined where nothing says. */
export async function permanentVersion(environment: ReleaseEnvironment): Promise<string | undefined> {
  const { form, record, program } = versionPlaces(environment, environment);
  if (form === 'directory') return readStartRecord(record)?.version;
  return (await readStamp(program).catch(() => undefined))?.version;
}

export async function isPermanentIn(places: VersionPlaces, version: string): Promise<boolean> {
  if (places.form === 'directory') return readStartRecord(places.record)?.version === version;
  const [own, copy] = await Promise.all([
    readStamp(places.program).catch(() => undefined),
    readStamp(copyPlace(places, version)).catch(() => undefined),
  ]);
  return own?.name === places.name && own.version === version && (copy?.digest ?? own.digest) === own.digest;
}

/**
 * Has plain starts start that version: by `releases/start.json` of a directory, by the file
 * itself of an executable, of which a copy is kept. Does nothing where it is so already. Rejects with a BootError
 * NOT_PERMANENT where it cannot be; the message is for whoever upgraded.
 */
export async function makePermanent(
  { version }: Pick<BootFile, 'version'>,
  environment: ReleaseEnvironment,
  { from }: { readonly from: { readonly version: string; readonly executable: string | undefined } },
): Promise<void> {
  const executable = environment.executable && (from.executable ?? environment.executable);
  const places = versionPlaces(environment, { root: environment.root, executable });
  try {
    if (places.form === 'directory') {
      const record = readStartRecord(places.record)!;
      if (record.version === version) return;
      writeStartRecord(places.record, { ...record, version, before: versionsBefore(record, version) });
    } else await replaceExecutable(places, version);
  } catch (error) {
    throw notPermanent(places, version, error);
  }
}

/**
 * What a node of another user may not do: root puts the executable that was named, and not its copy, which that user may
 * have exchanged, in the place of the file. False where that is not root's to do. Rejects with a BootError.
 */
export async function makePermanentAsRoot(
  places: VersionPlaces,
  version: string,
  named: string | undefined,
): Promise<boolean> {
  const { program, record, name, form } = places;
  const owner = otherOwner(places.root);
  if (form !== 'executable' || owner === undefined || named === undefined) return false;
  try {
    // Where it lies is what the node says.
    if ((await readStamp(program))?.name !== name) return false;
    await put(named, program, async (copy) => {
      const stamp = await checkExecutable(copy, name, named);
      if (stamp.version !== version) throw otherContent(named, version, program);
    });
    const written = readStartRecord(record);
    const before = written === undefined ? [] : versionsBefore(written, version);
    await asOwner(owner, async () => writeStartRecord(record, { version, before, program }));
    return true;
  } catch (error) {
    throw notPermanent(places, version, error);
  }
}

async function replaceExecutable(places: VersionPlaces, version: string): Promise<void> {
  const { program } = places;
  const own = await keepExecutable(places);
  const written = readStartRecord(places.record);
  const record = { ...written, version: own?.version ?? written?.version ?? version };
  if (!(await isPermanentIn(places, version))) {
    // If this is killed behind the exchange, the way back is known all the same.
    const before = versionsBefore(record, '');
    writeStartRecord(places.record, { ...record, before, program });
    await put(placeOfVersion(places, version)!, program);
  }
  writeStartRecord(places.record, { version, before: versionsBefore(record, version), program });
}

/** By rename: what runs keeps its file. A link to it stays one. `check` looks at what is going to have the name. */
async function put(
  copy: string,
  program: string,
  check: (temporary: string) => Promise<void> = async () => {},
): Promise<void> {
  const before = statSync(program, { throwIfNoEntry: false });
  const file = before === undefined ? program : realpathSync(program);
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    copyFileSync(copy, temporary, constants.COPYFILE_FICLONE);
    await check(temporary);
    if (before !== undefined) {
      giveTo(before, temporary);
      chmodSync(temporary, before.mode & 0o777);
    }
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function notPermanent(places: VersionPlaces, version: string, cause: unknown): BootError {
  const { program, record, form } = places;
  const remedy =
    form === 'executable'
      ? `Put ${placeOfVersion(places, version) ?? version} there`
      : `Write "version": ${JSON.stringify(version)} there`;
  return new BootError(
    'NOT_PERMANENT',
    `${version} runs, but a start after a crash would not start it: ${form === 'executable' ? program : record} cannot be replaced (${(cause as Error).message}). ${remedy} as a user who may.`,
    { cause },
  );
}
