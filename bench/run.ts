// Measures what Sarma makes beside plain Node and the other packagers, and writes RESULTS.md.
//
//   npm run bench                        everything; takes long, and wants a quiet machine
//   npm run bench -- --quick             few runs, printed only
//   npm run bench -- --only warm,first   some parts, printed only

import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { Bench, Part } from './bench.ts';
import { describeMachine, load } from './machine.ts';
import { openMeasure } from './measure.ts';
import { boot } from './parts/boot.ts';
import { firstRun } from './parts/first-run.ts';
import { peers } from './parts/peers.ts';
import { size } from './parts/size.ts';
import { warmStart } from './parts/warm-start.ts';
import { wrapTime } from './parts/wrap-time.ts';
import { placePrograms } from './programs.ts';
import { reason, showSection } from './report.ts';

const PARTS: readonly Part[] = [size, warmStart, boot, firstRun, wrapTime, peers];

const { quick, parts, write } = parseCommandLine();
await installPeers();
const disk = await openDisk();
const memory = existsSync('/dev/shm') ? await mkdtemp('/dev/shm/sarma-bench-') : undefined;
process.once('exit', () => {
  for (const place of [disk, memory])
    if (place !== undefined) rmSync(place, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const results = await runParts(await openBench(), parts);
if (write) await writeFile(path.join(import.meta.dirname, 'RESULTS.md'), results);
else console.log(`\n${results}`);

function parseCommandLine() {
  const { values } = parseArgs({ options: { quick: { type: 'boolean' }, only: { type: 'string' } } });
  const names = values.only?.split(',');
  const unknown = names?.filter((name) => !PARTS.some((part) => part.name === name)) ?? [];
  if (unknown.length > 0) {
    console.error(
      `No such part: ${unknown.join(', ')}. There are: ${PARTS.map(({ name }) => name).join(', ')}.`,
    );
    process.exit(2);
  }
  const quick = values.quick ?? false;
  return {
    quick,
    parts: PARTS.filter(({ name }) => names?.includes(name) ?? true),
    write: !quick && names === undefined,
  };
}

/** The peers are no dependencies of the project: they are installed here, and only for the bench. */
async function installPeers(): Promise<void> {
  if (existsSync(path.join(import.meta.dirname, 'node_modules/.package-lock.json'))) return;
  console.error('Installing the programs and packagers to compare with …');
  const npm = ['install', '--prefix', import.meta.dirname, '--no-package-lock', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', npm, { cwd: import.meta.dirname });
}

/** Where caches usually lie. Below a directory that others can write to, such as /var/tmp, an executable takes more care. */
async function openDisk(): Promise<string> {
  const caches = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  await mkdir(caches, { recursive: true });
  return await mkdtemp(path.join(caches, 'sarma-bench-'));
}

async function openBench(): Promise<Bench> {
  return {
    disk,
    memory,
    programs: await placePrograms(disk),
    measure: await openMeasure(disk),
    rounds: (full, few) => ({ rounds: quick ? few : full, warmups: 1 }),
    quick,
  };
}

/** A part that fails leaves its reason in the results, and the others run all the same. */
async function runParts(bench: Bench, chosen: readonly Part[]): Promise<string> {
  const head = await describeMachine(memory === undefined ? [disk] : [disk, memory]);
  const before = load();
  const sections: string[] = [];
  for (const part of chosen) {
    console.error(`Measuring: ${part.name} …`);
    try {
      sections.push(showSection(await part.run(bench)));
    } catch (error) {
      sections.push(showSection({ title: part.name, blocks: [`Could not be measured: ${reason(error)}`] }));
      console.error(error);
      process.exitCode = 1;
    }
  }
  return [
    '# Results of the bench',
    `Measured by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}. Times depend on the machine and on what else ` +
      `ran on it (load average ${before} at the start, ${load()} at the end); what was measured in turns may be compared, so ` +
      'look at the ratios. A figure that falls short of its aim stays as it is.',
    head,
    ...sections,
    '',
  ].join('\n\n');
}
