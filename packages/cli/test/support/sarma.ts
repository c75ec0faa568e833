import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Place {
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** `wrap` instead of `sarma`. */
  readonly program?: 'sarma' | 'wrap';
}

/** Shared by all tests, so that the runtime is compressed once. */
const cache = path.join(process.env.SARMA_TEST_DIRECTORY!, 'build-cache');

const bin = (program: string) => fileURLToPath(new URL(`../../bin/${program}.js`, import.meta.url));

/** Starts the real program. */
export function start(argv: readonly string[], place: Place = {}): ChildProcess {
  return startCommand([process.execPath, bin(place.program ?? 'sarma'), ...argv], place);
}

/** Runs the real program on a terminal and returns what that would have to show, colours and movements included. */
export async function onTerminal(
  argv: readonly string[],
  { columns, ...place }: Place & { readonly columns: number },
): Promise<string> {
  const words = [process.execPath, bin('sarma'), ...argv].map((word) => `'${word}'`);
  const command = `stty cols ${columns}; ${words.join(' ')}`;
  // From util-linux: runs a command under a pseudo-terminal of its own.
  return (await ended(startCommand(['script', '-qec', command, '/dev/null'], place))).stdout;
}

/** What the test's own environment says about colours, CI, Sarma and NODE_ENV (vitest's) is kept from it. */
function startCommand([file, ...argv]: readonly string[], place: Place): ChildProcess {
  const { NO_COLOR, FORCE_COLOR, CI, NODE_ENV, SARMA_TARGET, ...environment } = process.env;
  return spawn(file!, argv, {
    cwd: place.directory,
    env: { ...environment, SARMA_BUILD_CACHE: cache, TERM: 'xterm-256color', ...place.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs the real program to its end. */
export async function sarma(argv: readonly string[], place: Place = {}): Promise<Ended> {
  return await ended(start(argv, place));
}

export async function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exitCode = await new Promise<number | null>((resolve, reject) =>
    child.on('close', resolve).on('error', reject),
  );
  return { exitCode, stdout, stderr };
}

/** A directory with these files, removed after the test. */
export async function folder(files: Readonly<Record<string, string | Buffer>> = {}): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sarma-cli-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return directory;
}

/** A runtime that is at hand without a network: the Node that runs the tests. */
export const quickly = ['--runtime', process.execPath, '--compression', 'fast'];

/** The files of a project that says hello. */
export const hello = {
  'package.json': JSON.stringify({ name: 'hello', version: '1.2.3', bin: 'main.js' }),
  'main.js': 'console.log("hello", ...process.argv.slice(2));\n',
};
