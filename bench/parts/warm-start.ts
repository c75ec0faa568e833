import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { inspect } from '@sarma/wrapper';
import { type Bench, emptyHome, environment, NODE, type Part } from '../bench.ts';
import type { Command } from '../measure.ts';
import type { Program, Use } from '../programs.ts';
import { COST_COLUMNS, megabytes, milliseconds, ratio, type Section, showCost } from '../report.ts';
import { wrap } from '../sarma.ts';

/** What a start costs once the install is there, against plain Node. */
export const warmStart: Part = {
  name: 'warm',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    for (const program of bench.programs) {
      const out = path.join(bench.disk, 'warm', program.name);
      const [executable] = await wrap(program, { compression: 'balanced', out });
      for (const use of program.uses) rows.push(...(await compare(bench, program, use, executable!)));
    }
    return {
      title: 'Warm start',
      blocks: [
        'The executable of each program against plain Node with the same arguments. "Installed Node" is the runtime that the ' +
          'executable has unpacked, started directly on the unpacked entry: what is between it and the executable is the stub. ' +
          'Medians (minimum in brackets). Aims: difference of the medians to Node under 1 ms for hello, equal peak memory, ' +
          'and the ratio of CPU time in the last column.',
        {
          columns: [
            'program',
            'started as',
            ...COST_COLUMNS,
            'wall − Node, ms',
            'CPU / Node',
            'peak memory, MB',
            'aim',
          ],
          rows,
        },
      ],
    };
  },
};

async function compare(bench: Bench, program: Program, use: Use, executable: string): Promise<string[][]> {
  const home = path.join(bench.disk, 'home');
  const [shell, ...script] = emptyHome(home);
  await promisify(execFile)(shell!, script);
  const { manifest, stamp } = await inspect(executable);
  const base = path.join(home, '.cache/sarma');
  const runtime = path.join(base, 'runtimes', manifest.runtime.directory, manifest.runtime.executable);
  const entry = path.join(base, 'releases', stamp.releaseDirectory, stamp.entry);
  const command = (name: string, start: readonly string[]): Command => ({
    name,
    argv: [...start, ...use.args],
    env: environment(home),
    directory: bench.disk,
    status: use.status,
  });
  // The executable comes first: its first run makes the install that the third command is in.
  const commands = [
    command('executable', [executable]),
    command('Node', [NODE, path.join(program.project, program.entry)]),
    command('installed Node', [runtime, entry]),
  ];
  const rounds = program.name === 'hello' ? bench.rounds(300, 20) : bench.rounds(40, 4);
  const costs = await bench.measure(commands, rounds);
  const node = costs[1]!;
  return commands.map(({ name }, index) => {
    const cost = costs[index]!;
    return [
      use.name,
      name,
      ...showCost(cost),
      milliseconds(cost.wall.median - node.wall.median),
      ratio(cost.cpu.median, node.cpu.median),
      megabytes(cost.peak),
      name === 'executable' ? `${use.aim}` : '',
    ];
  });
}
