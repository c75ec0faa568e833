import { execFile } from 'node:child_process';
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Bench, environment, NODE, type Part } from '../bench.ts';
import type { Command, Cost } from '../measure.ts';
import { spreadBar } from '../plots.ts';
import { freePort, installProgram } from '../programs.ts';
import {
  type Block,
  COST_COLUMNS,
  megabytes,
  milliseconds,
  type Section,
  showCost,
  showRatio,
} from '../report.ts';
import { wrapEnvironment } from '../sarma.ts';
import { ratioOf } from '../statistics.ts';

/** What an empty service costs from start to end. */
export const boot: Part = {
  name: 'boot',
  run: async (bench) =>
    describe(await empty(bench), {
      title: 'Boot of a service',
      introduction:
        'A service of one application whose `start` asks for the end, from the start of the process to its end, against plain ' +
        'Node evaluating `0`. Aim: at most 5 ms of wall time more. Medians (minimum in brackets).',
    }),
};

/** What a real service costs until its first answer. */
export const notes: Part = {
  name: 'notes',
  run: async (bench) =>
    describe(await notesCosts(bench), {
      title: 'Boot of a service until its first answer',
      introduction:
        '`examples/notes` (fastify and SQLite) until its first answer, against its application’s `start` called by plain ' +
        'Node without a boot. The compile cache of those that have one is filled by a start that does not count. Medians ' +
        '(minimum in brackets).',
    }),
};

interface Description {
  readonly title: string;
  readonly introduction: string;
}

function describe(costs: readonly Cost[], { title, introduction }: Description): Section {
  const bars = costs.map(({ name, wall }) => spreadBar(name.replaceAll('`', ''), wall));
  const groups = [{ name: title, bars }];
  const axis = 'wall time, ms: median and quartiles (less is better)';
  return {
    title,
    blocks: [introduction, showCosts(costs)],
    plots: [{ kind: 'bars', name: 'boot', title: 'Boot of services', axis, groups }],
  };
}

const COLUMNS = ['started', ...COST_COLUMNS, 'wall − reference, ms', 'CPU / reference', 'peak memory, MB'];

function showCosts(costs: readonly Cost[]): Block {
  const reference = costs[0]!;
  const rows = costs.map((cost) => [
    cost.name,
    ...showCost(cost),
    milliseconds(cost.wall.median - reference.wall.median),
    showRatio(ratioOf(cost.runs.cpu, reference.runs.cpu)),
    megabytes(cost.peak),
  ]);
  return { columns: COLUMNS, rows };
}

async function empty(bench: Bench): Promise<readonly Cost[]> {
  const home = await makeHome(bench, 'home');
  const project = path.join(bench.disk, 'empty-service');
  await cp(path.join(import.meta.dirname, '../programs/empty-service'), project, { recursive: true });
  const release = path.join(bench.disk, 'empty-release');
  await sarma(project, 'assemble', ['--release-dir', release]);
  const executable = path.join(bench.disk, 'empty-executable');
  await sarma(project, 'wrap', ['--current', '--compression', 'fast', '--out', executable]);
  const node = [NODE, path.join(release, 'releases/1.0.0/boot.cjs'), 'start'];
  const command = (name: string, argv: readonly string[], more = {}): Command => ({
    name,
    argv,
    env: { ...environment(home), NODE_ENV: 'production', ...more },
    directory: home,
  });
  const commands = [
    command('`node -e 0`', [NODE, '-e', '0']),
    command('without a control socket', node, { RELEASE_DISTRIBUTION: 'none' }),
    command('by `node boot.cjs`', node),
    command('by `bin/empty-service`', [path.join(release, 'bin/empty-service'), 'start']),
    command('by the executable', [executable, 'start']),
  ];
  // The first starts make the state directory, its cookie, and what the compile cache holds.
  return await bench.measure(commands, { ...bench.rounds(30, 200), warmups: 4 });
}

/** Starts the application as the boot does, without one. */
const PLAIN = `import application from './src/application.js';
const { PORT, HOME } = process.env;
const config = { host: '127.0.0.1', port: Number(PORT), server: true, migrate: true, telemetry: false };
await application.start({ config: { ...config, database: HOME + '/notes.db', secretKeyBase: 'secret' } });
`;

async function notesCosts(bench: Bench): Promise<readonly Cost[]> {
  const example = path.join(import.meta.dirname, '../../examples/notes');
  const project = path.join(bench.disk, 'notes');
  await cp(await installProgram('notes', example), project, { recursive: true });
  const app = path.join(project, 'node_modules/@sarma/app');
  await rm(app, { recursive: true });
  await buildApp();
  await symlink(APP, app);
  const release = path.join(bench.disk, 'notes-release');
  await sarma(project, 'assemble', ['--release-dir', release]);
  const executable = path.join(bench.disk, 'notes-executable');
  await sarma(project, 'wrap', ['--current', '--compression', 'fast', '--out', executable]);
  const plain = path.join(release, 'lib/notes-0.1.0/plain.mjs');
  await writeFile(plain, PLAIN);
  const commands: Command[] = [];
  for (const [name, argv] of [
    ['plain Node, no boot', [NODE, plain]],
    ['by `bin/notes`', [path.join(release, 'bin/notes'), 'start']],
    ['by the executable', [executable, 'start']],
  ] as const) {
    const home = await makeHome(bench, `notes-home-${commands.length}`);
    const port = await freePort();
    const own = { PORT: String(port), NODE_ENV: 'production', NOTES_TELEMETRY: 'false' };
    const env = { ...environment(home), ...own };
    commands.push({ name, argv, env, directory: home, answer: { port, stay: 1000 } });
  }
  return await bench.measure(commands, { ...bench.rounds(30, 100), warmups: 3 });
}

/** The package that applications import, as it is published. */
const APP = path.join(import.meta.dirname, '../../packages/app');

async function buildApp(): Promise<void> {
  const tsc = path.join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
  await promisify(execFile)(NODE, [tsc, '--project', APP]);
}

async function makeHome(bench: Bench, name: string): Promise<string> {
  const home = path.join(bench.disk, name);
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  return home;
}

async function sarma(project: string, command: string, more: readonly string[]): Promise<void> {
  const cli = path.join(import.meta.dirname, '../../packages/cli/bin/sarma.js');
  const args = [cli, command, '--project', project, '--runtime', process.versions.node, '-q', ...more];
  await promisify(execFile)(NODE, args, { env: wrapEnvironment(), cwd: project });
}
