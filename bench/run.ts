// Measures what Sarma makes beside plain Node and the other packagers: see README.md.
//
//   npm run bench                        everything
//   npm run bench -- --only warm,peers   some parts; the results of the others stay
//   npm run bench -- --quick             few runs, printed only
//   npm run bench -- --out DIRECTORY     results into another directory than this one, quick ones too

import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { homedir, loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench, Part } from './bench.ts';
import { describeMachine } from './machine.ts';
import { type Measure, openMeasure } from './measure.ts';
import { PARTS } from './parts.ts';
import { npmInstall, openPrograms } from './programs.ts';
import { reason, showSection } from './report.ts';
import { type Measurement, publishResults, type Result, writeResult } from './results.ts';

const { quick, parts, out } = parseCommandLine();
await installPeers();
const disk = await openDisk();
const memory = existsSync('/dev/shm') ? await mkdtemp('/dev/shm/sarma-bench-') : undefined;
process.once('exit', () => {
  for (const place of [disk, memory])
    if (place !== undefined) rmSync(place, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const program = await openPrograms(disk);
const measure = await openMeasure(disk);
const machine = await describeMachine(memory === undefined ? [disk] : [disk, memory]);
for (const part of parts) {
  const result = await runPart(part).catch(fail);
  // What was measured before stays.
  if (typeof result === 'string') continue;
  if (out === undefined) console.log(`\n${showSection(result.section)}`);
  else await writeResult(out, result);
}
if (out !== undefined)
  await publishResults(
    out,
    PARTS.map(({ name }) => name),
  );

function parseCommandLine() {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean' }, only: { type: 'string' }, out: { type: 'string' } },
  });
  const { quick = false, only, out = quick ? undefined : import.meta.dirname } = values;
  const names = only?.split(',') ?? [''];
  // `peers` is all of peers-hello, peers-tsc …
  const means = (name: string, part: Part) =>
    name === '' || part.name === name || part.name.startsWith(`${name}-`);
  const unknown = names.filter((name) => !PARTS.some((part) => means(name, part)));
  if (unknown.length > 0) {
    console.error(
      `No such part: ${unknown.join(', ')}. There are: ${PARTS.map(({ name }) => name).join(', ')}.`,
    );
    process.exit(2);
  }
  return { quick, out, parts: PARTS.filter((part) => names.some((name) => means(name, part))) };
}

/** The peers are no dependencies of the project: they are installed here, and only for the bench. */
async function installPeers(): Promise<void> {
  const manifest = await readFile(path.join(import.meta.dirname, 'package.json'), 'utf8');
  const record = path.join(import.meta.dirname, 'node_modules/.installed.json');
  if ((await readFile(record, 'utf8').catch(() => '')) === manifest) return;
  await npmInstall(import.meta.dirname);
  await writeFile(record, manifest);
}

/** Where caches usually lie. Below a directory that others can write to, such as /var/tmp, an executable takes more care. */
async function openDisk(): Promise<string> {
  const caches = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  await mkdir(caches, { recursive: true });
  return await mkdtemp(path.join(caches, 'sarma-bench-'));
}

/** Whatever fails, everything else is measured all the same. */
function fail(error: unknown): string {
  console.error(error);
  process.exitCode = 1;
  return reason(error);
}

async function runPart(part: Part): Promise<Result> {
  console.error(`Measuring: ${part.name} …`);
  const date = new Date();
  const before = loadavg()[0]!;
  const measurements: (readonly Measurement[])[] = [];
  const bench = await openBench(path.join(disk, part.name), memory && path.join(memory, part.name), {
    measure: async (commands, rounds) => {
      const costs = await measure(commands, rounds);
      measurements.push(costs.map(({ runs, ...cost }) => ({ ...cost, rounds: runs.cpu.length })));
      return costs;
    },
  });
  const section = await part.run(bench).finally(() => {
    for (const place of [bench.disk, bench.memory])
      if (place !== undefined) rmSync(place, { recursive: true, force: true });
  });
  const seconds = (Date.now() - date.getTime()) / 1000;
  console.error(
    `  ${seconds.toFixed(0)} s, load average ${before.toFixed(1)} before, ${loadavg()[0]!.toFixed(1)} after`,
  );
  return {
    part: part.name,
    date: date.toISOString(),
    command: `npm run bench -- --only ${part.name}`,
    seconds,
    load: { before, after: loadavg()[0]! },
    machine,
    section,
    measurements,
  };
}

async function openBench(
  place: string,
  memoryPlace: string | undefined,
  { measure }: { readonly measure: Measure },
): Promise<Bench> {
  for (const directory of [place, memoryPlace]) if (directory !== undefined) await mkdir(directory);
  return {
    disk: place,
    memory: memoryPlace,
    program,
    measure,
    rounds: (seconds, most = 300) => ({
      warmups: 1,
      most: quick ? 3 : most,
      least: Math.min(quick ? 1 : 5, most),
      seconds: quick ? 1 : seconds,
    }),
    quick,
    fail,
  };
}
