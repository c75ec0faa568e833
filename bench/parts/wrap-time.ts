import path from 'node:path';
import type { Bench, Part } from '../bench.ts';
import { makeProject } from '../generated.ts';
import type { Command, Cost } from '../measure.ts';
import { type BarGroup, spreadBar } from '../plots.ts';
import type { Program } from '../programs.ts';
import { COST_COLUMNS, megabytes, type Section, showCost } from '../report.ts';
import { type WrapChoice, wrap, wrapArguments, wrapEnvironment } from '../sarma.ts';

// The npm registry has one version of Node 22 for all of them, and of no newer line.
const SIX = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win-x64', 'win-arm64'];

interface Case {
  readonly name: string;
  readonly program: Program;
  /** In seconds. */
  readonly aim: number;
  readonly choice: Omit<WrapChoice, 'out'>;
}

/** What wrapping takes when the build cache holds the compressed runtimes. */
export const wrapTime: Part = {
  name: 'wrap',
  run: async (bench): Promise<Section> => {
    const hello = await bench.program('hello');
    const files = bench.quick ? 2000 : 20_000;
    // In memory, if there is a file system for that: what a wrap replaces it deletes, and freshHome says what that costs on some disks.
    const place = bench.memory ?? bench.disk;
    const large = await makeProject('many-files', path.join(place, 'project'), {
      files,
      directories: files / 5,
      bytes: files * 7500,
      content: 'code',
    });
    const many = `${files.toLocaleString('en')} files, ${(files * 7500) / 1e6} MB`;
    const cases: readonly Case[] = [
      {
        name: 'hello, this machine, `balanced`',
        program: hello,
        aim: 0.7,
        choice: { compression: 'balanced' },
      },
      {
        name: 'hello, linux-x64, `best`',
        program: hello,
        aim: 0.7,
        choice: { compression: 'best', targets: ['linux-x64'] },
      },
      {
        name: 'hello, six targets, `best`',
        program: hello,
        aim: 2,
        choice: { compression: 'best', targets: SIX, runtime: '22' },
      },
      {
        name: `${many}, this machine, \`balanced\``,
        program: large,
        aim: 10,
        // The user's may hold its files from another time.
        choice: { compression: 'balanced', cache: path.join(place, 'cache') },
      },
    ];
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    for (const [index, one] of cases.entries()) {
      if (bench.quick && one.choice.targets !== undefined) continue;
      const { name, aim } = one;
      try {
        const costs = await time(bench, one, path.join(bench.disk, `out-${index}/`));
        for (const cost of costs)
          rows.push([name, cost.name, ...showCost(cost), String(aim), megabytes(cost.peak)]);
        const bars = costs.map((cost) => spreadBar(cost.name, cost.wall));
        groups.push({ name: `${name.replaceAll('`', '')} (aim: ${aim * 1000})`, bars });
      } catch (error) {
        rows.push([name, bench.fail(error)]);
      }
    }
    return {
      title: 'Wrapping with a warm build cache',
      blocks: [
        'The whole command, from the start of Node to its end, with the TypeScript of a checkout (which Node strips of its types ' +
          'each time; published packages are spared that). "First" is one whose build cache has the runtimes, and nothing of ' +
          'this release; "again" are later ones, with nothing changed. Medians (minimum in brackets). Aims: the times in the ' +
          'table, and less than 500 MB of memory.',
        { columns: ['wrapped', '', ...COST_COLUMNS, 'aim, s', 'peak memory, MB'], rows },
      ],
      plots: [
        {
          kind: 'bars',
          name: 'wrap',
          title: 'Wrapping with a warm build cache',
          axis: 'wall time, ms: median and quartiles (less is better)',
          groups,
        },
      ],
    };
  },
};

async function time(bench: Bench, { program, choice }: Case, out: string): Promise<readonly Cost[]> {
  const complete: WrapChoice = { runtime: process.versions.node, ...choice, out };
  const command: Command = {
    name: 'again',
    argv: [...wrapArguments(program, complete), '--quiet'],
    env: wrapEnvironment(choice.cache),
    directory: bench.disk,
  };
  // Fetches and compresses the runtimes if the build cache lacks them.
  await wrap(await bench.program('hello'), { ...complete, out: `${out.slice(0, -1)}-hello/` });
  const once = { most: 1, least: 1, seconds: 0, warmups: 0 };
  const first = await bench.measure([{ ...command, name: 'first' }], once);
  const again = await bench.measure([command], { ...bench.rounds(20, 15), warmups: 0 });
  return program.name === 'hello' ? again : [...first, ...again];
}
