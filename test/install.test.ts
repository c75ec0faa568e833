// The first run and what comes after it (promises P6 and P7): many at once, killed ones. Lost files: loss.test.ts;
// torn ones: power-loss.test.ts.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listing } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { runTraced } from './support/strace.ts';

const expected = { stdout: 'hello a b\nfrom a file\n', stderr: '', exitCode: 0, signal: undefined };

let file: string;
/** The base of an undisturbed first run. */
let pattern: string;
let base: string;

const start = async () => await run(file, ['a', 'b'], { env: { SARMA_CACHE_DIR: base } });
const temporaries = async () => Object.keys(await listing(base)).filter((name) => /\.(tmp|new)$/.test(name));

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'install', bin: 'main.js' },
    {
      'main.js': `
        console.log('hello', ...process.argv.slice(2));
        process.stdout.write(require('node:fs').readFileSync(require('node:path').join(__dirname, 'data/deep/text.txt'), 'utf8'));
      `,
      'data/deep/text.txt': 'from a file\n',
      'data/other.txt': 'other\n',
    },
  );
  file = await wrapProgram(program);
  base = pattern = await temporaryDirectory();
  expect(await start()).toEqual(expected);
});

beforeEach(async () => {
  base = await temporaryDirectory();
});

describe('the first run', () => {
  test('64 at once all succeed, and leave one install and no temporary file', async () => {
    const runs = await Promise.all(Array.from({ length: 64 }, start));
    for (const one of runs) expect(one).toEqual(expected);
    expect(await listing(base)).toEqual(await listing(pattern));
  });

  test('leaves a cache that backup programs pass over', async () => {
    expect(await readFile(path.join(pattern, 'CACHEDIR.TAG'), 'latin1')).toMatch(
      /^Signature: 8a477f597d28d172789f06886806bc55\n/,
    );
  });

  test('is the same under any umask', async () => {
    const { exitCode } = await run('sh', ['-c', 'umask 077; exec "$0"', file], {
      env: { SARMA_CACHE_DIR: base },
    });
    expect(exitCode).toBe(0);
    expect(await listing(base)).toEqual(await listing(pattern));
  });

  test('a second run changes nothing', async () => {
    const before = await listing(pattern);
    base = pattern;
    expect(await start()).toEqual(expected);
    expect(await listing(pattern)).toEqual(before);
  });
});

describe.skipIf(lacks('strace'))('a first run that is killed', () => {
  // Each moment is the nth call of one system call in a thread; killed.long.test.ts has all of them.
  test.each([
    ['while the runtime is written', 'pwrite64', 2],
    ['between runtime and release', 'renameat', 3],
  ])('%s, is made good by the next', async (_, call, nth) => {
    const killed = await killedAt(call, nth);
    expect(killed).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    expect(await start()).toEqual(expected);
    expect(await listing(base)).toEqual(await listing(pattern));
  });

  test('is made good by the next version, too', async () => {
    await killedAt('renameat', 4);
    expect(await temporaries()).not.toEqual([]);
    const next = await makeProgram({ name: 'install', version: '2.0.0', bin: 'main.js' }, { 'main.js': '' });
    await run(await wrapProgram(next), [], { env: { SARMA_CACHE_DIR: base } });
    expect(await temporaries()).toEqual([]);
  });

  const killedAt = async (call: string, nth: number) =>
    await runTraced(file, ['a', 'b'], {
      env: { SARMA_CACHE_DIR: base },
      inject: [`${call}:signal=KILL:when=${nth}`],
    });
});
