import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { NODE } from './bench.ts';
import type { Program } from './programs.ts';

export type Compression = 'fast' | 'balanced' | 'best' | 'none';

export interface WrapChoice {
  /** Default: this machine's. */
  readonly targets?: readonly string[];
  readonly compression: Compression;
  /** Version of Node. Default: what the command line chooses. */
  readonly runtime?: string;
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

/** The user's own environment, whose build cache is used, without what npm adds to it. */
export function wrapEnvironment(): Readonly<Record<string, string>> {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}

/** Wraps a program, with the bench's own version of Node if nothing else is said, and returns the executables. */
export async function wrap(program: Program, choice: WrapChoice): Promise<readonly string[]> {
  const [file, ...args] = wrapArguments(program, { runtime: process.versions.node, ...choice });
  const { stdout } = await promisify(execFile)(file!, [...args, '--json'], { maxBuffer: 64 * 1024 * 1024 });
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; file: string });
  return events.filter(({ type }) => type === 'artifact').map((artifact) => artifact.file);
}
