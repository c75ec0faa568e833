import { execFile } from 'node:child_process';
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { inspect } from '@sarma/wrapper';
import { type Bench, environment, NODE, type Part } from '../bench.ts';
import type { Command } from '../measure.ts';
import type { Program, Use } from '../programs.ts';
import { COST_COLUMNS, megabytes, milliseconds, ratio, type Section, showCost } from '../report.ts';
import { wrap } from '../sarma.ts';

const execute = promisify(execFile);

/** What a start costs once the install is there, against plain Node. */
export const warmStart: Part = {
  name: 'warm',
  run: async (bench): Promise<Section> => {
    const place = path.join(bench.disk, 'warm');
    await mkdir(place);
    const node = path.join(place, 'node');
    await cp(NODE, node);
    await forget(node);
    const rows: string[][] = [];
    for (const program of bench.programs) {
      const out = path.join(place, program.name);
      const [executable] = await wrap(program, { compression: 'balanced', out });
      for (const use of program.uses)
        rows.push(...(await compare(bench, program, use, { executable: executable!, node })));
    }
    return { title: 'Warm start', blocks: [INTRODUCTION, { columns: COLUMNS, rows }] };
  },
};

const INTRODUCTION =
  'The executable of each program (`balanced`) against plain Node with the same arguments. "Fresh" is an install just ' +
  'unpacked, whose runtime lies in the page cache as it was written; the kernel counts larger pieces of it as resident. ' +
  '"Read" is one whose runtime, like that of plain Node, was dropped from the page cache and read again, as after a restart ' +
  'of the machine. "Installed Node" is the runtime of the latter, started directly on its entry: what is between the two is ' +
  'the stub and its guard. Medians (minimum in brackets). Aims: less than 1 ms of wall time to Node for hello, equal peak memory, and the ' +
  'ratio of CPU time in the last column. (typescript switches on Node’s compile cache by itself, with plain Node too.)';

const COLUMNS = [
  'program',
  'started as',
  ...COST_COLUMNS,
  'wall − Node, ms',
  'CPU / Node',
  'peak memory, MB',
  'aim',
];

interface Starts {
  readonly executable: string;
  readonly node: string;
}

async function compare(bench: Bench, program: Program, use: Use, starts: Starts): Promise<string[][]> {
  const fresh = await install(bench, starts.executable, 'fresh');
  const read = await install(bench, starts.executable, 'read');
  await forget(read.runtime);
  const command = (name: string, home: string, start: readonly string[]): Command => ({
    name,
    argv: [...start, ...use.args],
    env: environment(home),
    directory: bench.disk,
    status: use.status,
  });
  const commands = [
    command('Node', read.home, [starts.node, path.join(program.project, program.entry)]),
    command('executable, fresh', fresh.home, [starts.executable]),
    command('executable, read', read.home, [starts.executable]),
    command('installed Node', read.home, [read.runtime, read.entry]),
  ];
  const costs = await bench.measure(commands, bench.rounds(use.rounds, Math.min(20, use.rounds / 10)));
  const node = costs[0]!;
  return commands.map(({ name }, index) => {
    const cost = costs[index]!;
    return [
      use.name,
      name,
      ...showCost(cost),
      milliseconds(cost.wall.median - node.wall.median),
      ratio(cost.cpu.median, node.cpu.median),
      megabytes(cost.peak),
      name.startsWith('executable') ? `${use.aim}` : '',
    ];
  });
}

interface Install {
  readonly home: string;
  readonly runtime: string;
  readonly entry: string;
}

/** Lets an executable unpack itself below an empty home. */
async function install(bench: Bench, executable: string, name: string): Promise<Install> {
  const home = path.join(bench.disk, 'warm/homes', name);
  await rm(home, { recursive: true, force: true });
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  await execute(executable, ['--version'], { env: environment(home) });
  const { stamp } = await inspect(executable);
  const base = path.join(home, '.cache/sarma');
  return {
    home,
    runtime: path.join(base, 'runtimes', stamp.runtimeDirectory, stamp.runtimeExecutable),
    entry: path.join(base, 'releases', stamp.releaseDirectory, stamp.entry),
  };
}

/** Drops a file from the page cache: the next one to use it reads it from the disk. */
async function forget(file: string): Promise<void> {
  await execute('sync', [file]);
  await execute('dd', [`if=${file}`, 'iflag=nocache', 'count=0']);
}
