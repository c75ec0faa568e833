import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Compression, inspect } from '@sarma/wrapper';
import { type Bench, emptyHome, environment, NODE, type Part } from '../bench.ts';
import { fileSystem } from '../machine.ts';
import type { Command, Cost } from '../measure.ts';
import { type Block, COST_COLUMNS, ratio, reason, type Section, showCost } from '../report.ts';
import { wrap } from '../sarma.ts';

const COMPRESSIONS: readonly Compression[] = ['smallest', 'best', 'balanced', 'none'];

const execute = promisify(execFile);

/** What the first run of hello world costs, against decoding and copying the same bytes. */
export const firstRun: Part = {
  name: 'first',
  run: async (bench): Promise<Section> => {
    const places = [bench.disk, ...(bench.memory === undefined ? [] : [bench.memory])];
    const blocks: Block[] = [];
    for (const place of places) {
      const system = await fileSystem(place);
      blocks.push(`On ${system}:`, await table(bench, place));
    }
    return {
      title: 'First run of hello world',
      blocks: [
        'The install is made anew in every run. `zstd -d` decodes the executable’s own frames to one file, on one core ' +
          '(`taskset -c 0`); `cp -r` copies what the first run unpacks. "Without Node" is the median less that of plain Node ' +
          'on the same program. Everything is read from the page cache; nobody calls `fsync`. Medians (minimum in brackets). ' +
          'Aims on two cores: `best` at most 0.65 of `zstd -d`, `none` at most 1.5 of `cp -r`, `smallest` (LZMA) at most 3 s.',
        ...blocks,
      ],
    };
  },
};

async function table(bench: Bench, place: string): Promise<Block> {
  const rows: string[][] = [];
  for (const compression of COMPRESSIONS) {
    try {
      rows.push(...(await compare(bench, place, compression)));
    } catch (error) {
      rows.push([compression, reason(error), '', '', '', '', '']);
    }
  }
  return {
    columns: [
      'compression',
      'what',
      ...COST_COLUMNS,
      'wall without Node, ms',
      'wall / reference',
      'without Node / reference',
    ],
    rows,
  };
}

async function compare(bench: Bench, place: string, compression: Compression): Promise<string[][]> {
  const hello = bench.programs[0]!;
  const work = path.join(place, 'first', compression);
  await mkdir(work, { recursive: true });
  const [executable] = await wrap(hello, { compression, out: path.join(work, 'hello') });
  const home = path.join(work, 'home');
  const simple = { env: environment(home), directory: work };
  const node: Command = { ...simple, name: 'Node', argv: [NODE, path.join(hello.project, hello.entry)] };
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
  const [run, other, plain] = await bench.measure(commands, bench.rounds(21, 3));
  return showRows(compression, { run: run!, other: other!, plain: plain! }, reference.name);
}

interface Costs {
  readonly run: Cost;
  readonly other: Cost;
  readonly plain: Cost;
}

function showRows(compression: Compression, { run, other, plain }: Costs, reference: string): string[][] {
  const without = run.wall.median - plain.wall.median;
  return [
    [
      `\`${compression}\``,
      'first run',
      ...showCost(run),
      without.toFixed(0),
      ratio(run.wall.median, other.wall.median),
      ratio(without, other.wall.median),
    ],
    ['', reference, ...showCost(other), '', '', ''],
    ['', 'Node alone', ...showCost(plain), '', '', ''],
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
    argv: [await find('taskset'), '-c', '0', await find('zstd'), '-q', '-d', '-o', decoded, frames],
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
    argv: [await find('cp'), '-r', path.join(home, '.cache'), copy],
    prepare: ['/bin/rm', '-rf', copy],
  };
}

/** The path of a tool. Throws when it is not installed. */
async function find(tool: string): Promise<string> {
  const { stdout } = await execute('/bin/sh', ['-c', 'command -v "$0"', tool]).catch(() => {
    throw new Error(`${tool} is not installed`);
  });
  return stdout.trim();
}
