import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BootFile, HookName } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { notRunning } from '../control/client.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { nodeInfo } from '../node-info.ts';
import { withoutComputed } from '../relaunch.ts';
import { checkExecutable, readStamp } from './executable.ts';
import { listVersions } from './list.ts';
import { isPermanentIn } from './permanent.ts';
import { placeDirectory } from './place-directory.ts';
import { placeExecutable } from './place-executable.ts';
import { placeOfVersion, type Started, type VersionPlaces, versionPlaces } from './places.ts';
import { checkRelease } from './release-tree.ts';
import { makeVersions } from './staging.ts';
import { readStartRecord, writeStartRecord } from './start-record.ts';

/** A version that is there, and can be started. */
export interface PreparedVersion {
  readonly version: string;
  /** Absolute; holds `lib/` and `releases/<version>/`. Of an executable: its install, unpacked by then. */
  readonly root: string;
  readonly program: VersionProgram;
  /** Whether a plain start starts it already. */
  readonly isPermanent: boolean;
}

/** How a command of a version is run: words come behind `args`; `env` is set besides. */
export interface VersionProgram {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Verifies what the running node is to be upgraded to, puts it beside the version that runs, and runs its `pre_upgrade`
 * hooks: nothing is started, and a plain start starts what it did. `what` is a `.tar.gz`, an assembled directory, an
 * executable, a version that is there; undefined: the release whose command this is. Rejects with a BootError.
 */
export async function prepareVersion(
  context: CommandContext,
  what: string | undefined,
): Promise<PreparedVersion> {
  const { boot, environment } = context;
  const running = await nodeInfo(boot, environment);
  if (running === undefined) throw notRunning(environment);
  const prepared = await unpackVersion(context, running, what);
  await runHook(prepared, 'pre_upgrade', environment, running.version);
  return prepared;
}

/** The same for what may not run, without hooks. `current` is the node, or this command where there is none. */
export async function unpackVersion(
  { boot, environment }: CommandContext,
  current: Started & { readonly version: string },
  what: string | undefined,
): Promise<PreparedVersion> {
  if (process.platform === 'win32')
    throw new BootError(
      'NOT_HERE',
      'On Windows there is one version: replace the file or the directory, and restart.',
    );
  const places = versionPlaces(environment, current);
  const source =
    what === undefined
      ? ownRelease(boot, environment, places, current.version)
      : await sourceOf(places, what);
  const version = await place(places, source, environment);
  await rememberProgram(places);
  return await preparedVersion(places, version, environment);
}

/** A version that is there, or a file or directory. */
type Source = { readonly version: string } | { readonly path: string };

async function sourceOf(places: VersionPlaces, what: string): Promise<Source> {
  const versions = await listVersions(places);
  if (versions.some(({ version }) => version === what)) return { version: what };
  const file = path.resolve(what);
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return { path: file };
  const there = versions.map(({ version }) => version).join(', ');
  throw new BootError(
    'NO_SUCH_VERSION',
    `${what} is neither a file, nor a directory, nor one of the versions that are there: ${there}.`,
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
      `This is ${version}, as is what runs. Say what else: a .tar.gz, a directory, an executable, or a version that is there.`,
    );
  }
  const { executable, root } = environment;
  const isThere = executable === undefined && versionPlaces(environment, environment).root === places.root;
  return isThere ? { version } : { path: executable ?? root };
}

async function place(
  places: VersionPlaces,
  source: Source,
  environment: ReleaseEnvironment,
): Promise<string> {
  if ('version' in source) return await checkVersion(places, source.version);
  const { path: from } = source;
  const tryOut = async (place: string, version: string) => {
    const file = places.form === 'executable' ? place : path.join(place, 'bin', places.name);
    await tryProgram({ file, args: [], env: {} }, `${places.name} ${version}`, from, environment);
  };
  const isDirectory = statSync(from).isDirectory();
  const isArchive = !isDirectory && isGzip(from);
  if (places.form === 'executable') {
    if (isDirectory || isArchive) throw otherForm(places, from, 'an executable');
    return await placeExecutable(places, from, tryOut);
  }
  if (isDirectory || isArchive) return await placeDirectory(places, from, tryOut);
  throw otherForm(places, from, 'a .tar.gz, or an assembled directory');
}

function otherForm({ program }: VersionPlaces, from: string, wanted: string): BootError {
  return new BootError(
    'OTHER_FORM',
    `${from} does not fit what runs: ${program} is upgraded to by ${wanted} of the new version.`,
  );
}

/** RFC 1952. */
function isGzip(file: string): boolean {
  const head = Buffer.alloc(2);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, 2, 0);
  } finally {
    closeSync(descriptor);
  }
  return head[0] === 0x1f && head[1] === 0x8b;
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
  environment: ReleaseEnvironment,
): Promise<PreparedVersion> {
  const isPermanent = await isPermanentIn(places, version);
  const found = placeOfVersion(places, version) ?? places.program;
  if (places.form === 'directory') {
    // Through bin/<name> of the first root, as every start.
    const program = { file: places.program, args: [], env: { RELEASE_VSN: version } };
    return { version, root: found, program, isPermanent };
  }
  const program = { file: found, args: [], env: {} };
  const root = await output(program, [], environment, { SARMA_MAINTENANCE: 'directory' });
  return { version, root, program, isPermanent };
}

/** Milliseconds that a first answer may take: an executable unpacks itself. */
const FIRST_ANSWER = 120_000;

/** Whether it can be executed on this host, with its own runtime. */
async function tryProgram(
  program: VersionProgram,
  expected: string,
  from: string,
  environment: ReleaseEnvironment,
): Promise<void> {
  const said = await output(program, ['version'], environment).catch((error: Error & { stderr?: string }) => {
    throw new BootError(
      'DOES_NOT_RUN',
      `${from} does not run here: ${error.stderr?.trim() || error.message}`,
    );
  });
  if (said !== expected)
    throw new BootError(
      'DOES_NOT_RUN',
      `${from} should answer ${JSON.stringify(expected)}, and said ${JSON.stringify(said)}.`,
    );
}

async function output(
  { file, args, env }: VersionProgram,
  words: readonly string[],
  environment: ReleaseEnvironment,
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { env: { ...variablesFor(environment), ...env, ...variables }, timeout: FIRST_ANSWER };
  const { stdout } = await promisify(execFile)(file, [...args, ...words], options);
  return stdout.trim();
}

/** Without what says which version this command is of. */
function variablesFor(environment: ReleaseEnvironment): NodeJS.ProcessEnv {
  const { RELEASE_VSN: _, ...others } = withoutComputed(environment, process.env);
  return others;
}

/** In a process of that version. Rejects with BootError HOOK_FAILED; why was printed by then. */
async function runHook(
  { version, root, program }: PreparedVersion,
  name: HookName,
  environment: ReleaseEnvironment,
  from: string,
): Promise<void> {
  const boot = JSON.parse(
    readFileSync(path.join(root, 'releases', version, 'boot.json'), 'utf8'),
  ) as BootFile;
  if (boot.hooks[name] === undefined) return;
  const env = { ...variablesFor(environment), ...program.env, RELEASE_UPGRADE_FROM: from };
  const child = spawn(program.file, [...program.args, 'hook', name], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0)
    throw new BootError(
      'HOOK_FAILED',
      `${version} is not started: a hook ${name} of it failed. ${from} runs on.`,
    );
}
