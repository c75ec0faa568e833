import { existsSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { checkExecutable, readStamp } from './executable.ts';
import { listVersions } from './list.ts';
import { asOwner, type Owner, otherOwner } from './owner.ts';
import { isPermanentIn } from './permanent.ts';
import { placeDirectory } from './place-directory.ts';
import { keepExecutable, placeExecutable } from './place-executable.ts';
import { placeOfVersion, releaseFile, type Started, type VersionPlaces, versionPlaces } from './places.ts';
import { checkRelease } from './release-tree.ts';
import { removeVersion } from './remove.ts';
import { type OtherVersion, output, runHook, tryVersion, type VersionProgram } from './run-version.ts';
import { makeVersions } from './staging.ts';
import { readStartRecord, writeStartRecord } from './start-record.ts';

/** A version that is there, and can be started. */
export interface PreparedVersion extends OtherVersion {
  readonly version: string;
  /** Absolute; holds `lib/` and `releases/<version>/`. Of an executable: its install, unpacked by then. */
  readonly root: string;
  /** Whether a plain start starts it already. */
  readonly isPermanent: boolean;
  readonly places: VersionPlaces;
  /** Whether it was put there just now. */
  readonly isNew: boolean;
  /** What was named: a file or a directory; undefined where that was a version. */
  readonly from: string | undefined;
}

/**
 * Verifies what a running node is to be upgraded to, puts it beside the version that runs, and runs its `pre_upgrade`
 * hooks: nothing is started, and a plain start starts what it did. `what` is a `.tar.gz`, an assembled directory, an
 * executable, a version that is there; undefined: the release whose command this is. Rejects with a BootError.
 */
export async function prepareVersion(
  context: CommandContext,
  running: Started & { readonly version: string },
  what: string | undefined,
): Promise<PreparedVersion> {
  const prepared = await unpackVersion(context, running, what);
  const { owner, places } = prepared;
  try {
    // Here and not when it is replaced, so that what there is no room for is not begun.
    if (places.form === 'executable') await asOwner(owner, () => keepExecutable(places));
    await runHook(prepared, 'pre_upgrade', context.environment, running.version);
    return prepared;
  } catch (error) {
    await discard(prepared);
    throw error;
  }
}

/** An upgrade has failed: what was put there for it goes, what was there stays. */
export async function discard({ places, version, owner, isNew }: PreparedVersion): Promise<void> {
  if (!isNew || (await isPermanentIn(places, version))) return;
  await asOwner(owner, async () => removeVersion(places, version));
}

/** The same for what may not run, without hooks. `current` is the node, or this command where there is none. */
export async function unpackVersion(
  { boot, environment, stderr }: CommandContext,
  current: Started & { readonly version: string },
  what: string | undefined,
): Promise<PreparedVersion> {
  if (process.platform === 'win32')
    throw new BootError(
      'NOT_HERE',
      'On Windows there is one version: replace the file or the directory, and restart.',
    );
  const places = versionPlaces(environment, current);
  const there = (await listVersions(places)).map(({ version }) => version);
  const source =
    what === undefined ? ownRelease(boot, environment, places, current.version) : sourceOf(there, what);
  const owner = otherOwner(places.root);
  // It takes its time, and nothing else is to be seen meanwhile.
  if ('path' in source && stderr.isTTY)
    stderr.write(`Checking ${source.path} and putting it into ${places.versions}.\n`);
  const version =
    'version' in source
      ? await checkVersion(places, source.version)
      : await place(places, source.path, owner, environment);
  await asOwner(owner, () => rememberProgram(places));
  const prepared = await preparedVersion(places, version, owner, environment);
  const from = 'version' in source ? undefined : source.path;
  return { ...prepared, places, isNew: !there.includes(version), from };
}

/** A version that is there, or a file or directory. */
type Source = { readonly version: string } | { readonly path: string };

function sourceOf(there: readonly string[], what: string): Source {
  if (there.includes(what)) return { version: what };
  const file = path.resolve(what);
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return { path: file };
  throw new BootError(
    'NO_SUCH_VERSION',
    `${what} is neither a file, nor a directory, nor one of the versions that are there: ${there.join(', ')}.`,
  );
}

/** `./kv-0.2.0 upgrade`. */
function ownRelease(
  { version }: BootFile,
  environment: ReleaseEnvironment,
  places: VersionPlaces,
  current: string,
): Source {
  if (version === current) {
    throw new BootError(
      'NOTHING_TO_UPGRADE_TO',
      `This is ${version}, as is what runs. Say what else: a .tar.gz, a directory, an executable, or a version that is there. Where what runs is provisional, upgrade ${version} makes it permanent.`,
    );
  }
  const { executable, root } = environment;
  const isThere = executable === undefined && versionPlaces(environment, environment).root === places.root;
  return isThere ? { version } : { path: executable ?? root };
}

async function place(
  places: VersionPlaces,
  from: string,
  owner: Owner | undefined,
  environment: ReleaseEnvironment,
): Promise<string> {
  const tryOut = async (place: string, version: string) => {
    const file = places.form === 'executable' ? place : path.join(place, 'bin', places.name);
    const program = { file, args: [], env: {} };
    await tryVersion({ program, owner }, `${places.name} ${version}`, from, environment);
  };
  if (statSync(from).isDirectory()) {
    if (places.form === 'executable') throw otherForm(places, from, 'an executable');
    return await asOwner(owner, () => placeDirectory(places, from, tryOut));
  }
  // By whoever named it: it may lie where the owner cannot read.
  const handle = await open(from);
  try {
    const isArchive = await isGzip(handle);
    if (isArchive === (places.form === 'executable')) {
      const wanted = isArchive ? 'an executable' : 'a .tar.gz, or an assembled directory';
      throw otherForm(places, from, wanted);
    }
    const opened = { path: from, handle };
    if (isArchive) return await asOwner(owner, () => placeDirectory(places, opened, tryOut));
    // The system copies it by itself, where it may.
    const executable = owner === undefined ? from : opened;
    return await asOwner(owner, () => placeExecutable(places, executable, tryOut));
  } finally {
    await handle.close();
  }
}

function otherForm({ program }: VersionPlaces, from: string, wanted: string): BootError {
  return new BootError(
    'OTHER_FORM',
    `${from} does not fit what runs: ${program} is upgraded to by ${wanted} of the new version.`,
  );
}

/** RFC 1952. */
async function isGzip(file: FileHandle): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return buffer[0] === 0x1f && buffer[1] === 0x8b;
}

/** It may lie there for long. */
async function checkVersion(places: VersionPlaces, version: string): Promise<string> {
  const found = placeOfVersion(places, version) ?? places.program;
  if (places.form === 'executable') await checkExecutable(found, places.name, found);
  else if (found !== places.root) checkRelease(found, places, found);
  return version;
}

/** A copy of an executable does not know where the one that a start executes lies. */
async function rememberProgram(places: VersionPlaces): Promise<void> {
  const { form, program, record, name } = places;
  if (form !== 'executable') return;
  const written = readStartRecord(record);
  const stamp = await readStamp(program).catch(() => undefined);
  if (written?.program === program || stamp?.name !== name) return;
  makeVersions(places);
  writeStartRecord(record, { ...written, version: stamp.version, program });
}

async function preparedVersion(
  places: VersionPlaces,
  version: string,
  owner: Owner | undefined,
  environment: ReleaseEnvironment,
): Promise<Omit<PreparedVersion, 'places' | 'isNew' | 'from'>> {
  const isPermanent = await isPermanentIn(places, version);
  const found = placeOfVersion(places, version) ?? places.program;
  const program = programOf(places, version, found);
  const other = { program, owner };
  const root = places.form === 'directory' ? found : await install(other, places, version, environment);
  return { version, root, program, owner, isPermanent };
}

/** Of an executable, unpacked: the one that it had may be gone, or another user's. */
async function install(
  other: OtherVersion,
  places: VersionPlaces,
  version: string,
  environment: ReleaseEnvironment,
): Promise<string> {
  const root = await output(other, [], environment, { SARMA_MAINTENANCE: 'directory' });
  if (!existsSync(releaseFile(root, version)))
    await tryVersion(other, `${places.name} ${version}`, other.program.file, environment);
  return root;
}

/** Of a directory `bin/<name>` of the first root, as for every start. */
function programOf({ form, program }: VersionPlaces, version: string, found: string): VersionProgram {
  return form === 'directory'
    ? { file: program, args: [], env: { RELEASE_VSN: version } }
    : { file: found, args: [], env: {} };
}
