import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from '@sarma/wrapper';
import { type Bench, type Part, UNCACHED, useOf } from '../bench.ts';
import { checkUse } from '../check.ts';
import type { Command, Cost } from '../measure.ts';
import { copyNode, forget } from '../page-cache.ts';
import { type Bar, type BarGroup, estimateBar } from '../plots.ts';
import { PROGRAM_NAMES, type Program, type Use } from '../programs.ts';
import { COST_COLUMNS, megabytes, milliseconds, type Section, showCost, showRatio } from '../report.ts';
import { wrap } from '../sarma.ts';
import { type Estimate, ratioOf } from '../statistics.ts';

/** What a start costs once the install is there, against plain Node. */
export const warmStart: Part = {
  name: 'warm',
  run: async (bench): Promise<Section> => {
    const node = await copyNode(bench.disk);
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    for (const name of PROGRAM_NAMES) {
      try {
        const program = await bench.program(name);
        const [executable] = await wrap(program, {
          compression: 'balanced',
          out: path.join(bench.disk, program.name),
        });
        for (const use of program.uses) {
          const compared = await compare(bench, program, use, { executable: executable!, node });
          rows.push(...compared.rows);
          groups.push({ name: use.name, bars: compared.bars });
        }
      } catch (error) {
        rows.push([name, bench.fail(error)]);
      }
    }
    return { title: 'Warm start', blocks: [INTRODUCTION, { columns: COLUMNS, rows }], plots: [plot(groups)] };
  },
};

const INTRODUCTION =
  'The executable of each program (`balanced`) against plain Node with the same arguments. "Fresh" is an install just ' +
  'unpacked, whose runtime lies in the page cache as it was written; the kernel counts larger pieces of it as resident. ' +
  '"Read" is one whose runtime, like that of plain Node, was dropped from the page cache and read again, as after a restart ' +
  'of the machine. prettier, eslint and `bin/tsc` switch Node’s compile cache on by themselves, under plain Node too; "Node, ' +
  'no cache" is plain Node with `NODE_DISABLE_COMPILE_CACHE=1`, and the aim of a program is a share of the CPU time of that ' +
  'one. Medians (minimum in brackets).';

const COLUMNS = [
  'program',
  'started as',
  ...COST_COLUMNS,
  'wall − Node, ms',
  'CPU / Node',
  'CPU / Node, no cache',
  'aim',
  'peak memory, MB',
];

function plot(groups: readonly BarGroup[]) {
  return {
    kind: 'bars',
    name: 'warm',
    title: 'Warm start: CPU time against plain Node without a compile cache',
    axis: 'user and system time / that of plain Node without a compile cache (less is better)',
    groups,
    mark: { value: 1, name: 'Node' },
  } as const;
}

interface Starts {
  readonly executable: string;
  readonly node: string;
}

async function compare(bench: Bench, program: Program, use: Use, starts: Starts) {
  const home = (name: string) =>
    path.join(bench.disk, 'homes', `${use.name.replaceAll(/[^\w]+/g, '-')}-${name}`);
  for (const name of ['node', 'uncached', 'fresh', 'read'])
    await mkdir(path.join(home(name), 'tmp'), { recursive: true });
  const plain = [starts.node, path.join(program.project, program.entry)];
  const uncached = useOf(use, 'Node, no cache', plain, home('uncached'));
  const commands = [
    useOf(use, 'Node', plain, home('node')),
    ...(use.caches === true ? [{ ...uncached, env: { ...uncached.env, ...UNCACHED } }] : []),
    useOf(use, 'executable, fresh', [starts.executable], home('fresh')),
    useOf(use, 'executable, read', [starts.executable], home('read')),
  ];
  await checkUse(bench, program, use, starts.executable, home('check'));
  await install(bench, commands.slice(-2), starts.executable, home('read'));
  const costs = await bench.measure(commands, {
    ...bench.rounds(25),
    warmups: bench.quick || use.port !== undefined ? 1 : 4,
  });
  const node = costs[0]!;
  const reference = use.caches === true ? costs[1]! : node;
  const compared = costs.map((cost) => ({
    cost,
    toNode: ratioOf(cost.runs.cpu, node.runs.cpu),
    toReference: ratioOf(cost.runs.cpu, reference.runs.cpu),
  }));
  return {
    rows: compared.map((one) => showCompared(use, node, one)),
    bars: compared
      .filter(({ cost }) => cost !== reference)
      .map(({ cost, toReference }): Bar => estimateBar(cost.name, toReference)),
  };
}

interface Compared {
  readonly cost: Cost;
  readonly toNode: Estimate;
  readonly toReference: Estimate;
}

function showCompared(use: Use, node: Cost, { cost, toNode, toReference }: Compared): string[] {
  const own = cost.name.startsWith('executable');
  return [
    use.name,
    cost.name,
    ...showCost(cost),
    milliseconds(cost.wall.median - node.wall.median),
    showRatio(toNode),
    showRatio(toReference),
    own && use.aim !== undefined ? String(use.aim) : '',
    megabytes(cost.peak),
  ];
}

/** Lets executables unpack themselves, and drops the runtime of one of them from the page cache. */
async function install(
  bench: Bench,
  commands: readonly Command[],
  executable: string,
  read: string,
): Promise<void> {
  await bench.measure(commands, { most: 1, least: 1, seconds: 0, warmups: 0 });
  const { stamp } = await inspect(executable);
  await forget([path.join(read, '.cache/sarma/runtimes', stamp.runtimeDirectory, stamp.runtimeExecutable)]);
}
