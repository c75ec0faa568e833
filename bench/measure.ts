import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

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
}

export interface Spread {
  readonly median: number;
  readonly minimum: number;
}

/** What the runs of one command cost: the program and the processes it waited for. */
export interface Cost {
  /** User and system time, in ms. */
  readonly cpu: Spread;
  /** In ms. */
  readonly wall: Spread;
  /** Peak resident size of the largest process, in bytes: the median of the runs. */
  readonly peak: number;
}

export interface Rounds {
  readonly rounds: number;
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

/** Compiles `measure.zig` into `scratch` with the project's own Zig. */
export async function openMeasure(scratch: string): Promise<Measure> {
  const program = path.join(scratch, 'measure');
  await execute(path.join(import.meta.dirname, '../node_modules/.bin/zig'), [
    'build-exe',
    path.join(import.meta.dirname, 'measure.zig'),
    '-O',
    'ReleaseSafe',
    '-fsingle-threaded',
    // Zig raises the limit of the stack to what it asks for here, and the measured programs would inherit it.
    '--stack',
    String(1024 * 1024),
    '--cache-dir',
    path.join(scratch, 'zig-cache'),
    `-femit-bin=${program}`,
  ]);
  return async (commands, { rounds, warmups }) => {
    const directory = await mkdtemp(path.join(scratch, 'plan-'));
    const file = path.join(directory, 'plan.json');
    const planned = commands.map(({ name: _, env, status = 0, ...command }) => ({
      ...command,
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      status,
    }));
    await writeFile(file, JSON.stringify({ warmups, rounds, commands: planned }));
    const { stdout } = await execute(program, [file], { maxBuffer: 64 * 1024 * 1024 });
    await rm(directory, { recursive: true });
    return (JSON.parse(stdout) as readonly (readonly Run[])[]).map(costOf);
  };
}

function costOf(runs: readonly Run[]): Cost {
  return {
    cpu: spread(runs.map((run) => (run.user_us + run.system_us) / 1000)),
    wall: spread(runs.map((run) => run.wall_us / 1000)),
    peak: spread(runs.map((run) => run.peak_kib * 1024)).median,
  };
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  return { median, minimum: sorted[0]! };
}
