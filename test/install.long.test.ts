// SIGKILL at any system call by which a first run changes anything is repaired by the next run (promise P7), and so is one
// during a repair.
import { readFile, unlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { listing, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';

/** Everything by which the stub changes the file system, waits, or starts something. */
const CALLS = [
  ...[
    'mkdirat',
    'symlinkat',
    'linkat',
    'fallocate',
    'write',
    'pwrite64',
    'utimensat',
    'renameat',
    'unlinkat',
  ],
  ...['flock', 'clone', 'execve'],
];
/** Of each call so many are tried, the first and the last among them. */
const MOMENTS = 10;
const expected = { stdout: 'whole\n', stderr: '', exitCode: 0, signal: undefined };

let file: string;
/** The base of an undisturbed first run. */
let pattern: string;

const start = async (base: string) => await run(file, [], { env: { SARMA_CACHE_DIR: base } });
const traced = async (base: string, ...options: readonly string[]): Promise<Transcript> =>
  await run('strace', ['-f', '-qq', ...options, '-E', `SARMA_CACHE_DIR=${base}`, file]);

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'killed', bin: 'main.js' },
    {
      'main.js': `process.stdout.write(require('./data/text.json').text + '\\n');`,
      'data/text.json': '{ "text": "whole" }',
    },
  );
  file = await wrapProgram(program);
  pattern = await temporaryDirectory();
  expect(await start(pattern)).toEqual(expected);
});

/** How often the busiest thread of the stub makes each call; Node's own calls come after the last `execve`. */
async function countCalls(base: string): Promise<ReadonlyMap<string, number>> {
  const log = path.join(await temporaryDirectory(), 'trace');
  await traced(base, '-o', log, '-e', `trace=${CALLS.join()}`);
  const text = await readFile(log, 'utf8');
  const counts = new Map<string, number>();
  for (const line of text.slice(text.indexOf('\n'), text.lastIndexOf(' execve(')).split('\n')) {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (call !== undefined) counts.set(`${thread} ${call}`, (counts.get(`${thread} ${call}`) ?? 0) + 1);
  }
  const most = new Map<string, number>([['execve', 1]]);
  for (const [key, count] of counts) {
    const call = key.slice(key.indexOf(' ') + 1);
    most.set(call, Math.max(count, most.get(call) ?? 0));
  }
  return most;
}

/** Numbers from 1 to `count`, evenly spread. */
function moments(count: number): readonly number[] {
  if (count <= MOMENTS) return Array.from({ length: count }, (_, index) => index + 1);
  return Array.from({ length: MOMENTS }, (_, index) => 1 + Math.round((index * (count - 1)) / (MOMENTS - 1)));
}

/** Kills a run at the nth call; true if it came so far. */
async function killedAt(base: string, call: string, nth: number): Promise<boolean> {
  const inject = `inject=${call}:signal=KILL:when=${nth}`;
  const { signal, exitCode } = await traced(base, '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject);
  expect(signal === 'SIGKILL' || exitCode === 0).toBe(true);
  return signal === 'SIGKILL';
}

describe.skipIf(lacks('strace'))('a run that is killed is made good by the next,', () => {
  test('whenever it is killed while it installs', { timeout: 1_200_000 }, async () => {
    const counts = await countCalls(await temporaryDirectory());
    let killed = 0;
    for (const [call, count] of counts) {
      for (const nth of moments(count)) {
        const base = await temporaryDirectory();
        if (await killedAt(base, call, nth)) killed += 1;
        expect({ call, nth, ...(await start(base)) }).toEqual({ call, nth, ...expected });
        expect({ call, nth, left: await listing(base) }).toEqual({ call, nth, left: await listing(pattern) });
        await execa('rm', ['-rf', base]);
      }
    }
    expect(killed).toBeGreaterThan(40);
  });

  test('whenever it is killed while it repairs', { timeout: 1_200_000 }, async () => {
    const base = await temporaryDirectory();
    const damage = async () => {
      await execa('rm', ['-rf', base]);
      await execa('cp', ['-aT', pattern, base]);
      const { release, runtime } = await onlyInstall(base);
      await unlink(path.join(release, 'lib/killed-1.0.0/data/text.json'));
      await unlink(path.join(runtime, 'bin/node'));
    };
    await damage();
    let killed = 0;
    for (const [call, count] of await countCalls(base)) {
      for (const nth of moments(count)) {
        await damage();
        if (await killedAt(base, call, nth)) killed += 1;
        expect({ call, nth, ...(await start(base)) }).toEqual({ call, nth, ...expected });
        expect({ call, nth, left: await listing(base) }).toEqual({ call, nth, left: await listing(pattern) });
      }
    }
    expect(killed).toBeGreaterThan(20);
  });
});
