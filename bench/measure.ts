import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Spread, spread } from './statistics.ts';

/** A process to measure. */
export interface Command {
  readonly name: string;
  /** The first one is an absolute path. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Run before each run, and not measured: what removes the last one's traces. The first one is an absolute path. */
  readonly prepare?: readonly string[];
  /** The exit status it must have. Default: 0. */
  readonly status?: number;
  /** A server: measured until its first answer. */
  readonly answer?: Answer;
}

/** Where a server answers `GET /`: on 127.0.0.1. */
export interface Answer {
  readonly port: number;
  /** In ms: how long it goes on in the rounds that do not count, before it is asked to end. */
  readonly stay: number;
  /** In ms: one that has not answered by then is broken. Default: a minute. */
  readonly limit?: number;
}

/** What the runs of one command cost: the program and the processes it started. */
export interface Cost {
  readonly name: string;
  /** The single runs in their order, in ms. What has the same index in the costs of two commands was one round. */
  readonly runs: { readonly cpu: readonly number[]; readonly wall: readonly number[] };
  /** User and system time, in ms. */
  readonly cpu: Spread;
  /** In ms. */
  readonly wall: Spread;
  /** Peak resident size of the largest process, in bytes: the median of the runs. */
  readonly peak: number;
}

export interface Rounds {
  /** There are no more than these, */
  readonly most: number;
  /** and no fewer than these, */
  readonly least: number;
  /** which in between last for so many seconds. */
  readonly seconds: number;
  /** Rounds before these, which do not count. */
  readonly warmups: number;
}

/** Runs every command once in each round, and says what each cost, in the order of `commands`. */
export type Measure = (commands: readonly Command[], rounds: Rounds) => Promise<readonly Cost[]>;

interface Run {
  readonly wall_us: number;
  readonly user_us: number;
  readonly system_us: number;
  readonly peak_kib: number;
}

const execute = promisify(execFile);

/** Compiles `measure.zig` with the project's own Zig, unless that has been done; plans are written to `scratch`. */
export async function openMeasure(scratch: string): Promise<Measure> {
  const program = await compile();
  return async (commands, { most, least, seconds, warmups }) => {
    const directory = await mkdtemp(path.join(scratch, 'plan-'));
    const file = path.join(directory, 'plan.json');
    const planned = commands.map(({ name: _, env, status = 0, answer, ...command }) => ({
      ...command,
      answer: answer && { port: answer.port, stay_ms: answer.stay, limit_ms: answer.limit ?? 60_000 },
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      status,
    }));
    await writeFile(
      file,
      JSON.stringify({ warmups, most, least, milliseconds: seconds * 1000, commands: planned }),
    );
    const { stdout } = await execute(program, [file], { maxBuffer: 64 * 1024 * 1024 });
    await rm(directory, { recursive: true });
    const runs = JSON.parse(stdout) as readonly (readonly Run[])[];
    return commands.map(({ name }, index) => costOf(name, runs[index]!));
  };
}

async function compile(): Promise<string> {
  const source = path.join(import.meta.dirname, 'measure.zig');
  const digest = createHash('sha256')
    .update(await readFile(source))
    .digest('hex');
  const directory = path.join(import.meta.dirname, '.installed');
  const program = path.join(directory, `measure-${digest.slice(0, 12)}`);
  if (existsSync(program)) return program;
  await mkdir(directory, { recursive: true });
  const made = `${program}.${process.pid}`;
  await execute(path.join(import.meta.dirname, '../node_modules/.bin/zig'), [
    ...['build-exe', source, '-O', 'ReleaseSafe', '-fsingle-threaded'],
    // Zig raises the limit of the stack to what it asks for here, and the measured programs would inherit it.
    ...['--stack', String(1024 * 1024), '--cache-dir', path.join(directory, 'zig-cache')],
    `-femit-bin=${made}`,
  ]);
  await rename(made, program);
  return program;
}

function costOf(name: string, runs: readonly Run[]): Cost {
  const cpu = runs.map((run) => (run.user_us + run.system_us) / 1000);
  const wall = runs.map((run) => run.wall_us / 1000);
  const peak = spread(runs.map((run) => run.peak_kib * 1024)).median;
  return { name, runs: { cpu, wall }, cpu: spread(cpu), wall: spread(wall), peak };
}
