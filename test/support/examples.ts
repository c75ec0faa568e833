import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { run, runCommand, type Transcript, temporaryDirectory } from './run.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** A copy of `examples/<name>` with its dependencies, as a person would have it. */
export async function copyExample(name: string): Promise<string> {
  const directory = path.join(await temporaryDirectory(), name);
  const left = /[/\\](node_modules|_build|burrito_out|package-lock\.json|sarma\.lock\.json)$/;
  await cp(path.join(ROOT, 'examples', name), directory, {
    recursive: true,
    filter: (source) => !left.test(source),
  });
  const manifest = path.join(directory, 'package.json');
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replaceAll('file:../..', `file:${ROOT}`));
  await execa('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: directory });
  return directory;
}

/** `sarma` in a project, with the Node that runs the tests; fails if it does. */
export async function build(directory: string, args: readonly string[]): Promise<Transcript> {
  const transcript = await runCommand([...args, '--runtime', process.versions.node], { cwd: directory });
  expect(transcript.exitCode, transcript.stdout + transcript.stderr).toBe(0);
  return transcript;
}

/** A release as a file that one calls with commands: `bin/<name>`, or the executable. */
export class Service {
  readonly file: string;
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;

  constructor(file: string, env: Readonly<Record<string, string>>) {
    this.file = file;
    this.env = env;
  }

  /** The same with other variables. */
  with(env: Readonly<Record<string, string>>): Service {
    return new Service(this.file, { ...this.env, ...env });
  }

  async call(...args: readonly string[]): Promise<Transcript> {
    return await run(this.file, args, { env: this.env });
  }

  /** What a command prints; fails if the command does. */
  async say(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.call(...args);
    expect(exitCode, stdout + stderr).toBe(0);
    return stdout.trimEnd();
  }

  /** `start` in the foreground, until it has printed a line. */
  async start(): Promise<StartedService> {
    const env = { ...process.env, ...this.env };
    const child = spawn(this.file, ['start'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    const ended = once(child, 'close').then(([exitCode, signal]) => ({ exitCode, signal, output }));
    await Promise.race([once(child.stdout, 'data'), ended]);
    if (output === '' || child.exitCode !== null) throw new Error(`start ended: ${(await ended).output}`);
    return {
      pid: child.pid!,
      ended,
      kill: async () => {
        child.kill('SIGKILL'); // nothing, where it has ended
        await ended;
      },
    };
  }
}

export interface StartedService {
  readonly pid: number;
  /** Both streams of output in `output`. */
  readonly ended: Promise<{
    readonly exitCode: number | null;
    readonly signal: string | null;
    readonly output: string;
  }>;
  /** At once, as `kill -9`. */
  kill(): Promise<void>;
}

/** Everything below one directory: home, state, cache of installs. */
export async function ownHome(): Promise<Readonly<Record<string, string>>> {
  const home = await temporaryDirectory();
  return { HOME: home, XDG_STATE_HOME: path.join(home, 'state'), SARMA_CACHE_DIR: path.join(home, 'cache') };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
