import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll } from 'vitest';
import type { Program } from './programs.ts';
import type { Surroundings } from './surroundings.ts';

const COMMANDS = path.resolve(import.meta.dirname, '../../packages/cli/bin');

/** What a person would see of a program, and what the shell would. */
export interface Transcript {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment; `undefined` takes away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  /** In milliseconds. Default: 100 seconds. */
  readonly timeout?: number;
  /** What it is started by. Default: nothing else. */
  readonly under?: Surroundings;
}

export async function run(
  file: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Transcript> {
  const [command, ...all] = [...(options.under ?? []), file, ...args];
  const { stdout, stderr, exitCode, signal, code } = await execa(command!, all, {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: options.env }),
    input: options.input ?? '',
    reject: false,
    stripFinalNewline: false,
    timeout: options.timeout ?? 100_000,
  });
  if (exitCode === undefined && signal === undefined)
    throw new Error(`${command} could not be started: ${code}`);
  return { stdout, stderr, exitCode, signal };
}

/** Runs a project's entry with the Node that runs the tests. */
export async function runNode(program: Program, args: readonly string[] = [], options: RunOptions = {}) {
  return await run(process.execPath, [path.join(program.directory, program.entry), ...args], options);
}

/** `wrap` as a person calls it. */
export async function wrapCommand(args: readonly string[], options: RunOptions = {}): Promise<Transcript> {
  return await runScript('wrap.js', args, options);
}

/** `sarma` as a person calls it. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Transcript> {
  return await runScript('sarma.js', args, options);
}

async function runScript(name: string, args: readonly string[], options: RunOptions): Promise<Transcript> {
  const env = { NO_COLOR: '1', ...options.env };
  return await run(process.execPath, [path.join(COMMANDS, name), ...args], { ...options, env });
}

/**
 * Wraps a project for this machine, with the Node that runs the tests so that the two can be compared, and returns the
 * executable. It lies in a directory of its own, away from the project.
 */
export async function wrapProgram(
  program: Program,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<string> {
  const directory = await temporaryDirectory();
  const file = path.join(directory, 'app');
  const choice = args.some((argument) => /^(-t|--target)/.test(argument)) ? [] : ['--current'];
  const runtime = args.includes('--runtime') ? [] : ['--runtime', process.versions.node];
  const compression = args.includes('--compression') ? [] : ['--compression', 'fast'];
  const chosen = [...choice, ...runtime, ...compression];
  const { exitCode, stdout, stderr } = await wrapCommand(
    [program.directory, ...chosen, '-o', file, ...args],
    options,
  );
  if (exitCode !== 0) throw new Error(`wrap ended with ${exitCode}:\n${stdout}${stderr}`);
  return file;
}

const directories: string[] = [];

/** A new directory; those of a file are removed after its last test, since each may hold an installed runtime. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(process.env.SARMA_TEST_DIRECTORY!, 'x-'));
  directories.push(directory);
  return directory;
}

// What cannot be removed here (a mount that its test leaves in place) goes when all tests have run.
afterAll(() =>
  Promise.allSettled(directories.map((directory) => rm(directory, { recursive: true, force: true }))),
);
