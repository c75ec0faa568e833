import { constants, copyFileSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { BootFile } from '../boot-file.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { readStamp } from './executable.ts';
import { giveTo } from './owner.ts';
import { keepExecutable } from './place-executable.ts';
import { copyPlace, placeOfVersion, type VersionPlaces, versionPlaces } from './places.ts';
import { readStartRecord, versionsBefore, writeStartRecord } from './start-record.ts';

/** Whether a plain start of this release would start the version. */
export async function isPermanent(environment: ReleaseEnvironment, version: string): Promise<boolean> {
  return await isPermanentIn(versionPlaces(environment, environment), version);
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
 * Has plain starts start the version that this process is of: by `releases/start.json` of a directory, by the file
 * itself of an executable, of which a copy is kept. Does nothing where it is so already. Rejects with a BootError
 * NOT_PERMANENT where it cannot be; the message is for whoever upgraded.
 */
export async function makePermanent(
  boot: BootFile,
  environment: ReleaseEnvironment,
  { from }: { readonly from: { readonly version: string; readonly executable: string | undefined } },
): Promise<void> {
  const { version } = boot;
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

async function replaceExecutable(places: VersionPlaces, version: string): Promise<void> {
  const { program } = places;
  const own = await keepExecutable(places);
  const written = readStartRecord(places.record);
  const record = { ...written, version: own?.version ?? written?.version ?? version };
  if (!(await isPermanentIn(places, version))) put(placeOfVersion(places, version)!, program);
  writeStartRecord(places.record, { version, before: versionsBefore(record, version), program });
}

/** By rename: what runs keeps its file. */
function put(copy: string, program: string): void {
  const temporary = path.join(path.dirname(program), `.${path.basename(program)}.${process.pid}.tmp`);
  try {
    copyFileSync(copy, temporary, constants.COPYFILE_FICLONE);
    const before = statSync(program, { throwIfNoEntry: false });
    if (before !== undefined) giveTo(before, temporary);
    renameSync(temporary, program);
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
