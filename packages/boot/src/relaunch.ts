import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from './environment.ts';
import { quietly } from './quietly.ts';
import { ownProgram } from './release-state.ts';
import { placeOfVersion, versionPlaces } from './versions/places.ts';
import { readStartRecord } from './versions/start-record.ts';

/** A process to be. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * How to give this release another command in a process of its own, as the user would: through the executable or
 * `bin/<name>`, so that a file replaced meanwhile is taken, an executable holds its install, and `vm.args` count.
 */
export function commandLine(
  environment: ReleaseEnvironment,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): CommandLine {
  const file = programFile(environment);
  const own = withoutComputed(environment, env);
  if (file !== undefined) return { file, args: words, env: own };
  // Run from source: there is nothing but this process to take after. Its process.argv may be that of a script by now.
  const boot = path.join(environment.root, 'releases', environment.version, 'boot.cjs');
  return { file: process.execPath, args: [...process.execArgv, boot, ...words], env };
}

/** How to give another version of this release a command: `program` is how that one is run. */
export function otherVersion(
  environment: ReleaseEnvironment,
  program: Pick<CommandLine, 'file' | 'args'> & { readonly env: Readonly<Record<string, string>> },
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): CommandLine {
  const { RELEASE_VSN: _, ...own } = withoutComputed(environment, env);
  return { file: program.file, args: [...program.args, ...words], env: { ...own, ...program.env } };
}

/** What a user would type to run this release: an absolute path; undefined when it is run from source. */
export function programFile(environment: ReleaseEnvironment): string | undefined {
  const file = ownProgram(environment);
  if (environment.executable !== undefined) return permanentExecutable(environment) ?? file;
  return existsSync(file) ? file : undefined;
}

/** What runs from its copy in the state directory, and became permanent, is started by the file of that name from then on. */
function permanentExecutable(environment: ReleaseEnvironment): string | undefined {
  const { program, record } = versionPlaces(environment, environment);
  const isPermanent = readStartRecord(record)?.version === environment.version;
  return isPermanent && existsSync(program) ? program : undefined;
}

/** Whether a process can become another program here: not on Windows, and not before Node 22.15. */
export const canBecome = typeof process.execve === 'function' && process.platform !== 'win32';

/** This process is that program from here on. */
export function become({ file, args, env }: CommandLine): never {
  return quietly(() => process.execve!(file, [file, ...args], env));
}

/**
 * The environment without what was only computed for this process: another version, started from a replaced file, has
 * its own root and files. What the user set stays.
 */
export function withoutComputed(environment: ReleaseEnvironment, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = { ...env };
  for (const name of ['RELEASE_ROOT', 'RELEASE_NAME', 'RELEASE_PROG', 'RELEASE_COMMAND', 'SARMA_BIN'])
    delete kept[name];
  const versionDirectory = path.join(environment.root, 'releases', environment.version) + path.sep;
  for (const name of VERSION_FILES) if (kept[name]?.startsWith(versionDirectory)) delete kept[name];
  if (kept.NODE_COMPILE_CACHE?.startsWith(environment.root + path.sep)) {
    for (const name of ['NODE_COMPILE_CACHE', 'NODE_COMPILE_CACHE_PORTABLE']) delete kept[name];
  }
  if (!isChosen(environment)) delete kept.RELEASE_VSN;
  return kept;
}

const VERSION_FILES = [
  'RELEASE_BOOT_SCRIPT',
  'RELEASE_SYS_CONFIG',
  'RELEASE_VM_ARGS',
  'RELEASE_REMOTE_VM_ARGS',
] as const;

/** Whether what runs is there, and not what a start gives: it was chosen with `RELEASE_VSN`. A new assembly may have taken its place. */
function isChosen(environment: ReleaseEnvironment): boolean {
  const places = versionPlaces(environment, environment);
  const { version } = environment;
  return readStartRecord(places.record)?.version !== version && placeOfVersion(places, version) !== undefined;
}
