import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Bench, emptyHome, type Part, UNCACHED, useOf } from '../bench.ts';
import type { Cost } from '../measure.ts';
import type { Packager } from '../packager.ts';
import { bun } from '../packagers/bun.ts';
import { caxa } from '../packagers/caxa.ts';
import { type NodeMirror, openNodeMirror } from '../packagers/node-mirror.ts';
import { nub, nubUnpacking } from '../packagers/nub.ts';
import { pkg } from '../packagers/pkg.ts';
import { sarma } from '../packagers/sarma.ts';
import { singleExecutable } from '../packagers/single-executable.ts';
import { type Build, type Built, packageProgram } from '../packaging.ts';
import { copyNode, forget } from '../page-cache.ts';
import { type Bar, estimateBar, type Plot, spreadBar } from '../plots.ts';
import type { Program, Use } from '../programs.ts';
import { type Block, megabytes, type Section, showRatio, showTime } from '../report.ts';
import { type Estimate, ratioOf } from '../statistics.ts';

const NAMES = ['hello', 'prettier', 'tsc', 'eslint', 'claude-code', 'fastify'] as const;

/** Sarma and what others make of the same programs, a part for each program. */
export const peers: readonly Part[] = NAMES.map((name) => ({
  name: `peers-${name}`,
  run: async (bench): Promise<Section> => {
    const nubs = await openNubs(bench.disk, bench.quick);
    try {
      const packagers = [
        sarma('best'),
        sarma('balanced'),
        caxa,
        ...nubs.packagers,
        singleExecutable,
        pkg,
        bun,
      ];
      return await compare(bench, packagers, await bench.program(name));
    } finally {
      nubs.close();
    }
  },
}));

const INTRODUCTION =
  'Each packager makes one file of the same program with the same Node (bun with its own engine). Then the program’s ' +
  'directory is removed, and the file must print and exit as plain Node does; one that does not is named below the table. ' +
  'Builds are the second and later ones, with whatever each packager caches, but the first where that took more than 20 s. First runs begin with an empty home and an ' +
  'empty temporary directory; warm ones follow in the same, once everything has been dropped from the page cache and a run that does not count has read ' +
  'it again. All are run in turns. Medians (minimum in brackets), times in ' +
  'ms of wall time unless it says CPU; the ratio is to plain Node without a compile cache; peak memory is that of the ' +
  'largest process.';

const COLUMNS = [
  'made by',
  'size, MB',
  'build CPU',
  'build',
  'first run',
  'warm run',
  'warm CPU',
  'warm CPU / Node (no cache)',
  'peak memory, MB',
];

interface Nubs {
  readonly packagers: readonly Packager[];
  readonly close: () => void;
}

/** Only nub needs the mirror of Node, so it alone goes without when there is none. */
async function openNubs(place: string, quick: boolean): Promise<Nubs> {
  const home = path.join(place, 'nub-home');
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  const mirror: NodeMirror | Error = await openNodeMirror(path.join(place, 'mirror')).catch(
    (error: Error) => error,
  );
  if (mirror instanceof Error) {
    return {
      packagers: [{ ...nub({ mirror: '', home }), prepare: () => Promise.reject(mirror) }],
      close: () => {},
    };
  }
  const setting = { mirror: mirror.address, home };
  // Compressing Node takes nub a minute.
  const nubs = [nub(setting), ...(quick ? [] : [nubUnpacking(setting)])];
  return { packagers: nubs, close: mirror.close };
}

async function compare(bench: Bench, packagers: readonly Packager[], program: Program): Promise<Section> {
  const use = program.uses[0]!;
  const outcomes = await packageProgram(bench, packagers, program, use);
  const built = outcomes.filter((outcome) => 'file' in outcome);
  const refusals = outcomes.filter((outcome) => 'refusal' in outcome);
  for (const { packager, refusal } of refusals)
    if (packager.name.startsWith('Sarma')) bench.fail(new Error(`${packager.name}: ${refusal}`));
  const { first, warm, plain } = await measureRuns(bench, program, use, built);
  const reference = plain.at(-1)!;
  const rows: Row[] = [];
  for (const cost of plain) rows.push({ warm: cost, ratio: ratioOf(cost.runs.cpu, reference.runs.cpu) });
  for (const [index, one] of built.entries()) {
    const { size } = await stat(one.file);
    const ratio = ratioOf(warm[index]!.runs.cpu, reference.runs.cpu);
    rows.push({ built: one, size, first: first[index]!, warm: warm[index]!, ratio });
  }
  const blocks: Block[] = [
    ...(program.name === NAMES[0] ? [INTRODUCTION] : []),
    { columns: COLUMNS, rows: rows.map(showRow) },
    ...(refusals.length > 0
      ? [refusals.map(({ packager, refusal }) => `* ${packager.name}: ${refusal}`).join('\n')]
      : []),
  ];
  return { title: `Beside the others: ${use.name}`, blocks, plots: plots(use.name, rows) };
}

async function measureRuns(bench: Bench, program: Program, use: Use, built: readonly Built[]) {
  const starts = built.map(({ packager, file, home }) => ({
    home,
    command: useOf(use, packager.name, [file], home),
  }));
  const firsts = starts.map(({ home, command }) => ({ ...command, prepare: emptyHome(home) }));
  const first = await bench.measure(firsts, { ...bench.rounds(20, 9), warmups: 0 });
  const home = path.join(bench.disk, 'node-home');
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  await forget(built.flatMap((one) => [one.file, one.home]));
  const plainNode = await copyNode(bench.disk);
  const node = useOf(use, 'plain Node', [plainNode, path.join(program.project, program.entry)], home);
  const uncached = { ...node, name: 'plain Node, no cache', env: { ...node.env, ...UNCACHED } };
  const plain = use.caches === true ? [node, uncached] : [node];
  const costs = await bench.measure(
    [...plain, ...starts.map(({ command }) => command)],
    bench.rounds(30, 100),
  );
  return { first, plain: costs.slice(0, plain.length), warm: costs.slice(plain.length) };
}

interface Row {
  /** None: plain Node. */
  readonly built?: Built;
  readonly size?: number;
  readonly first?: Cost;
  readonly warm: Cost;
  readonly ratio: Estimate;
}

function showRow({ built, size, first, warm, ratio }: Row): readonly string[] {
  return [
    warm.name,
    size === undefined ? '' : megabytes(size),
    ...(built === undefined ? ['', ''] : showBuild(built.build)),
    first === undefined ? '' : showTime(first.wall),
    showTime(warm.wall),
    showTime(warm.cpu),
    showRatio(ratio),
    megabytes(warm.peak),
  ];
}

function showBuild(build: Build): [string, string] {
  return 'cpu' in build
    ? [showTime(build.cpu), showTime(build.wall)]
    : ['', (build.seconds * 1000).toFixed(0)];
}

function plots(group: string, rows: readonly Row[]): readonly Plot[] {
  const bars = (value: (row: Row) => Bar | undefined) => [
    { name: group, bars: rows.map(value).filter((bar) => bar !== undefined) },
  ];
  return [
    {
      kind: 'bars',
      name: 'peers-warm',
      title: 'Warm runs beside the others',
      axis: 'user and system time / that of plain Node without a compile cache (less is better)',
      mark: { value: 1, name: 'Node' },
      groups: bars(({ warm, ratio }) => estimateBar(warm.name, ratio)),
    },
    {
      kind: 'bars',
      name: 'peers-first',
      title: 'First runs beside the others',
      axis: 'wall time, ms: median and quartiles (less is better)',
      groups: bars(({ warm: { name }, first }) => first && spreadBar(name, first.wall)),
    },
    {
      kind: 'bars',
      name: 'peers-size',
      title: 'Size of the file beside the others',
      axis: 'MB (less is better)',
      groups: bars(({ warm: { name }, size }) =>
        size === undefined ? undefined : { name, value: size / 1e6 },
      ),
    },
  ];
}
