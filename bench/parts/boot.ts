import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { environment, NODE, type Part } from '../bench.ts';
import type { Command } from '../measure.ts';
import { COST_COLUMNS, megabytes, milliseconds, type Section, showCost } from '../report.ts';
import { wrapEnvironment } from '../sarma.ts';

/** What a service costs before its first application starts, and after its last one has stopped. */
export const boot: Part = {
  name: 'boot',
  run: async (bench): Promise<Section> => {
    const home = path.join(bench.disk, 'boot');
    await mkdir(path.join(home, 'tmp'), { recursive: true });
    const release = await assemble(home);
    const start = [NODE, path.join(release, 'releases/1.0.0/boot.mjs'), 'start'];
    const command = (name: string, argv: readonly string[], more = {}): Command => ({
      name,
      argv,
      env: { ...environment(home), NODE_ENV: 'production', ...more },
      directory: home,
      status: 0,
    });
    const commands = [
      command('node -e 0', [NODE, '-e', '0']),
      command('without a control socket', start, { RELEASE_DISTRIBUTION: 'none' }),
      command('as it is', start),
      command('as it is, by bin/empty-service', [path.join(release, 'bin/empty-service'), 'start']),
    ];
    // The first start makes the state directory and its cookie.
    await promisify(execFile)(start[0]!, start.slice(1), { env: commands[1]!.env, cwd: home });
    const costs = await bench.measure(commands, bench.rounds(200, 20));
    const rows = commands.map(({ name }, index) => {
      const cost = costs[index]!;
      const more = milliseconds(cost.wall.median - costs[0]!.wall.median);
      return [name, ...showCost(cost), more, megabytes(cost.peak)];
    });
    return { title: 'Boot of an empty service', blocks: [INTRODUCTION, { columns: COLUMNS, rows }] };
  },
};

const INTRODUCTION =
  'A service of one application whose `start` asks for the end, from the start of the process to its end, against plain ' +
  'Node evaluating `0`. Medians (minimum in brackets). Aim: at most 5 ms of wall time more.';

const COLUMNS = ['started', ...COST_COLUMNS, 'wall − node -e 0, ms', 'peak memory, MB'];

/** Assembles the empty service away from the checkout and returns the directory of the release. */
async function assemble(place: string): Promise<string> {
  const release = path.join(place, 'release');
  const project = path.join(import.meta.dirname, '../programs/empty-service');
  const cli = path.join(import.meta.dirname, '../../packages/cli/bin/sarma.js');
  const args = [cli, 'assemble', project, '--release-dir', release, '--runtime', process.versions.node, '-q'];
  await promisify(execFile)(NODE, args, { env: wrapEnvironment(), cwd: place });
  return release;
}
