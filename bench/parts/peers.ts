import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type Bench, emptyHome, environment, NODE, type Part } from '../bench.ts';
import type { Command, Cost } from '../measure.ts';
import type { Packager } from '../packager.ts';
import { bun } from '../packagers/bun.ts';
import { caxa } from '../packagers/caxa.ts';
import { type NodeMirror, openNodeMirror } from '../packagers/node-mirror.ts';
import { nub } from '../packagers/nub.ts';
import { pkg } from '../packagers/pkg.ts';
import { sarma } from '../packagers/sarma.ts';
import { singleExecutable } from '../packagers/single-executable.ts';
import { type Built, packageProgram } from '../packaging.ts';
import type { Program, Use } from '../programs.ts';
import { type Block, megabytes, ratio, type Section, showTime } from '../report.ts';

/** Sarma and what others make of the same programs. */
export const peers: Part = {
  name: 'peers',
  run: async (bench): Promise<Section> => {
    const place = path.join(bench.disk, 'peers');
    const mirror = await openMirror(path.join(place, 'mirror'));
    try {
      const packagers = [sarma('best'), sarma('balanced'), caxa, mirror.nub, singleExecutable, pkg, bun];
      const blocks: Block[] = [INTRODUCTION];
      for (const program of bench.programs) {
        blocks.push(...(await compare(bench, packagers, program, path.join(place, program.name))));
      }
      return { title: 'Beside the others', blocks };
    } finally {
      mirror.close();
    }
  },
};

const INTRODUCTION =
  'Each packager makes one file of the same program with the same Node (bun with its own engine). Then the program’s ' +
  'directory is removed, and the file must print and exit as plain Node does; one that does not is a row that says so. ' +
  'Builds are the second and later ones, with whatever each packager caches. First runs begin with an empty home and an ' +
  'empty temporary directory; warm ones follow in the same. All are run in turns. Medians (minimum in brackets), times in ' +
  'ms of wall time unless it says CPU; peak memory is that of the largest process.';

const COLUMNS = [
  'made by',
  'size, MB',
  'build CPU',
  'build',
  'first run',
  'warm run',
  'warm CPU',
  'warm CPU / Node',
  'peak memory, MB',
];

/** Only nub needs the mirror, so it alone goes without when there is none. */
async function openMirror(scratch: string): Promise<{ readonly nub: Packager; readonly close: () => void }> {
  const mirror: NodeMirror | Error = await openNodeMirror(scratch).catch((error: Error) => error);
  if (!(mirror instanceof Error)) return { nub: nub(mirror.address), close: mirror.close };
  const unavailable: Packager = { ...nub(''), prepare: () => Promise.reject(mirror) };
  return { nub: unavailable, close: () => {} };
}

async function compare(
  bench: Bench,
  packagers: readonly Packager[],
  program: Program,
  place: string,
): Promise<readonly Block[]> {
  const use = program.uses[0]!;
  const build = (commands: readonly Command[]) => bench.measure(commands, bench.rounds(3, 1));
  const outcomes = await packageProgram(packagers, program, use, place, build);
  const built = outcomes.filter((outcome) => 'file' in outcome);
  const costs = await measureRuns(bench, program, use, place, built);
  const rows = await Promise.all(
    outcomes.map((outcome) =>
      'file' in outcome
        ? showBuilt(
            outcome,
            costs.first[built.indexOf(outcome)]!,
            costs.warm[built.indexOf(outcome)]!,
            costs.node,
          )
        : [outcome.packager.name, outcome.refusal, ...COLUMNS.slice(2).map(() => '')],
    ),
  );
  const { wall, cpu, peak } = costs.node;
  const node = ['plain Node', '', '', '', '', showTime(wall), showTime(cpu), '1.00', megabytes(peak)];
  return [`### ${use.name}`, { columns: COLUMNS, rows: [node, ...rows] }];
}

async function measureRuns(bench: Bench, program: Program, use: Use, place: string, built: readonly Built[]) {
  const command = (name: string, start: readonly string[], home: string): Command => ({
    name,
    argv: [...start, ...use.args],
    env: environment(home),
    directory: place,
    status: use.status,
  });
  const starts = built.map(({ packager, file, home }) => ({ ...command(packager.name, [file], home), home }));
  const firsts = starts.map(({ home, ...start }) => ({ ...start, prepare: emptyHome(home) }));
  const first = await bench.measure(firsts, bench.rounds(9, 2));
  const plain = command(
    'plain Node',
    [NODE, path.join(program.project, program.entry)],
    path.join(place, 'node'),
  );
  const warms = [plain, ...starts.map(({ home: _, ...start }) => start)];
  const [node, ...warm] = await bench.measure(warms, bench.rounds(use.args.length === 0 ? 60 : 20, 4));
  return { first, warm, node: node! };
}

async function showBuilt(built: Built, first: Cost, warm: Cost, node: Cost): Promise<readonly string[]> {
  const { size } = await stat(built.file);
  return [
    built.packager.name,
    megabytes(size),
    showTime(built.build.cpu),
    showTime(built.build.wall),
    showTime(first.wall),
    showTime(warm.wall),
    showTime(warm.cpu),
    ratio(warm.cpu.median, node.cpu.median),
    megabytes(warm.peak),
  ];
}
