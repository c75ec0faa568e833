import path from 'node:path';
import type { Bench, Part } from '../bench.ts';
import { makeProject } from '../generated.ts';
import type { Command, Cost } from '../measure.ts';
import type { Program } from '../programs.ts';
import { COST_COLUMNS, megabytes, reason, type Section, showCost } from '../report.ts';
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
    const large = await makeProject('many-files', path.join(bench.disk, 'project'), {
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
        choice: { compression: 'balanced' },
      },
    ];
    const rows: string[][] = [];
    for (const [index, one] of cases.entries()) {
      if (bench.quick && one.choice.targets !== undefined) continue;
      rows.push(...(await time(bench, one, path.join(bench.disk, `out-${index}/`))));
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
    };
  },
};

async function time(bench: Bench, { name, program, aim, choice }: Case, out: string): Promise<string[][]> {
  const complete: WrapChoice = { runtime: process.versions.node, ...choice, out };
  const command: Command = {
    name,
    argv: [...wrapArguments(program, complete), '--quiet'],
    env: wrapEnvironment(),
    directory: bench.disk,
  };
  const show = (when: string, cost: Cost) => [
    name,
    when,
    ...showCost(cost),
    String(aim),
    megabytes(cost.peak),
  ];
  try {
    // Fetches and compresses the runtimes if the build cache lacks them.
    await wrap(await bench.program('hello'), { ...complete, out: `${out.slice(0, -1)}-hello/` });
    const [first] = await bench.measure([command], { most: 1, least: 1, seconds: 0, warmups: 0 });
    const [again] = await bench.measure([command], { ...bench.rounds(20, 15), warmups: 0 });
    return program.name === 'hello'
      ? [show('again', again!)]
      : [show('first', first!), show('again', again!)];
  } catch (error) {
    return [[name, reason(error), '', '', String(aim), '']];
  }
}
