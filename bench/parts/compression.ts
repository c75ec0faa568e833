import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Compression } from '@sarma/wrapper';
import { type Bench, freshHome, NODE, type Part, useOf } from '../bench.ts';
import { checkUse } from '../check.ts';
import type { Command, Cost } from '../measure.ts';
import { type Bar, type BarGroup, spreadBar } from '../plots.ts';
import type { Program } from '../programs.ts';
import { COST_COLUMNS, megabytes, milliseconds, type Section, showCost } from '../report.ts';
import { wrapArguments, wrapEnvironment } from '../sarma.ts';

const COMPRESSIONS: readonly Compression[] = ['none', 'fast', 'balanced', 'best', 'smallest'];

/** What each compression costs when it is made anew, and when it is unpacked. */
export const compression: Part = {
  name: 'compression',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    for (const [name, what] of [
      ['hello', 'hello (the runtime)'],
      ['eslint', 'eslint (the runtime and a release)'],
    ] as const) {
      const bars: Bar[] = [];
      for (const compression of bench.quick ? COMPRESSIONS.slice(0, 3) : COMPRESSIONS) {
        try {
          const tried = await tryOut(bench, name, compression);
          rows.push([what, `\`${compression}\``, ...showTried(tried)]);
          bars.push(spreadBar(compression, tried.run.wall));
        } catch (error) {
          rows.push([what, `\`${compression}\``, bench.fail(error)]);
        }
      }
      groups.push({ name: what, bars });
    }
    return {
      title: 'Compressions',
      blocks: [
        'The executable for this machine in each compression: its size, what it takes to make it with an empty build cache ' +
          '(eslint’s with that of hello, so that it shows the release), the peak memory of that, and the first run. Which ' +
          'levels, windows and frames stand behind the names, and why, is in docs/decisions/0030. Medians (minimum in brackets).',
        {
          columns: [
            'program',
            'compression',
            'size, MB',
            'build CPU, s',
            'build, s',
            'build memory, MB',
            ...COST_COLUMNS.map((column) => `first run: ${column}`),
          ],
          rows,
        },
      ],
      plots: [
        {
          kind: 'bars',
          name: 'compression',
          title: 'First runs by compression',
          axis: 'wall time, ms: median and quartiles (less is better)',
          groups,
        },
      ],
    };
  },
};

interface Tried {
  readonly build: Cost;
  readonly run: Cost;
  readonly size: number;
}

async function tryOut(bench: Bench, name: 'hello' | 'eslint', compression: Compression): Promise<Tried> {
  const program = await bench.program(name);
  const out = path.join(bench.disk, `${name}-${compression}`);
  const build = await measureBuild(bench, program, compression, out);
  const home = path.join(bench.disk, `${name}-${compression}-home`);
  await checkUse(bench, program, program.uses[0]!, out, home);
  const first = useOf(program.uses[0]!, 'first run', [out], home);
  const [run] = await bench.measure([{ ...first, prepare: freshHome(home) }], bench.rounds(6, 15));
  const { size } = await stat(out);
  return { build, run: run!, size };
}

function showTried({ build, run, size }: Tried): readonly string[] {
  return [megabytes(size), ...showSeconds(build), megabytes(build.peak), ...showCost(run)];
}

function showSeconds({ cpu, wall }: Cost): readonly string[] {
  return [cpu.median / 1000, wall.median / 1000].map(milliseconds);
}

async function measureBuild(
  bench: Bench,
  program: Program,
  compression: Compression,
  out: string,
): Promise<Cost> {
  const env = wrapEnvironment(path.join(bench.disk, `cache-${compression}`));
  // A path, so that nothing is downloaded into the empty cache.
  const runtime = NODE;
  const command: Command = {
    name: `${program.name}, ${compression}`,
    argv: [...wrapArguments(program, { compression, runtime, out }), '--quiet'],
    env,
    directory: bench.disk,
  };
  const [cost] = await bench.measure([command], { most: 1, least: 1, seconds: 0, warmups: 0 });
  return cost!;
}
