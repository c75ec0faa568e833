import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Bench, emptyHome, environment, NODE, type Part } from '../bench.ts';
import type { Command, Cost } from '../measure.ts';
import type { Packager } from '../packager.ts';
import { bun } from '../packagers/bun.ts';
import { caxa } from '../packagers/caxa.ts';
import { type NodeMirror, openNodeMirror } from '../packagers/node-mirror.ts';
import { nub, nubUnpacking } from '../packagers/nub.ts';
import { pkg } from '../packagers/pkg.ts';
import { sarma } from '../packagers/sarma.ts';
import { singleExecutable } from '../packagers/single-executable.ts';
import { type Built, packageProgram } from '../packaging.ts';
import type { Program, Use } from '../programs.ts';
import { type Block, megabytes, ratio, reason, type Section, showTime } from '../report.ts';

/** Sarma and what others make of the same programs. */
export const peers: Part = {
  name: 'peers',
  run: async (bench): Promise<Section> => {
    const place = path.join(bench.disk, 'peers');
    const nubs = await openNubs(place, bench.quick);
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
      const blocks: Block[] = [INTRODUCTION];
      for (const program of bench.programs) {
        const compared = compare(bench, packagers, program, path.join(place, program.name));
        blocks.push(
          ...(await compared.catch((error) => [`${program.name} could not be measured: ${reason(error)}`])),
        );
      }
      return { title: 'Beside the others', blocks };
    } finally {
      nubs.close();
    }
  },
};

const INTRODUCTION =
  'Each packager makes one file of the same program with the same Node (bun with its own engine). Then the program’s ' +
  'directory is removed, and the file must print and exit as plain Node does; one that does not is named below the table. ' +
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
  const packagers = [nub(setting), ...(quick ? [] : [nubUnpacking(setting)])];
  return { packagers, close: mirror.close };
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
    built.map((one, index) => showBuilt(one, costs.first[index]!, costs.warm[index]!, costs.node)),
  );
  const refusals = outcomes.filter((outcome) => 'refusal' in outcome);
  const { wall, cpu, peak } = costs.node;
  const node = ['plain Node', '', '', '', '', showTime(wall), showTime(cpu), '1.00', megabytes(peak)];
  return [
    `### ${use.name}`,
    { columns: COLUMNS, rows: [node, ...rows] },
    ...(refusals.length > 0
      ? [refusals.map(({ packager, refusal }) => `* ${packager.name}: ${refusal}`).join('\n')]
      : []),
  ];
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
