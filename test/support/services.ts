import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
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

/** What a command of a release prints; fails if the command does. */
export async function say(one: Installed, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await ask(one, args);
  expect(exitCode, stdout + stderr).toBe(0);
  return stdout.trimEnd();
}

/** The same release with other variables. */
export function withEnv(one: Installed, env: Readonly<Record<string, string>>): Installed {
  return { ...one, env: { ...one.env, ...env } };
}

/** A node in the foreground. */
export interface Foreground {
  readonly child: ChildProcess;
  /** What it has printed so far, stdout and stderr. */
  readonly printed: () => string;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }>;
  /** At once, as `kill -9`; nothing where it has ended. */
  readonly kill: () => Promise<void>;
}

/** Starts a node in the foreground and waits until it answers; it is killed after the test if it still runs. */
export async function startNode(
  one: Installed,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Foreground> {
  const node = spawnNode(one, args, options);
  onTestFinished(node.kill);
  return await answering(node, one, options);
}

/** The same for a hook of vitest, which kills it itself. */
export async function startNodeOfHook(one: Installed): Promise<Foreground> {
  return await answering(spawnNode(one, [], {}), one, {});
}

function spawnNode(one: Installed, args: readonly string[], options: RunOptions): Foreground {
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
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  return { child, printed: () => printed, ended, kill };
}

async function answering(node: Foreground, one: Installed, options: RunOptions): Promise<Foreground> {
  const { child, printed } = node;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended:\n${printed()}`);
    if ((await ask(one, ['ping'], options)).exitCode === 0) return node;
    await pause(100);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
