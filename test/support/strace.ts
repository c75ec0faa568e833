import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunOptions, run, type Transcript, temporaryDirectory } from './run.ts';
import { start } from './running.ts';
import { onOneCore, type Surroundings } from './surroundings.ts';

/** Everything by which the stub changes the file system. */
export const CHANGES = [
  ...['mkdirat', 'symlinkat', 'linkat', 'openat', 'fallocate', 'ftruncate', 'write', 'pwrite64'],
  ...['utimensat', 'renameat', 'unlinkat', 'fchmod', 'fchmodat'],
] as const;

/** A system call of the stub. */
export interface Call {
  readonly thread: number;
  readonly name: string;
  /** Which one of that name it is in its thread, from 1: the `when` of an injection. */
  readonly nth: number;
  /** As strace prints it: `mkdirat(AT_FDCWD, "/a", 0755) = 0`. */
  readonly text: string;
}

export interface TracedOptions extends RunOptions {
  /** What strace does to calls, as its manual has it: `mkdirat:signal=KILL:when=3`. */
  readonly inject?: readonly string[];
  /** On one core, so that one thread does all, in the same order every time. */
  readonly oneCore?: boolean;
  /** The calls to be written to `log`. */
  readonly trace?: readonly string[];
  /** A file. Default: none. */
  readonly log?: string;
}

/** Runs a program under strace, with its threads and children. It ends as the program does, by a signal too. */
export async function runTraced(
  file: string,
  args: readonly string[] = [],
  options: TracedOptions = {},
): Promise<Transcript> {
  const {
    inject = [],
    oneCore = false,
    trace = [],
    log = '/dev/null',
    env = {},
    under = [],
    ...rest
  } = options;
  const injected = inject.map((one) => one.slice(0, one.indexOf(':')));
  const variables = Object.entries(env).map(([name, value]) =>
    value === undefined ? name : `${name}=${value}`,
  );
  return await run(
    'strace',
    [
      ...['-f', '-qq', '-o', log, '-e', `trace=${[...trace, ...injected].join() || 'none'}`],
      ...inject.flatMap((one) => ['-e', `inject=${one}`]),
      ...variables.flatMap((one) => ['-E', one]),
      ...[file, ...args],
    ],
    { ...rest, under: [...under, ...(oneCore ? onOneCore() : [])] },
  );
}

/** The calls of those names that the stub makes until it becomes the program, in their order; the last may be that `execve`. */
export async function callsOf(
  names: readonly string[],
  file: string,
  args: readonly string[] = [],
  options: TracedOptions = {},
): Promise<readonly Call[]> {
  const log = path.join(await temporaryDirectory(), 'trace');
  await runTraced(file, args, { ...options, log, trace: [...names, 'execve'] });
  const lines = (await readFile(log, 'utf8')).split('\n');
  const executions = lines.flatMap((line, at) => (/^\d+ +execve\(/.test(line) ? [at] : []));
  // The first is that of the stub; `maintenance` executes nothing else.
  const [first, second = lines.length] = executions;
  const own = lines.slice(first! + 1, names.includes('execve') ? second + 1 : second);
  const counts = new Map<string, number>();
  return own.flatMap((line) => {
    const [, thread, text, name] = /^(\d+) +((\w+)\(.*)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const nth = (counts.get(`${thread} ${name}`) ?? 0) + 1;
    counts.set(`${thread} ${name}`, nth);
    return [{ thread: Number(thread), name, nth, text: text! }];
  });
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

export interface StoppedOptions {
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly under?: Surroundings;
  /** Of the calls those alone that name this path. */
  readonly of?: string;
}

/** Starts a program on one core, which does everything in the same order, and stops it once it has made each of those calls. */
export async function startStopped(
  file: string,
  args: readonly string[],
  { env, under = [], of }: StoppedOptions,
  ...calls: readonly Pick<Call, 'name' | 'nth'>[]
): Promise<Stopped> {
  const log = path.join(await temporaryDirectory(), 'trace');
  const [command, ...traced] = [
    ...[...under, ...onOneCore(), 'strace', '-f', '-o', log, '-e', 'quiet=all'],
    ...(of === undefined ? [] : ['-P', of]),
    ...['-e', `trace=${calls.map(({ name }) => name).join()}`],
    ...calls.flatMap(({ name, nth }) => ['-e', `inject=${name}:signal=STOP:when=${nth}`]),
  ];
  const run = start(command!, [...traced, file, ...args], env);
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
