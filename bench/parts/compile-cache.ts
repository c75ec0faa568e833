import { cp, glob, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Bench, emptyHome, type Part, UNCACHED, useOf } from '../bench.ts';
import { checkUse } from '../check.ts';
import type { Command } from '../measure.ts';
import { copyNode, forget } from '../page-cache.ts';
import { type BarGroup, estimateBar } from '../plots.ts';
import { type Program, type Use, withSettings } from '../programs.ts';
import { COST_COLUMNS, megabytes, type Section, showCost, showRatio } from '../report.ts';
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
    const node = await copyNode(bench.disk);
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    for (const name of NAMES) {
      const compared = await compare(bench, await bench.program(name), node);
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
  'compile cache. A first run begins with an empty home; before the warm ones everything is dropped from the page cache, ' +
  'and there are four that do not count, since the first runs fill the compile cache. Medians (minimum in brackets).';

const COLUMNS = [
  'program',
  'compile cache',
  'size, MB',
  ...COST_COLUMNS.map((column) => `first run: ${column}`),
  ...COST_COLUMNS.map((column) => `warm: ${column}`),
  'warm CPU / Node, no cache',
];

interface Made extends Variant {
  readonly executable: string;
  readonly bytes: number;
}

async function compare(bench: Bench, program: Program, node: string) {
  const use = program.uses[0]!;
  const rows: string[][] = [];
  const made: Made[] = [];
  for (const variant of variants(use)) {
    try {
      made.push(await make(bench, program, variant));
    } catch (error) {
      rows.push([use.name, variant.name, bench.fail(error)]);
    }
  }
  const place = (index: number) => path.join(bench.disk, `${program.name}-${index}-home`);
  const run = ({ name, executable }: Made, index: number) => useOf(use, name, [executable], place(index));
  const firsts = made.map(
    (one, index): Command => ({ ...run(one, index), prepare: emptyHome(place(index)) }),
  );
  const first = await bench.measure(firsts, { ...bench.rounds(8, 7), warmups: 0 });
  await forget(made.map((_, index) => place(index)));
  const home = path.join(bench.disk, `${program.name}-node-home`);
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  const start = [node, path.join(program.project, program.entry)];
  const plain = useOf(use, 'plain Node, no cache', start, home);
  const uncached = { ...plain, env: { ...plain.env, ...UNCACHED } };
  const rounds = bench.rounds(15, 60);
  const warmups = use.port === undefined ? 4 : 1;
  const [reference, ...warm] = await bench.measure([uncached, ...made.map(run)], { ...rounds, warmups });
  for (const [index, one] of made.entries()) await checkCache(one, place(index));
  const ratios = warm.map((cost) => ratioOf(cost.runs.cpu, reference!.runs.cpu));
  rows.unshift(
    [use.name, reference!.name, '', '', '', '', ...showCost(reference!), '1'],
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
  await checkUse(bench, program, program.uses[0]!, executable!, path.join(bench.disk, `${name}-home`));
  const { size: bytes } = await stat(executable!);
  return { ...variant, executable: executable!, bytes };
}

/** Throws unless an install has a compile cache if it should, and the one that was made while wrapping if there is one. */
async function checkCache({ name, settings }: Variant, home: string): Promise<void> {
  const found: string[] = [];
  for await (const file of glob('.cache/sarma/releases/*/.sarma/compile-cache/*/*', { cwd: home }))
    found.push(path.basename(file));
  const { compileCache = true } = settings;
  const sound =
    compileCache === false
      ? found.length === 0
      : found.some((file) => /^[0-9a-f]{8}$/.test(file)) &&
        (compileCache === true || found.includes('whole'));
  if (!sound) throw new Error(`compile cache "${name}" holds ${found.join(', ') || 'nothing'}`);
}
