import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Bench, environment, type Part } from '../bench.ts';
import { type Filling, makeProject, makeTinyRuntime } from '../generated.ts';
import { findTool } from '../machine.ts';
import type { Command, Cost } from '../measure.ts';
import { estimateBar } from '../plots.ts';
import type { Section } from '../report.ts';
import { wrap } from '../sarma.ts';
import { differenceOf, type Estimate } from '../statistics.ts';

const CASES: readonly (Omit<Filling, 'content'> & { readonly name: string })[] = [
  { name: '10 files, 1 MB', files: 10, directories: 2, bytes: 1e6 },
  { name: '10 files, 500 MB', files: 10, directories: 2, bytes: 500e6 },
  { name: '20,000 files in 4,000 directories, 40 MB', files: 20_000, directories: 4000, bytes: 40e6 },
];

/** What lies between the `execve` of an executable and that of its runtime. */
export const share: Part = {
  name: 'share',
  run: async (bench): Promise<Section> => {
    const runtime = await makeTinyRuntime(bench.disk);
    const cache = path.join(bench.disk, 'cache');
    const home = path.join(bench.disk, 'home');
    await mkdir(path.join(home, 'tmp'), { recursive: true });
    const command = (name: string, file: string): Command => ({
      name,
      argv: [file],
      env: environment(home),
      directory: bench.disk,
    });
    const commands = [command('the runtime itself', runtime)];
    for (const { name, ...filling } of CASES) {
      const project = path.join(bench.disk, `project-${commands.length}`);
      const program = await makeProject(`share-${commands.length}`, project, {
        ...filling,
        content: 'noise',
      });
      const out = path.join(bench.disk, program.name);
      const [executable] = await wrap(program, { runtime, compression: 'none', cache, out });
      commands.push(command(name, executable!));
    }
    // The first run unpacks; the second one is the first warm one, which may have something to make up for.
    const costs = await bench.measure(commands, { ...bench.rounds(30, 2000), warmups: 3 });
    const shares = costs.map((cost) => differenceOf(cost.runs.wall, costs[0]!.runs.wall));
    const calls = await Promise.all(commands.map((one) => countCalls(bench, one)));
    const rows = costs.map((cost, index) => showRow(cost, shares[index]!, calls[index]!));
    return {
      title: 'The stub’s share of a warm start',
      blocks: [INTRODUCTION, { columns: COLUMNS, rows }],
      plots: [
        {
          kind: 'bars',
          name: 'share',
          title: 'The stub’s share of a warm start',
          axis: 'wall time, µs (less is better)',
          groups: [{ name: 'aim: at most 500 µs', bars: shares.map(inMicroseconds).slice(1) }],
        },
      ],
    };

    function inMicroseconds({ value, low, high }: Estimate, index: number) {
      const estimate = { value: value * 1000, low: low * 1000, high: high * 1000 };
      return estimateBar(costs[index]!.name, estimate);
    }
  },
};

const INTRODUCTION =
  'The runtime is a static program that ends at once (2.7 kB), so that nothing of Node is in the figures: what a run of the ' +
  'executable takes longer than one of that program is the stub’s share, its loading by the kernel and a second `execve` ' +
  'included. Nothing is compressed. Medians (minimum in brackets) in µs of wall time; system calls as `strace` counts them, ' +
  'from the `execve` of the stub to that of the runtime. Aim: at most 500 µs, whatever the payload.';

const COLUMNS = ['started', 'wall, µs', 'share, µs', 'system calls'];

function showRow({ name, wall }: Cost, share: Estimate, calls: string): string[] {
  const time = (value: number) => (value * 1000).toFixed(0);
  const bounds = share.low === share.high ? '' : ` (${time(share.low)}–${time(share.high)})`;
  return [name, `${time(wall.median)} (${time(wall.minimum)})`, `${time(share.value)}${bounds}`, calls];
}

/** How many system calls there are before the last `execve`, that included. */
async function countCalls(bench: Bench, { name, argv, env, directory }: Command): Promise<string> {
  const log = path.join(bench.disk, `${name.replaceAll(/\W+/g, '-')}.strace`);
  try {
    await promisify(execFile)(await findTool('strace'), ['-f', '-qq', '-o', log, ...argv], {
      env,
      cwd: directory,
    });
  } catch {
    return 'strace cannot be run';
  }
  const lines = (await readFile(log, 'utf8')).split('\n');
  return String(lines.findLastIndex((line) => /^\d+ +execve\(/.test(line)));
}
