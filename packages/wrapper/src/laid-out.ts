import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bareEnvironment, ISOLATION_ENVIRONMENT, isolation } from './isolation.ts';
import type { Tree } from './tree.ts';

/** A release on this disk as an install of it would be, and its runtime, which this machine can execute. */
export interface LaidOut {
  /** Of the release. */
  readonly directory: string;
  /** The same for the processes that `run` starts: a name that says nothing of this machine, where the system allows. */
  readonly root: string;
  /**
   * The runtime, in an empty directory, with an empty HOME as its only variable and nothing on stdin; what it prints on
   * stdout is not kept. Ended after two minutes. Throws what starting a process throws.
   */
  run(args: readonly string[]): Promise<Ended>;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  /** The end of what it printed on stderr. */
  readonly errors: string;
}

/** In milliseconds. */
const LIMIT = 120_000;

/** Of what a process prints, in characters from the end. */
const KEPT = 8000;
const SHOWN_LINES = 20;

/** Of the runtime, on every system. */
const NODE = 'node.exe';

/** In the temporary directory, as long as it is used. `runtime` is the executable's file. Throws what `use` and writing throw. */
export async function withLaidOut<Result>(
  tree: Tree,
  runtime: string,
  use: (laidOut: LaidOut) => Promise<Result>,
): Promise<Result> {
  const work = await realpath(await mkdtemp(path.join(tmpdir(), 'sarma-run-')));
  try {
    // `isolation` wants the three.
    for (const name of ['empty', 'home', 'root']) await mkdir(path.join(work, name), { mode: 0o700 });
    const directory = path.join(work, 'release');
    await layOut(tree, directory);
    await copyFile(runtime, path.join(work, NODE), constants.COPYFILE_FICLONE);
    // What the build cache holds need not be executable.
    await chmod(path.join(work, NODE), 0o755);
    const isolated = isolation(work, []);
    const place = isolated?.work ?? work;
    const [program, ...given] = [...(isolated?.command ?? []), path.join(place, NODE)];
    const env = isolated ? ISOLATION_ENVIRONMENT : bareEnvironment(path.join(work, 'home'));
    return await use({
      directory,
      root: path.join(place, 'release'),
      run: (args) => execute(program!, [...given, ...args], path.join(work, 'empty'), env),
    });
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function layOut({ directories, files, links }: Tree, directory: string): Promise<void> {
  const place = (relative: string) => path.join(directory, relative);
  await mkdir(directory, { recursive: true });
  for (const relative of directories) await mkdir(place(relative));
  for (const { path: relative, mode, content } of files) {
    if (typeof content === 'string') await copyFile(content, place(relative), constants.COPYFILE_FICLONE);
    else await writeFile(place(relative), content, { mode });
  }
  for (const link of links)
    await symlink(link.target, place(link.path), link.directory ? 'junction' : 'file');
}

async function execute(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<Ended> {
  const child = spawn(program, args, {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: LIMIT,
    killSignal: 'SIGKILL',
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-KEPT);
  });
  return await new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status, signal, errors }));
  });
}

/** "ended with exit status 1:" and what it printed, to be put behind what it was. */
export function howItEnded({ status, signal, errors }: Ended): string {
  const how = signal === null ? `ended with exit status ${status}` : `was ended by ${signal}`;
  if (errors.trim() === '') return `${how}, and said nothing.`;
  const lines = errors.trim().split('\n').slice(-SHOWN_LINES);
  return `${how}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
