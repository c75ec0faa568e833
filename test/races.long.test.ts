// Runs and removals at the same time (promises P6 and P8). Each of two is stopped after each of its system calls in turn,
// and the other one does its work meanwhile: whoever comes in between, nobody runs half a program, and nobody is robbed of
// the one that he runs.
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { installsIn, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { readingRuntime } from './support/reading-runtime.ts';
import { lacks } from './support/requirements.ts';
import { run, type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';
import { settled, start, startStopped } from './support/stopped.ts';
import { type Call, callsOf } from './support/strace.ts';

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
  names?: string[],
): Promise<void> {
  await haveInstalled(...before);
  const steps = await stepsOf(file, args, names);
  expect(steps.length).toBeGreaterThan(5);
  for (const step of steps) {
    await haveInstalled(...before);
    const stopped = await startStopped(file, args, env, step);
    expect({ step: step.text, stopped: stopped.pid !== 0 }).toEqual({ step: step.text, stopped: true });
    const second = start(other, others, env);
    const meanwhile = await settled(second);
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
        everything,
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
  const opening = calls.find(({ text }) => text.includes('/locks/gc'))!;
  await haveInstalled();
  const stopped = await startStopped(older, START, env, opening, { name: 'fallocate', nth: 1 });
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

describe('with Node,', () => {
  /** Versions that keep no other. */
  const files: string[] = [];

  beforeAll(async () => {
    for (const version of ['1.0.0', '2.0.0']) {
      const program = await makeProgram(
        { name: 'parent', version, bin: 'main.js', sarma: { wrap: { keep: 1 } } },
        {
          'main.js': `
            const { fork, spawn } = require('node:child_process');
            const [how, ready, go] = process.argv.slice(2);
            const options = { detached: true, stdio: 'ignore' };
            const here = { ...options, cwd: __dirname };
            if (how === 'wait') {
              console.log('waiting');
              process.stdin.once('data', () => { console.log(require('./late.js')); process.exit(); });
            } else if (how !== undefined) {
              const child = {
                fork: () => fork(__dirname + '/child.js', ['fork', ready, go], { ...options, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
                directory: () => spawn(process.execPath, ['child.js', 'directory', ready, go], here),
                url: () => spawn(process.execPath, ['--import=file://' + __dirname + '/child.js', '-e', '0', 'url', ready, go], options),
                title: () => spawn(process.execPath, [__dirname + '/child.js', 'title', ready, go], options),
              }[how]();
              child.unref();
              if (child.connected) child.disconnect();
            }
          `,
          'child.js': `
            const fs = require('node:fs');
            const [how, ready, go] = process.argv.slice(-3);
            if (how === 'title') process.title = 'a daemon of its own';
            fs.writeFileSync(ready + '.new', String(process.pid));
            fs.renameSync(ready + '.new', ready);
            fs.readFileSync(go);
            fs.writeFileSync(ready, require('./late.js'));
          `,
          'late.js': `module.exports = 'late ${version}';`,
        },
      );
      files.push(await wrapProgram(program));
    }
  });

  test.each([
    ['forked', 'fork'],
    ['in a directory of the program', 'directory'],
    ['that loads a module of the program by its URL', 'url'],
    ['that has given itself a title, as daemons do', 'title'],
  ])('a detached child %s keeps the install of a program that has ended', async (_, how) => {
    const place = await temporaryDirectory();
    const [base, ready, go] = ['base', 'ready', 'go'].map((name) => path.join(place, name)) as [
      string,
      string,
      string,
    ];
    const environment = { SARMA_CACHE_DIR: base };
    await execa('mkfifo', [go]);
    expect(await run(files[0]!, [how, ready, go], { env: environment })).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    await expect.poll(() => existsSync(ready)).toBe(true);
    const pid = Number(await readFile(ready, 'utf8'));
    try {
      const { releases } = await installsIn(base);
      expect(await run(files[1]!, [], { env: environment })).toMatchObject({ exitCode: 0, stderr: '' });
      await run(files[1]!, PRUNE, { env: environment });
      expect((await installsIn(base)).releases).toEqual(expect.arrayContaining([...releases]));
      expect(await run(files[0]!, UNINSTALL, { env: environment })).toMatchObject({
        stderr: `parent: it is running (process ${pid}); stop it first\n`,
        exitCode: 125,
      });
    } finally {
      await writeFile(go, '');
    }
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    expect(await readFile(ready, 'utf8')).toBe('late 1.0.0');
    expect(await run(files[0]!, UNINSTALL, { env: environment })).toMatchObject({ exitCode: 0 });
    expect(existsSync(base)).toBe(false);
  });

  test('a program that runs holds up no repair of its files, and goes on with what came back', async () => {
    const base = await temporaryDirectory();
    const environment = { SARMA_CACHE_DIR: base };
    const running = await startProgram(files[0]!, ['wait'], environment);
    const { release } = await onlyInstall(base);
    await rm(path.join(release, 'lib/parent-1.0.0/late.js'));
    expect(await run(files[0]!, [], { env: environment })).toMatchObject({ exitCode: 0, stderr: '' });
    await rm(path.join(release, 'lib/parent-1.0.0/main.js'));
    expect(await run(files[0]!, ['maintenance', 'verify'], { env: environment })).toMatchObject({
      stderr: expect.stringMatching(/: repaired 1 files\n$/),
      exitCode: 0,
    });
    expect(existsSync(`/proc/${running.pid}`)).toBe(true);
    expect(await running.say('go')).toBe('waiting\nlate 1.0.0\n');
  });
});
