// The cache does not grow (promise P8): thousands of runs, killed ones among them, and upgrade after upgrade.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { installsIn, listing, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';
import { readingRuntime } from './support/runtimes.ts';
import { type Call, CHANGES, callsOf, runTraced } from './support/strace.ts';

/** What a kill finds: an install that is whole, or one that the killed run would have made whole or renewed. */
const STATES: Readonly<Record<string, (base: string) => Promise<unknown>>> = {
  whole: async () => {},
  'without its release': async (base) => await rm((await onlyInstall(base)).release, { recursive: true }),
  'without its runtime': async (base) => await rm((await onlyInstall(base)).runtime, { recursive: true }),
  'without anything': async (base) => {
    for (const folder of ['releases', 'runtimes']) await rm(path.join(base, folder), { recursive: true });
  },
  'without a folder of its files': async (base) =>
    await rm(path.join((await onlyInstall(base)).release, 'lib'), { recursive: true }),
  'not synced yet': async (base) => {
    for (const install of Object.values(await onlyInstall(base))) {
      const marker = path.join(install, '.sarma/marker');
      const text = await readFile(marker, 'utf8');
      await writeFile(
        marker,
        text.replace(/^installed .*/m, 'installed 1000000000').replace('durable 1', 'durable 0'),
      );
    }
  },
};

/** Numbers that look random and are the same each time (mulberry32). */
function* numbersBelow1(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
}

/** Every name, and the kind, mode, size and time of all but markers. */
async function extent(base: string): Promise<unknown> {
  const names = (await readdir(base, { recursive: true })).sort();
  return { names, listing: await listing(base) };
}

/**
 * Kills a run at a random call in one state after the other, and lets others run after each, all at once. Returns how many
 * were really killed.
 */
async function runAndKill(file: string, base: string, rounds: number, others: number): Promise<number> {
  const env = { SARMA_CACHE_DIR: base };
  const { stdout: expected } = await run(file, [], { env });
  const states = Object.keys(STATES);
  const calls = new Map<string, readonly Call[]>();
  for (const state of states) {
    await STATES[state]!(base);
    calls.set(state, await callsOf([...CHANGES, 'flock', 'execve'], file, [], { env, oneCore: true }));
  }
  const before = await extent(base);
  const random = numbersBelow1(5);
  let killed = 0;
  for (let round = 0; round < rounds; round++) {
    const state = states[round % states.length]!;
    await STATES[state]!(base);
    const moments = calls.get(state)!;
    const { name, nth } = moments[Math.floor(random.next().value * moments.length)]!;
    const { signal } = await runTraced(file, [], {
      env,
      oneCore: true,
      inject: [`${name}:signal=KILL:when=${nth}`],
    });
    if (signal === 'SIGKILL') killed += 1;
    const all = await run('sh', ['-c', `for i in $(seq ${others}); do "$0" & done; wait`, file], { env });
    expect({ round, state, name, nth, ...sorted(all) }).toEqual({
      ...{ round, state, name, nth, stderr: '', exitCode: 0, signal: undefined },
      stdout: sorted({ stdout: expected.repeat(others) }).stdout,
    });
  }
  expect(await extent(base)).toEqual(before);
  return killed;
}

/** Those that run at once print their lines in any order. */
const sorted = <T extends { readonly stdout: string }>(transcript: T): T => ({
  ...transcript,
  stdout: transcript.stdout.split('\n').sort().join('\n'),
});

describe.skipIf(lacks('strace'))('the cache is as large as after the first run', () => {
  test('after 3,000 runs, a tenth of them killed', { timeout: 600_000 }, async () => {
    const program = await makeProgram(
      { name: 'grown', bin: 'main.js' },
      { 'main.js': 'whole\n', 'late.js': '', 'data/deep/text.txt': 'text' },
    );
    const file = await wrapProgram(program, ['--runtime', await readingRuntime()]);
    expect(await runAndKill(file, await temporaryDirectory(), 300, 9)).toBeGreaterThan(295);
  });

  test('after 100 runs with Node, a tenth of them killed', { timeout: 600_000 }, async () => {
    const program = await makeProgram(
      { name: 'grown-node', bin: 'main.js' },
      {
        'main.js': `require('node:fs').writeSync(1, require('./data/text.json').text)`,
        'data/text.json': '{ "text": "whole\\n" }',
      },
    );
    expect(await runAndKill(await wrapProgram(program), await temporaryDirectory(), 12, 9)).toBeGreaterThan(
      9,
    );
  });
});

test('ten upgrades, with other runtimes too, leave the two newest versions, and the one that runs untouched', async () => {
  const runtimes = [await readingRuntime(), path.join(await temporaryDirectory(), 'node')];
  await execa('sh', ['-c', 'cp "$0" "$1" && printf x >>"$1"', ...runtimes]);
  const base = await temporaryDirectory();
  const env = { SARMA_CACHE_DIR: base };
  const versions = Array.from({ length: 10 }, (_, index) => `${index + 1}.0.0`);
  let running: Awaited<ReturnType<typeof startProgram>> | undefined;
  let untouched: unknown;
  let ofRunning = '';
  for (const [index, version] of versions.entries()) {
    const program = await makeProgram(
      { name: 'grown-up', version, bin: 'main.js' },
      { 'main.js': `whole ${version}\n`, 'late.js': `late ${version}\n` },
    );
    const file = await wrapProgram(program, ['--runtime', runtimes[index % 2]!]);
    expect((await run(file, [], { env })).stdout).toContain(`whole ${version}\n`);
    const { releases } = await installsIn(base);
    const newest = versions.slice(Math.max(0, index - 1), index + 1);
    const wanted = [...new Set([...(running === undefined ? [] : ['3.0.0']), ...newest])];
    expect(releases.map((name) => name.split('-')[2]!).sort()).toEqual(wanted.sort());
    if (version === '3.0.0') {
      running = await startProgram(file, ['wait'], env);
      ofRunning = path.join(base, 'releases', releases.find((name) => name.includes('-3.0.0-'))!);
      untouched = await listing(ofRunning);
    }
    if (running !== undefined) expect(await listing(ofRunning)).toEqual(untouched);
  }
  expect(await running!.say('')).toMatch(/whole 3\.0\.0\nlate 3\.0\.0\n$/);
  // Nothing but what belongs to these: a lock for each, and the one of the base.
  const { releases, runtimes: left } = await installsIn(base);
  const locks = [...releases, ...left].map((name) => `${name}.install`);
  expect((await readdir(path.join(base, 'locks'))).sort()).toEqual([...locks, 'gc'].sort());
  expect(left).toHaveLength(2);
});
