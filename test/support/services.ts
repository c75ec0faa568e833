import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { makeProgram, type Program } from './programs.ts';
import { type RunOptions, run, type Transcript, temporaryDirectory } from './run.ts';

const APP = path.resolve(import.meta.dirname, '../../packages/app');

/** A project that is a service: `files` beside a package.json that depends on `@sarma/app`. */
export async function makeService(
  name: string,
  files: Readonly<Record<string, string>>,
  manifest: Readonly<Record<string, unknown>> = {},
): Promise<Program> {
  const { dependencies = {}, ...others } = manifest as { dependencies?: Readonly<Record<string, string>> };
  return await makeProgram(
    {
      name,
      type: 'module',
      sarma: { application: './application.ts' },
      dependencies: { '@sarma/app': `file:${APP}`, ...dependencies },
      ...others,
    },
    files,
  );
}

/** A release in one of its forms, with a state directory and a home of its own. */
export interface Installed {
  /** `bin/<name>`, or the executable. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly state: string;
}

/** Gives a command of a release its own place for everything that it keeps. */
export async function installed(command: string): Promise<Installed> {
  const home = await temporaryDirectory();
  const state = path.join(home, 'state');
  await mkdir(state);
  const env = {
    HOME: home,
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_RUNTIME_DIR: '',
    RELEASE_MUTABLE_DIR: state,
  };
  return { command, env, state };
}

/** Runs one command of a release to its end. */
export async function ask(
  { command, env }: Installed,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Transcript> {
  return await run(command, args, { ...options, env: { ...env, ...options.env } });
}

/** A node in the foreground, killed after the test if it still runs. */
export interface Foreground {
  readonly child: ChildProcess;
  /** What it has printed so far, stdout and stderr. */
  readonly printed: () => string;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts a node in the foreground and waits until it answers. */
export async function startNode(
  one: Installed,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Foreground> {
  const child = spawn(one.command, ['start', ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...one.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const ended = new Promise<Awaited<Foreground['ended']>>((resolve) =>
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal })),
  );
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended:\n${printed}`);
    if ((await ask(one, ['ping'], options)).exitCode === 0) break;
  }
  return { child, printed: () => printed, ended };
}
