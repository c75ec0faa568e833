import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Compression } from '@sarma/wrapper';
import { NODE } from './bench.ts';
import type { Program } from './programs.ts';

export interface WrapChoice {
  /** Default: this machine's. */
  readonly targets?: readonly string[];
  readonly compression: Compression;
  /** Version of Node. Default: what the command line chooses. */
  readonly runtime?: string;
  /** The build cache. Default: the user's. */
  readonly cache?: string;
  /** A folder with a slash at its end, or the file if there is one target. */
  readonly out: string;
}

const CLI = path.join(import.meta.dirname, '../packages/cli/bin/wrap.js');

/** The command line that wraps a program. */
export function wrapArguments(program: Program, choice: WrapChoice): readonly string[] {
  const { targets, compression, runtime, out } = choice;
  return [
    NODE,
    CLI,
    ...['--project', program.project, '--entry', path.join(program.project, program.entry)],
    ...(targets === undefined ? ['--current'] : ['--target', targets.join(',')]),
    ...['--compression', compression, '--out', out],
    ...(runtime === undefined ? [] : ['--runtime', runtime]),
  ];
}

/** The user's own environment, without what npm adds to it, and with a build cache that is given or the user's. */
export function wrapEnvironment(cache?: string): Readonly<Record<string, string>> {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
  if (cache !== undefined) entries.push(['SARMA_BUILD_CACHE', cache]);
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}

/**
 * Wraps a program, with the bench's own version of Node if nothing else is said, and returns the executables. Throws
 * with what the command line says of the first target that failed.
 */
export async function wrap(program: Program, choice: WrapChoice): Promise<readonly string[]> {
  const [file, ...args] = wrapArguments(program, { runtime: process.versions.node, ...choice });
  const options = { maxBuffer: 64 * 1024 * 1024, env: wrapEnvironment(choice.cache) };
  const { stdout, stderr } = await promisify(execFile)(file!, [...args, '--json'], options).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  const events = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WrapEvent);
  const failure = events.find(({ type }) => type === 'failure');
  if (failure !== undefined) throw new Error(failure.message ?? failure.type);
  const files = events.filter(({ type }) => type === 'artifact').map((artifact) => artifact.file!);
  if (files.length === 0) throw new Error(stderr);
  return files;
}

/** What is read of the events that `--json` prints. */
interface WrapEvent {
  readonly type: string;
  readonly file?: string;
  readonly message?: string;
}
