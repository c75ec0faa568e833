// A loss of power before an install was on the disk: what is torn is never executed (promise P7).
import { createHash } from 'node:crypto';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyOfInstall, listing, marker, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { runTraced } from './support/strace.ts';
import { restarted, type Surroundings, WITHOUT_BOOT_ID } from './support/surroundings.ts';
import { TORN } from './support/torn.ts';

const expected = { stdout: 'hello\nfrom a file\n', stderr: '', exitCode: 0, signal: undefined };

let file: string;
/** The base of an undisturbed first run, not synced yet. */
let pattern: string;
let base: string;
let release: string;
let runtime: string;
let node: string;
let text: string;
let entry: string;

const env = () => ({ SARMA_CACHE_DIR: base });
const start = async (under: Surroundings = []) => await run(file, [], { env: env(), under });

/** What strace shows of a run: all calls of the names. */
async function traceOf(names: readonly string[], under: Surroundings = []): Promise<readonly string[]> {
  const log = path.join(await temporaryDirectory(), 'trace');
  const transcript = await runTraced(file, [], { env: env(), trace: names, log, under });
  expect(transcript).toEqual(expected);
  return (await readFile(log, 'utf8')).split('\n');
}

/** Files of the install that the stub opened, until it became the program: no directories, no markers. */
async function filesRead(surroundings?: Surroundings): Promise<readonly string[]> {
  const lines = await traceOf(['openat', 'execve'], surroundings);
  const until = lines.findIndex((line) => line.includes(`execve("${base}`));
  expect(until).toBeGreaterThan(0);
  return lines
    .slice(0, until)
    .filter((line) => line.includes('openat('))
    .filter((line) => !/O_DIRECTORY|\.sarma\/marker|\/locks\//.test(line))
    .flatMap((line) => /openat\((?:\d+, "([^"/][^"]*)"|AT_FDCWD, "([^"]*)")/.exec(line)?.slice(1, 3) ?? [])
    .filter((name) => name !== undefined && (!name.startsWith('/') || name.startsWith(base)));
}

/** As if the install had been made 100 s ago: time to sync it. */
async function age(): Promise<void> {
  const then = Math.floor(Date.now() / 1000) - 100;
  for (const directory of [release, runtime]) {
    const name = path.join(directory, '.sarma/marker');
    await writeFile(name, (await readFile(name, 'utf8')).replace(/^installed .*/m, `installed ${then}`));
  }
}

const isDurable = async (directory: string) => (await marker(directory)).get('durable') === '1';

async function expectWhole(): Promise<void> {
  expect(await listing(base)).toEqual(await listing(pattern));
  const whole = await onlyInstall(pattern);
  const pairs = [
    [node, path.join(whole.runtime, 'bin/node')],
    [entry, path.join(whole.release, path.relative(release, entry))],
    [text, path.join(whole.release, path.relative(release, text))],
  ] as const;
  for (const [one, other] of pairs) expect(await digest(one)).toBe(await digest(other));
}

const digest = async (name: string) =>
  createHash('sha256')
    .update(await readFile(name))
    .digest('hex');

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'power', bin: 'main.js' },
    {
      'main.js': `
        console.log('hello');
        process.stdout.write(require('node:fs').readFileSync(require('node:path').join(__dirname, 'data/text.txt'), 'utf8'));
      `,
      'data/text.txt': 'from a file\n',
    },
  );
  file = await wrapProgram(program);
  base = pattern = await temporaryDirectory();
  expect(await start()).toEqual(expected);
});

beforeEach(async () => {
  ({ base, release, runtime } = await copyOfInstall(pattern));
  node = path.join(runtime, 'bin/node');
  entry = path.join(release, 'lib/power-1.0.0/main.js');
  text = path.join(release, 'lib/power-1.0.0/data/text.txt');
});

describe.skipIf(lacks('mounts'))('after a loss of power before the install was on the disk,', () => {
  describe.each(Object.entries(TORN))('with %s in', (_, tear) => {
    test.each([
      ['the runtime', () => [node]],
      ['the entry', () => [entry]],
      ['a file that the program reads', () => [text]],
      ['all of them', () => [node, entry, text]],
    ])('%s, the program runs as it was made', async (_what, torn) => {
      for (const name of torn()) await tear(name);
      expect(await start(await restarted())).toEqual(expected);
      await expectWhole();
    });
  });

  test('a file of another size does not hide one that is torn and has its own', async () => {
    await TORN['no bytes'](entry);
    await TORN['half of its bytes'](node);
    await TORN['nothing but zeros'](text);
    expect(await start(await restarted())).toEqual(expected);
    await expectWhole();
  });

  test.skipIf(lacks('strace'))('what is torn is replaced before anything is executed', async () => {
    for (const name of [node, entry, text]) await TORN['nothing but zeros'](name);
    const lines = await traceOf(['execve', 'renameat', 'renameat2'], await restarted());
    const executed = lines.findIndex((line) => line.includes(`execve("${base}`));
    const before = lines.slice(0, executed).filter((line) => line.includes('rename'));
    for (const name of ['"bin/node"', 'power-1.0.0/main.js"', 'data/text.txt"']) {
      expect(before).toContainEqual(expect.stringContaining(name));
    }
    expect(lines.slice(executed).filter((line) => line.includes('rename'))).toEqual([]);
  });

  test.skipIf(lacks('strace'))('all is read once, and not by the next run', async () => {
    const surroundings = await restarted();
    expect(await filesRead(surroundings)).toEqual(
      expect.arrayContaining(['bin/node', path.relative(release, text)]),
    );
    expect(await filesRead(surroundings)).toEqual([]);
  });

  test.skipIf(lacks('strace'))('all is read once, where every run has another boot id', async () => {
    expect(await filesRead(await restarted())).not.toEqual([]);
    expect(await filesRead(await restarted())).toEqual([]);
  });

  test.skipIf(lacks('strace')).each([1, 2, 3, 4, 5, 6])(
    'a run that is killed while it mends is followed by one that does (at rename %d)',
    async (nth) => {
      for (const name of [node, text]) await TORN['nothing but zeros'](name);
      const under = await restarted();
      const inject = [`renameat:signal=KILL:when=${nth}`];
      const killed = await runTraced(file, [], { env: env(), under, inject });
      expect(killed).toMatchObject({ stdout: '', signal: 'SIGKILL' });
      expect(await start(under)).toEqual(expected);
      await expectWhole();
    },
  );
});

describe('a marker that the disk holds in part', () => {
  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['empty', () => Buffer.alloc(0)],
    ['of zeros', (bytes) => Buffer.alloc(bytes.length)],
    ['with zeros at its end', (bytes) => Buffer.concat([bytes, Buffer.alloc(3)])],
    [
      'with zeros in its middle',
      (bytes) => Buffer.concat([bytes.subarray(0, 90), Buffer.alloc(9), bytes.subarray(99)]),
    ],
    ['cut in a line', (bytes) => bytes.subarray(0, bytes.length - 3)],
    ['cut behind its first line', (bytes) => bytes.subarray(0, bytes.indexOf('\n') + 1)],
    ['cut before the boot id', (bytes) => bytes.subarray(0, bytes.indexOf('boot '))],
    ['of something else', () => Buffer.from('#!/bin/sh\n')],
  ])('%s is none: everything is read', async (_, tear) => {
    for (const directory of [release, runtime]) {
      const name = path.join(directory, '.sarma/marker');
      await writeFile(name, tear(await readFile(name)));
    }
    for (const name of [node, entry, text]) await TORN['nothing but zeros'](name);
    expect(await start()).toEqual(expected);
    await expectWhole();
  });
});

describe.skipIf(lacks('mounts', 'strace'))('an install that is on the disk', () => {
  test('is synced by the first run that comes a minute later, and never read again', async () => {
    await age();
    const lines = await traceOf(['syncfs', 'execve']);
    expect(lines.filter((line) => line.includes('syncfs('))).not.toEqual([]);
    expect([await isDurable(release), await isDurable(runtime)]).toEqual([true, true]);
    for (let boot = 0; boot < 2; boot++) expect(await filesRead(await restarted())).toEqual([]);
    expect((await traceOf(['syncfs'])).filter((line) => line.includes('syncfs('))).toEqual([]);
  });

  test('is not said to be there by a run that was killed before it was synced', async () => {
    await age();
    await runTraced(file, [], { env: env(), inject: ['syncfs:signal=KILL:when=1'] });
    expect([await isDurable(release), await isDurable(runtime)]).toEqual([false, false]);
    await TORN['nothing but zeros'](text);
    expect(await start(await restarted())).toEqual(expected);
    await expectWhole();
  });

  test('is not said to be there if it cannot be synced', async () => {
    await age();
    const transcript = await runTraced(file, [], { env: env(), inject: ['syncfs:error=EIO'] });
    expect(transcript).toEqual(expected);
    expect([await isDurable(release), await isDurable(runtime)]).toEqual([false, false]);
  });

  test.each([1, 2, 3])(
    'but for what a repair brought back and did not come to sync (killed at rename %d)',
    async (nth) => {
      await age();
      expect(await start()).toEqual(expected);
      expect(await isDurable(release)).toBe(true);
      await unlink(text);
      const killed = await runTraced(file, [], { env: env(), inject: [`renameat:signal=KILL:when=${nth}`] });
      expect(killed.signal).toBe('SIGKILL');
      // At the first, nothing has come back yet.
      if (nth > 1) expect(await isDurable(release)).toBe(false);
      if (nth > 2) await TORN['nothing but zeros'](text);
      expect(await start(await restarted())).toEqual(expected);
      await expectWhole();
    },
  );
});

describe.skipIf(lacks('mounts', 'strace'))('where there is no boot id,', () => {
  test('an install is synced before it appears, and never read again', async () => {
    base = await temporaryDirectory();
    const lines = await traceOf(['syncfs', 'renameat', 'execve'], WITHOUT_BOOT_ID);
    for (const folder of ['runtimes', 'releases']) {
      const published = lines.findIndex(
        (line) => line.includes('renameat(') && new RegExp(`${folder}/[^/"]*"\\)`).test(line),
      );
      const synced = lines.slice(0, published).filter((line) => line.includes('syncfs('));
      expect(synced.length).toBeGreaterThanOrEqual(folder === 'runtimes' ? 1 : 2);
    }
    ({ release, runtime } = await onlyInstall(base));
    expect([await isDurable(release), await isDurable(runtime)]).toEqual([true, true]);
    expect(await filesRead(WITHOUT_BOOT_ID)).toEqual([]);
  });

  test('one that was made where there is, and not synced, is read', async () => {
    for (const name of [node, text]) await TORN['nothing but zeros'](name);
    expect(await start(WITHOUT_BOOT_ID)).toEqual(expected);
    await expectWhole();
    expect(await filesRead(WITHOUT_BOOT_ID)).toEqual([]);
  });

  test('a repair is synced before its marker says so', async () => {
    base = await temporaryDirectory();
    expect(await start(WITHOUT_BOOT_ID)).toEqual(expected);
    ({ release } = await onlyInstall(base));
    await unlink(path.join(release, 'lib/power-1.0.0/data/text.txt'));
    const lines = await traceOf(['syncfs', 'renameat', 'execve'], WITHOUT_BOOT_ID);
    const calls = lines.flatMap(
      (line) =>
        /(syncfs)\(|renameat\([^"]*"[^"]*"[^"]*"([^"]*)"/.exec(line)?.slice(1, 3).filter(Boolean) ?? [],
    );
    expect(calls.slice(0, 4)).toEqual([
      '.sarma/marker',
      expect.stringMatching(/text\.txt$/),
      'syncfs',
      '.sarma/marker',
    ]);
  });
});
