import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Transcript, temporaryDirectory } from './run.ts';
import type { Call } from './strace.ts';

export interface Started {
  readonly pid: number;
  readonly ended: Promise<Transcript>;
}

/** A run that stands still after one of its system calls, or has ended without making it. */
export interface Stopped {
  /** 0 if it was not stopped. */
  readonly pid: number;
  /** Lets it go on to the next of its calls, or to its end; true if it was stopped again. */
  readonly goOnToNext: () => Promise<boolean>;
  /** Lets it go on to its end. */
  readonly goOn: () => Promise<Transcript>;
}

type Environment = Readonly<Record<string, string>>;

/** Starts a program that is not waited for. `env` is added to the environment. */
export function start(file: string, args: readonly string[], env: Environment): Started {
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
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

/** Starts a program on one core, which does everything in the same order, and stops it once it has made each of those calls. */
export async function startStopped(
  file: string,
  args: readonly string[],
  env: Environment,
  ...calls: readonly Pick<Call, 'name' | 'nth'>[]
): Promise<Stopped> {
  const log = path.join(await temporaryDirectory(), 'trace');
  const injected = calls.flatMap(({ name, nth }) => ['-e', `inject=${name}:signal=STOP:when=${nth}`]);
  const traced = ['strace', '-f', '-qq', '-o', log, '-e', `trace=${calls.map(({ name }) => name).join()}`];
  const run = start('taskset', ['-c', '0', ...traced, ...injected, file, ...args], env);
  let ended = false;
  void run.ended.then(() => (ended = true));
  const stops = async () => {
    const text = await readFile(log, 'utf8').catch(() => '');
    return [...text.matchAll(/^(\d+) +--- stopped by SIGSTOP/gm)].map(([, pid]) => Number(pid));
  };
  const stopped = async (times: number) => {
    while (!ended && (await stops()).length < times) await sleep(2);
    return await stops();
  };
  const [pid = 0] = await stopped(1);
  let times = 1;
  return {
    pid,
    goOnToNext: async () => {
      process.kill(pid, 'SIGCONT');
      times += 1;
      return (await stopped(times)).length === times;
    },
    goOn: async () => {
      if (pid !== 0) process.kill(pid, 'SIGCONT');
      return await run.ended;
    },
  };
}

/** Until a run has ended, or waits for a lock: what the stub does between two attempts is sleep. */
export async function settled(run: Started): Promise<'ended' | 'waits'> {
  const nanosleep = 35;
  let ended = false;
  void run.ended.then(() => (ended = true));
  while (!ended) {
    const call = await readFile(`/proc/${run.pid}/syscall`, 'utf8').catch(() => '');
    if (Number.parseInt(call, 10) === nanosleep && (await isStub(run.pid))) return 'waits';
    await sleep(2);
  }
  return 'ended';
}

const isStub = async (pid: number) =>
  !/\/runtimes\//.test(await readlink(`/proc/${pid}/exe`).catch(() => ''));
