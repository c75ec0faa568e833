import { cp, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Bench, emptyHome, NODE, type Part, UNCACHED, useOf } from '../bench.ts';
import type { Command } from '../measure.ts';
import { type BarGroup, estimateBar } from '../plots.ts';
import { type Program, type Use, withSettings } from '../programs.ts';
import { COST_COLUMNS, megabytes, reason, type Section, showCost, showRatio } from '../report.ts';
import { wrap } from '../sarma.ts';
import { ratioOf } from '../statistics.ts';

const NAMES = ['prettier', '_tsc', 'eslint', 'claude-code', 'fastify'] as const;

interface Variant {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What `wrap.compileCache` may be. `build` may be the arguments of a run whose functions are put into the cache. */
function variants({ args, fill = args, port }: Use): readonly Variant[] {
  return [
    { name: 'off', settings: { compileCache: false } },
    { name: 'by the first run', settings: {} },
    { name: 'at build time', settings: { compileCache: { build: true } } },
    // A server does not end.
    ...(port === undefined
      ? [{ name: 'at build time, by a run', settings: { compileCache: { build: fill } } }]
      : []),
  ];
}

/** What each way to V8's compile cache does to the first run and to later ones. */
export const compileCache: Part = {
  name: 'cache',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    for (const name of NAMES) {
      const compared = await compare(bench, await bench.program(name));
      rows.push(...compared.rows);
      groups.push({ name: compared.name, bars: compared.bars });
    }
    return {
      title: 'The compile cache',
      blocks: [INTRODUCTION, { columns: COLUMNS, rows }],
      plots: [
        {
          kind: 'bars',
          name: 'cache',
          title: 'Warm runs by the way their compile cache is filled',
          axis: 'user and system time / that of plain Node without a compile cache (less is better)',
          groups,
          mark: { value: 1, name: 'Node' },
        },
      ],
    };
  },
};

const INTRODUCTION =
  'Executables (`balanced`) of the same program with other values of `wrap.compileCache`, against plain Node without a ' +
  'compile cache. A first run begins with an empty home; before the warm ones there are four that do not count, since the ' +
  'first runs fill the cache. Medians (minimum in brackets).';

const COLUMNS = [
  'program',
  'compile cache',
  'size, MB',
  'first run: CPU, ms',
  'first run: wall, ms',
  ...COST_COLUMNS.map((column) => `warm: ${column}`),
  'warm CPU / Node, no cache',
];

interface Made extends Variant {
  readonly executable: string;
  readonly bytes: number;
}

async function compare(bench: Bench, program: Program) {
  const use = program.uses[0]!;
  const rows: string[][] = [];
  const made: Made[] = [];
  for (const variant of variants(use)) {
    try {
      made.push(await make(bench, program, variant));
    } catch (error) {
      rows.push([use.name, variant.name, reason(error), '', '', '', '', '']);
    }
  }
  const place = (index: number) => path.join(bench.disk, `${program.name}-${index}-home`);
  const start = ({ name, executable }: Made, index: number) => useOf(use, name, [executable], place(index));
  const firsts = made.map(
    (one, index): Command => ({ ...start(one, index), prepare: emptyHome(place(index)) }),
  );
  const first = await bench.measure(firsts, { ...bench.rounds(8, 7), warmups: 0 });
  const home = path.join(bench.disk, `${program.name}-node-home`);
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  const node = useOf(use, 'plain Node, no cache', [NODE, path.join(program.project, program.entry)], home);
  const plain = { ...node, env: { ...node.env, ...UNCACHED } };
  const rounds = bench.rounds(15, 60);
  const warmups = use.port === undefined ? 4 : 1;
  const [reference, ...warm] = await bench.measure([plain, ...made.map(start)], { ...rounds, warmups });
  const ratios = warm.map((cost) => ratioOf(cost.runs.cpu, reference!.runs.cpu));
  rows.unshift(
    [use.name, reference!.name, '', '', '', ...showCost(reference!), '1'],
    ...made.map((one, index) => [
      use.name,
      one.name,
      megabytes(one.bytes),
      ...showCost(first[index]!),
      ...showCost(warm[index]!),
      showRatio(ratios[index]!),
    ]),
  );
  const bars = ratios.map((ratio, index) => estimateBar(made[index]!.name, ratio));
  return { name: use.name, rows, bars };
}

async function make(bench: Bench, program: Program, variant: Variant): Promise<Made> {
  const name = `${program.name}-${variant.name.replaceAll(/\W+/g, '-')}`;
  const project = path.join(bench.disk, `${name}-project`);
  const own = await withSettings(program, project, { wrap: variant.settings });
  // Where a run while wrapping looks for what it is to work on.
  const { directory } = program.uses[0]!;
  await cp(directory, project, { recursive: true });
  const [executable] = await wrap(own, { compression: 'balanced', out: path.join(bench.disk, name) });
  const { size: bytes } = await stat(executable!);
  return { ...variant, executable: executable!, bytes };
}
