import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Transcript } from './run.ts';

type Environment = Readonly<Record<string, string>>;

/** A program that has printed its first line and waits. */
export interface RunningProgram {
  readonly pid: number;
  /** Sends a line to its stdin and returns all that it printed until it ended. */
  say(line: string): Promise<string>;
  stop(): Promise<void>;
}

/** `env` is added to the environment. Killed after the test. */
export async function startProgram(
  file: string,
  args: readonly string[],
  env: Environment,
): Promise<RunningProgram> {
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed]);
  if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}`);
  return {
    pid: child.pid!,
    say: async (line) => {
      child.stdin.end(`${line}\n`);
      await closed;
      return output;
    },
    stop: async () => {
      child.kill();
      await closed;
    },
  };
}

/** A program that is not waited for. */
export interface Started {
  readonly pid: number;
  readonly ended: Promise<Transcript>;
}

/** `env` is added to the environment. Killed after the test, with all that it has started. */
export function start(file: string, args: readonly string[], env: Environment): Started {
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  // Of a strace that is killed alone, what it has stopped stays behind.
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = once(child, 'close').then(([exitCode, signal]) => ({
    ...output,
    exitCode: exitCode ?? undefined,
    signal: signal ?? undefined,
  }));
  return { pid: child.pid!, ended };
}

/** The number of nanosleep(2). */
const NANOSLEEP: Partial<Record<NodeJS.Architecture, number>> = { x64: 35, arm64: 101 };

/**
 * Until a run has ended, or waits for a lock: what the stub does between two attempts is sleep. Its threads sleep a moment for
 * each other, too: where that makes a difference, a run waits that is found asleep `patience` milliseconds after the first time.
 */
export async function settled(run: Started, patience = 0): Promise<'ended' | 'waits'> {
  let ended = false;
  void run.ended.then(() => (ended = true));
  let slept: number | undefined;
  while (!ended) {
    const call = await readFile(`/proc/${run.pid}/syscall`, 'utf8').catch(() => '');
    if (Number.parseInt(call, 10) === NANOSLEEP[process.arch] && (await isStub(run.pid))) {
      slept ??= Date.now();
      if (Date.now() - slept >= patience) return 'waits';
    }
    await sleep(2);
  }
  return 'ended';
}

const isStub = async (pid: number) =>
  !/\/runtimes\//.test(await readlink(`/proc/${pid}/exe`).catch(() => ''));
