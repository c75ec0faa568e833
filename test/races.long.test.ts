// Runs and removals at the same time (promises P6 and P8). Each of two is stopped after each of its system calls in turn,
// and the other one does its work meanwhile: whoever comes in between, nobody runs half a program, and nobody is robbed of
// the one that he runs.
import { existsSync } from 'node:fs';
import { glob, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';
import { settled, start } from './support/running.ts';
import { readingRuntime } from './support/runtimes.ts';
import { type Call, callsOf, startStopped } from './support/strace.ts';

/** Versions of one program, each of which keeps no other. */
let older: string;
let newer: string;
let directory: string;
let base: string;
let env: { readonly SARMA_CACHE_DIR: string };

beforeAll(async () => {
  const runtime = await readingRuntime();
  const version = async (number: string) =>
    await wrapProgram(
      await makeProgram(
        { name: 'raced', version: number, bin: 'main.js', sarma: { wrap: { keep: 1 } } },
        {
          'main.js': `whole ${number}\n`,
          'late.js': `late ${number}\n`,
          'data/text.txt': 'text',
        },
      ),
      ['--runtime', runtime],
    );
  older = await version('1.0.0');
  newer = await version('2.0.0');
  directory = await temporaryDirectory();
  base = path.join(directory, 'base');
  env = { SARMA_CACHE_DIR: base };
});

const START = ['wait'];
const UNINSTALL = ['maintenance', 'uninstall', '--yes'];
const PRUNE = ['maintenance', 'prune'];

/** What a run says that has its whole program, from this base, before and after it waited. */
const whole = (file: string) => {
  const version = file === older ? '1.0.0' : '2.0.0';
  const entry = `${base}/releases/raced-${version}-[0-9a-f]{12}/lib/raced-${version}/main.js`.replaceAll(
    '.',
    '\\.',
  );
  return {
    stdout: expect.stringMatching(new RegExp(`^${entry}\nwhole ${version}\nlate ${version}\n$`)),
    stderr: '',
    exitCode: 0,
    signal: undefined,
  };
};

const states = new Map<string, string>();

/** The base with these versions in it. */
async function haveInstalled(...files: readonly string[]): Promise<void> {
  await rm(base, { recursive: true, force: true });
  if (files.length === 0) return;
  const state = path.join(directory, files.map((file) => (file === older ? 'older' : 'newer')).join('-and-'));
  if (!states.has(state)) {
    // Each in a base of its own, since a first run removes the other one.
    for (const [index, file] of files.entries()) {
      await run(file, [], { env: { SARMA_CACHE_DIR: `${state}.${index}` } });
      await execa('cp', ['-aT', `${state}.${index}`, state]);
    }
    states.set(state, state);
  }
  await execa('cp', ['-aT', state, base]);
  await renew();
}

/** As if it had been installed just now: a run that finds an install of more than a minute syncs it, and has a lock meanwhile. */
async function renew(): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  for await (const file of glob('{releases,runtimes}/*/.sarma/marker', { cwd: base })) {
    const marker = path.join(base, file);
    await writeFile(marker, (await readFile(marker, 'utf8')).replace(/^installed .*/m, `installed ${now}`));
  }
}

/** A call after which another process may find something else than before it. */
const CHANGES = ['flock', 'mkdirat', 'renameat', 'unlinkat', 'utimensat', 'symlinkat', 'fallocate', 'execve'];

/**
 * The calls of a run after which it is stopped. What lies below an open directory (`unlinkat(7, …)`) nobody else looks for:
 * the first of such calls in a row stands for all.
 */
async function stepsOf(file: string, args: readonly string[], names = CHANGES): Promise<readonly Call[]> {
  const calls = await callsOf(names, file, args, { env, oneCore: true });
  const kind = ({ name, text }: Call) => (/^(\w+)\((AT_FDCWD|\d+, (LOCK_|NULL))/.test(text) ? text : name);
  return calls.filter((call, at) => at === 0 || kind(call) !== kind(calls[at - 1]!));
}

/** Lets two runs meet at each step of the first. What the second came to until the first went on again is told too. */
async function meet(
  before: readonly string[],
  [file, args]: readonly [string, readonly string[]],
  [other, others]: readonly [string, readonly string[]],
  check: (met: { step: string; first: Transcript; second: Transcript; meanwhile: 'ended' | 'waits' }) => void,
  { names, patience }: { readonly names?: string[]; readonly patience?: number } = {},
): Promise<void> {
  await haveInstalled(...before);
  const steps = await stepsOf(file, args, names);
  expect(steps.length).toBeGreaterThan(5);
  for (const step of steps) {
    await haveInstalled(...before);
    const stopped = await startStopped(file, args, { env }, step);
    expect({ step: step.text, stopped: stopped.pid !== 0 }).toEqual({ step: step.text, stopped: true });
    const second = start(other, others, env);
    const meanwhile = await settled(second, patience);
    check({ step: step.text, first: await stopped.goOn(), second: await second.ended, meanwhile });
    await leavesNothing(step.text);
  }
}

/** An uninstall takes away everything that there is, whatever happened before. */
async function leavesNothing(step: string): Promise<void> {
  const { exitCode } = await run(newer, UNINSTALL, { env });
  expect({ step, exitCode, left: existsSync(base) }).toEqual({ step, exitCode: 0, left: false });
}

describe.skipIf(lacks('strace'))(
  'a run that finds its program installed, stopped at any of its calls,',
  () => {
    // Everything that the stub does between the look at its base and the execution.
    const everything = ['all'];

    test.each([
      ['uninstall', () => [older, UNINSTALL, older] as const],
      ['the first run of another version', () => [newer, START, older] as const],
      ['`maintenance prune` of another version', () => [newer, PRUNE, older, newer] as const],
    ])('has its whole program after %s, which does not wait for it', { timeout: 600_000 }, async (_, how) => {
      const [remover, args, ...before] = how();
      await meet(
        before,
        [older, START],
        [remover, args],
        ({ step, first, meanwhile }) => {
          expect({ step, meanwhile, ...first }).toEqual({ step, meanwhile: 'ended', ...whole(older) });
        },
        { names: everything, patience: 10_000 },
      );
    });
  },
);

describe.skipIf(lacks('strace'))('a run beside a removal that is stopped at any of its calls', () => {
  test.each([
    ['the version that is uninstalled', () => older],
    ['another version than the one that is uninstalled', () => newer],
  ])('has its whole program in the same place: %s', { timeout: 600_000 }, async (_, which) => {
    await meet([older], [older, UNINSTALL], [which(), START], ({ step, first, second }) => {
      expect({ step, ...second }).toEqual({ step, ...whole(which()) });
      // A run that was faster is in nobody's way.
      expect({ step, status: first.exitCode }).toEqual({ step, status: 0 });
    });
  });

  test.each([
    ['the version that is removed', () => older],
    ['the version that removes', () => newer],
  ])(
    'has its whole program in the same place after an upgrade: %s',
    { timeout: 600_000 },
    async (_, which) => {
      await meet([older], [newer, START], [which(), START], ({ step, first, second }) => {
        expect({ step, ...first }).toEqual({ step, ...whole(newer) });
        expect({ step, ...second }).toEqual({ step, ...whole(which()) });
      });
    },
  );

  test('has its whole program in the same place after `maintenance prune`', {
    timeout: 600_000,
  }, async () => {
    await meet([older, newer], [newer, PRUNE], [older, START], ({ step, second }) => {
      expect({ step, ...second }).toEqual({ step, ...whole(older) });
    });
  });
});

describe.skipIf(lacks('strace'))('a first run that is stopped at any of its calls', () => {
  test.each([
    ['another first run', () => [older, START] as const],
    ['the first run of another version', () => [newer, START] as const],
  ])('is as good as alone, and so is %s', { timeout: 600_000 }, async (_, how) => {
    const [file, args] = how();
    await meet([], [older, START], [file, args], ({ step, first, second }) => {
      expect({ step, ...first }).toEqual({ step, ...whole(older) });
      expect({ step, ...second }).toEqual({ step, ...whole(file) });
    });
  });

  test.each([
    ['uninstall', UNINSTALL],
    ['`maintenance prune`', PRUNE],
  ])('has its whole program after %s', { timeout: 600_000 }, async (_, args) => {
    await meet([], [older, START], [newer, args], ({ step, first }) => {
      expect({ step, ...first }).toEqual({ step, ...whole(older) });
    });
  });
});

test.skipIf(lacks('strace'))('a lock file that disappears while it is being locked is no lock', async () => {
  await haveInstalled();
  const calls = await callsOf(['openat'], older, START, { env, oneCore: true });
  // The first one is only a look whether somebody has it, where its folder is not there yet.
  const opening = calls.filter(({ text }) => text.includes('/locks/gc'))[1]!;
  await haveInstalled();
  const stopped = await startStopped(older, START, { env }, opening, { name: 'fallocate', nth: 1 });
  expect(await run(newer, UNINSTALL, { env })).toMatchObject({ exitCode: 0 });
  expect(existsSync(base)).toBe(false);
  expect(await stopped.goOnToNext()).toBe(true);
  // It unpacks, and nobody may take away what it has unpacked.
  expect(await run(newer, UNINSTALL, { env })).toMatchObject({ exitCode: 0 });
  expect(await stopped.goOn()).toEqual(whole(older));
});

test('64 first runs of two versions at once, beside uninstalls and prunes, all have their whole program', async () => {
  await haveInstalled();
  const runs = Array.from({ length: 64 }, (_, index) => (index % 2 === 0 ? older : newer));
  const started = runs.map(async (file) => ({ file, ...(await start(file, START, env).ended) }));
  const removals = Array.from({ length: 16 }, async (_, index) => {
    return await start(index % 2 === 0 ? older : newer, index % 4 < 2 ? UNINSTALL : PRUNE, env).ended;
  });
  for (const { file, ...transcript } of await Promise.all(started)) expect(transcript).toEqual(whole(file));
  for (const { stderr, exitCode } of await Promise.all(removals)) {
    // One that meets a run says so, and does nothing or a part.
    if (exitCode !== 0) expect(stderr).toMatch(/it is running|is in use|somebody is installing/);
  }
  await leavesNothing('at the end');
});
