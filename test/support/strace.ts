import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type RunOptions, run, type Transcript, temporaryDirectory } from './run.ts';

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
  /** A command that starts the one behind it: in another namespace, with limits. */
  readonly under?: readonly string[];
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
  const [command, ...before] = [...under, ...(oneCore ? ['taskset', '-c', '0'] : []), 'strace'];
  const variables = Object.entries(env).map(([name, value]) =>
    value === undefined ? name : `${name}=${value}`,
  );
  return await run(
    command!,
    [
      ...[...before, '-f', '-qq', '-o', log, '-e', `trace=${[...trace, ...injected].join() || 'none'}`],
      ...inject.flatMap((one) => ['-e', `inject=${one}`]),
      ...variables.flatMap((one) => ['-E', one]),
      ...[file, ...args],
    ],
    rest,
  );
}

/** The calls of those names that the stub makes until it becomes the program, in their order. */
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
  // The first is that of the stub.
  const own = lines.slice(executions[0]! + 1, executions[1]);
  const counts = new Map<string, number>();
  return own.flatMap((line) => {
    const [, thread, text, name] = /^(\d+) +((\w+)\(.*)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const nth = (counts.get(`${thread} ${name}`) ?? 0) + 1;
    counts.set(`${thread} ${name}`, nth);
    return [{ thread: Number(thread), name, nth, text: text! }];
  });
}
