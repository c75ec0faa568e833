import path from 'node:path';
import type { Bench, Part } from '../bench.ts';
import type { Command } from '../measure.ts';
import { COST_COLUMNS, reason, type Section, showCost } from '../report.ts';
import { type WrapChoice, wrap, wrapArguments, wrapEnvironment } from '../sarma.ts';

// The npm registry has one version of Node 22 for all of them, and of no newer line.
const SIX = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win-x64', 'win-arm64'];

interface Case {
  readonly name: string;
  readonly aim: string;
  readonly choice: Omit<WrapChoice, 'out'>;
}

const CASES: readonly Case[] = [
  { name: 'this machine, `balanced`', aim: '1000', choice: { compression: 'balanced' } },
  { name: 'linux-x64, `best`', aim: '1000', choice: { compression: 'best', targets: ['linux-x64'] } },
  { name: 'six targets, `best`', aim: '3000', choice: { compression: 'best', targets: SIX, runtime: '22' } },
];

/** What wrapping hello world takes when the build cache holds the compressed runtimes. */
export const wrapTime: Part = {
  name: 'wrap',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    for (const one of bench.quick ? CASES.slice(0, 1) : CASES) rows.push(await time(bench, one));
    return {
      title: 'Wrapping hello world with a warm build cache',
      blocks: [
        'The whole command, from the start of Node to its end, with the TypeScript of a checkout (which Node strips of its types ' +
          'each time; published packages are spared that). Medians (minimum in brackets).',
        { columns: ['targets', ...COST_COLUMNS, 'aim, ms'], rows },
      ],
    };
  },
};

async function time(bench: Bench, { name, aim, choice }: Case): Promise<string[]> {
  const hello = bench.programs[0]!;
  const out = path.join(bench.disk, 'wrap/');
  const complete: WrapChoice = { runtime: process.versions.node, ...choice, out };
  const command: Command = {
    name,
    argv: [...wrapArguments(hello, complete), '--quiet'],
    env: wrapEnvironment(),
    directory: bench.disk,
  };
  try {
    await wrap(hello, complete);
    const [cost] = await bench.measure([command], bench.rounds(9, 3));
    return [name, ...showCost(cost!), aim];
  } catch (error) {
    return [name, reason(error), '', aim];
  }
}
