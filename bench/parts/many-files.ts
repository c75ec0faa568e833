import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Compression } from '@sarma/wrapper';
import { type Bench, emptyHome, environment, NODE, type Part } from '../bench.ts';
import { checkUse } from '../check.ts';
import { makeProject } from '../generated.ts';
import { fileSystem, findTool } from '../machine.ts';
import type { Command } from '../measure.ts';
import { type Bar, type BarGroup, estimateBar } from '../plots.ts';
import type { Program } from '../programs.ts';
import { type Block, COST_COLUMNS, type Section, showCost, showRatio } from '../report.ts';
import { wrap } from '../sarma.ts';
import { ratioOf } from '../statistics.ts';

const COMPRESSIONS: readonly Compression[] = ['balanced', 'none'];

const execute = promisify(execFile);

/** The first run of a project of many files, beside copying and unpacking the same ones. */
export const manyFiles: Part = {
  name: 'files',
  run: async (bench): Promise<Section> => {
    const filling = bench.quick
      ? { files: 2000, directories: 400, bytes: 15e6 }
      : { files: 20_000, directories: 4000, bytes: 150e6 };
    const program = await makeProject('many-files', path.join(bench.disk, 'project'), {
      ...filling,
      content: 'code',
    });
    const places = [bench.disk, ...(bench.memory === undefined ? [] : [bench.memory])];
    const blocks: Block[] = [];
    const groups: BarGroup[] = [];
    for (const place of places) {
      const system = await fileSystem(place);
      const { rows, bars } = await compare(bench, program, place);
      blocks.push(`On ${system}:`, { columns: COLUMNS, rows });
      groups.push({ name: system, bars });
    }
    const { files, directories, bytes } = filling;
    return {
      title: `First run of ${files.toLocaleString('en')} files`,
      blocks: [
        `${files.toLocaleString('en')} files in ${directories.toLocaleString('en')} directories, ${bytes / 1e6} MB, ` +
          'beside Node. The install is made anew in every run. `cp -r` copies what the first run unpacks, and `tar x` ' +
          'unpacks an uncompressed archive of that. "Node alone" is plain Node on the same program, which is part of a first ' +
          'run and of nothing else here. Nobody calls `fsync`; everything is read from the page cache. Medians (minimum in ' +
          'brackets).',
        ...blocks,
      ],
      plots: [
        {
          kind: 'bars',
          name: 'files',
          title: 'First run of a project of many files',
          axis: 'wall time / that of cp -r (less is better)',
          groups,
          mark: { value: 1, name: 'cp -r' },
        },
      ],
    };
  },
};

const COLUMNS = ['what', ...COST_COLUMNS, 'wall / `cp -r`', 'wall / `tar x`'];

async function compare(bench: Bench, program: Program, place: string) {
  const work = path.join(place, 'work');
  const simple = { env: environment(path.join(work, 'home')), directory: place };
  const commands: Command[] = [];
  for (const compression of COMPRESSIONS) {
    const choice = { runtime: NODE, compression, cache: path.join(bench.disk, 'cache') };
    const [executable] = await wrap(program, { ...choice, out: path.join(work, compression) });
    const home = path.join(work, `home-${compression}`);
    await checkUse(bench, program, program.uses[0]!, executable!, home);
    const prepare = emptyHome(home);
    const name = `first run, \`${compression}\``;
    commands.push({ name, argv: [executable!], env: environment(home), directory: place, prepare });
  }
  const { copy, unpack } = await references(work, commands.at(-1)!);
  const node = { ...simple, name: 'Node alone', argv: [NODE, path.join(program.project, program.entry)] };
  commands.push({ ...simple, ...copy }, { ...simple, ...unpack }, node);
  const costs = await bench.measure(commands, bench.rounds(45, 15));
  await rm(work, { recursive: true });
  const [cp, tar] = costs.slice(-3);
  const toCopy = costs.map((cost) => ratioOf(cost.runs.wall, cp!.runs.wall));
  const rows = costs.map((cost, index) => {
    const ratios = [showRatio(toCopy[index]!), showRatio(ratioOf(cost.runs.wall, tar!.runs.wall))];
    return [cost.name, ...showCost(cost), ...(cost.name === node.name ? ['', ''] : ratios)];
  });
  const bars = costs.slice(0, -1).map(({ name }, index): Bar => estimateBar(plain(name), toCopy[index]!));
  return { rows, bars };
}

function plain(name: string): string {
  return name.replaceAll('`', '');
}

/** `cp -r` of what a first run unpacks, and `tar x` of an archive of it. */
async function references(work: string, run: Command) {
  const home = path.join(work, 'source');
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  await execute(run.argv[0]!, { env: environment(home) });
  const installs = path.join(home, '.cache');
  const copied = path.join(work, 'copied');
  const unpacked = path.join(work, 'unpacked');
  const archive = path.join(work, 'installs.tar');
  const tar = await findTool('tar');
  await execute(tar, ['-cf', archive, '-C', installs, '.']);
  return {
    copy: {
      name: '`cp -r`',
      argv: [await findTool('cp'), '-r', installs, copied],
      prepare: ['/bin/rm', '-rf', copied],
    },
    unpack: {
      name: '`tar x`',
      argv: [tar, '-xf', archive, '-C', unpacked],
      prepare: ['/bin/sh', '-c', 'rm -rf "$0" && mkdir "$0"', unpacked],
    },
  };
}
