import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Compression, inspect } from '@sarma/wrapper';
import { type Bench, emptyHome, environment, NODE, type Part } from '../bench.ts';
import { checkUse } from '../check.ts';
import { fileSystem, findTool } from '../machine.ts';
import type { Command, Cost } from '../measure.ts';
import { type BarGroup, estimateBar } from '../plots.ts';
import { type Block, COST_COLUMNS, type Section, showCost, showRatio } from '../report.ts';
import { wrap } from '../sarma.ts';
import { type Estimate, ratioOf } from '../statistics.ts';

const COMPRESSIONS: readonly Compression[] = ['smallest', 'best', 'balanced', 'none'];

const execute = promisify(execFile);

/** What the first run of hello world costs, against decoding and copying the same bytes. */
export const firstRun: Part = {
  name: 'first',
  run: async (bench): Promise<Section> => {
    const places = [bench.disk, ...(bench.memory === undefined ? [] : [bench.memory])];
    const blocks: Block[] = [];
    const groups: BarGroup[] = [];
    for (const place of places) {
      const system = await fileSystem(place);
      const { rows, bars } = await compareAll(bench, place);
      blocks.push(`On ${system}:`, { columns: COLUMNS, rows });
      groups.push({ name: system, bars });
    }
    return {
      title: 'First run of hello world',
      blocks: [INTRODUCTION, ...blocks],
      plots: [
        {
          kind: 'bars',
          name: 'first',
          title: 'First run of hello world, Node’s own start-up included',
          axis: 'wall time / that of the reference (less is better)',
          groups,
          mark: { value: 1, name: 'reference' },
        },
      ],
    };
  },
};

const INTRODUCTION =
  'The install is made anew in every run. `zstd -d` decodes the executable’s own frames to one file, on one core ' +
  '(`taskset -c 0`); `cp -r` copies what the first run unpacks. "Without Node" is the run less plain Node on the same ' +
  'program. Everything is read from the page cache; nobody calls `fsync`. Medians (minimum in brackets). Aims on two cores: ' +
  '`best` at most 0.65 of `zstd -d`, `none` at most 1.5 of `cp -r`, `smallest` (LZMA) at most 3 s.';

const COLUMNS = ['compression', 'what', ...COST_COLUMNS, 'wall / reference', 'without Node / reference'];

async function compareAll(bench: Bench, place: string) {
  const rows: string[][] = [];
  const bars: BarGroup['bars'][number][] = [];
  for (const compression of COMPRESSIONS) {
    try {
      const compared = await compare(bench, place, compression);
      rows.push(...compared.rows);
      // Its aim is a time; beside the others its bar would hide theirs.
      if (compression !== 'smallest') bars.push(estimateBar(compared.name, compared.estimate));
    } catch (error) {
      rows.push([compression, bench.fail(error)]);
    }
  }
  return { rows, bars };
}

async function compare(bench: Bench, place: string, compression: Compression) {
  const hello = await bench.program('hello');
  const work = path.join(place, compression);
  await mkdir(work, { recursive: true });
  const [executable] = await wrap(hello, { compression, out: path.join(work, 'hello') });
  const home = path.join(work, 'home');
  await checkUse(bench, hello, hello.uses[0]!, executable!, home);
  const simple = { env: environment(home), directory: work };
  const node: Command = {
    ...simple,
    name: 'Node alone',
    argv: [NODE, path.join(hello.project, hello.entry)],
  };
  const first: Command = {
    ...simple,
    name: 'first run',
    argv: [executable!],
    prepare: emptyHome(home),
  };
  const reference =
    compression === 'none' || compression === 'smallest'
      ? await copying(work, executable!)
      : await decoding(work, executable!);
  const commands = [first, { ...simple, ...reference }, node];
  const [run, other, plain] = await bench.measure(commands, bench.rounds(12, 41));
  const costs = { run: run!, other: other!, plain: plain! };
  const estimate = ratioOf(run!.runs.wall, other!.runs.wall);
  const name = `${compression} / ${reference.name.replaceAll('`', '')}`;
  return { rows: showRows(compression, costs, estimate), name, estimate };
}

interface Costs {
  readonly run: Cost;
  readonly other: Cost;
  readonly plain: Cost;
}

function showRows(compression: Compression, { run, other, plain }: Costs, estimate: Estimate): string[][] {
  const without = run.runs.wall.map((wall, round) => wall - plain.runs.wall[round]!);
  return [
    [
      `\`${compression}\``,
      run.name,
      ...showCost(run),
      showRatio(estimate),
      showRatio(ratioOf(without, other.runs.wall)),
    ],
    ['', other.name, ...showCost(other), '', ''],
    ['', plain.name, ...showCost(plain), '', ''],
  ];
}

type Reference = Pick<Command, 'name' | 'argv' | 'prepare'>;

/** `zstd -d` of the executable's frames: put one after the other, they are a zstd file. */
async function decoding(work: string, executable: string): Promise<Reference> {
  const { stamp } = await inspect(executable);
  const frames = path.join(work, 'frames.zst');
  await writeFile(frames, (await readFile(executable)).subarray(stamp.payloadOffset, stamp.manifestOffset));
  const decoded = path.join(work, 'decoded');
  return {
    name: '`zstd -d`, one core',
    argv: [await findTool('taskset'), '-c', '0', await findTool('zstd'), '-q', '-d', '-o', decoded, frames],
    prepare: ['/bin/rm', '-f', decoded],
  };
}

/** `cp -r` of what the first run unpacks. */
async function copying(work: string, executable: string): Promise<Reference> {
  const home = path.join(work, 'source');
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  await execute(executable, { env: environment(home) });
  const copy = path.join(work, 'copy');
  return {
    name: '`cp -r`',
    argv: [await findTool('cp'), '-r', path.join(home, '.cache'), copy],
    prepare: ['/bin/rm', '-rf', copy],
  };
}
