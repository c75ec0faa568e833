// The first run and what comes after it (promises P6 and P7): many at once, killed ones, lost and torn files.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, readFile, rm, stat, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listing, marker, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';

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
  // Each moment is the nth call of one system call in a thread; the long test has all of them.
  test.each([
    ['before anything is there', 'mkdirat', 1],
    ['while the layout of the base is made', 'mkdirat', 3],
    ['with a temporary directory made', 'mkdirat', 6],
    ['before room for the runtime is taken', 'fallocate', 1],
    ['while the runtime is written', 'pwrite64', 2],
    ['while files of the release are written', 'write', 3],
    ['before the marker of the runtime is renamed', 'renameat', 1],
    ['before the runtime is published', 'renameat', 2],
    ['between runtime and release', 'renameat', 3],
    ['before the release is published', 'renameat', 4],
    ['when all is done but the execution', 'execve', 1],
  ])('%s, is made good by the next', async (_, call, nth) => {
    const killed = await run('strace', [
      ...['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`],
      ...['-e', `inject=${call}:signal=KILL:when=${nth}`, '-E', `SARMA_CACHE_DIR=${base}`, file, 'a', 'b'],
    ]);
    expect(killed).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    expect(await start()).toEqual(expected);
    expect(await listing(base)).toEqual(await listing(pattern));
  });

  test('is made good by the next version, too', async () => {
    await run('strace', [
      ...['-f', '-qq', '-o', '/dev/null', '-e', 'trace=renameat', '-e', 'inject=renameat:signal=KILL:when=4'],
      ...['-E', `SARMA_CACHE_DIR=${base}`, file],
    ]);
    expect(await temporaries()).not.toEqual([]);
    const next = await makeProgram({ name: 'install', version: '2.0.0', bin: 'main.js' }, { 'main.js': '' });
    await run(await wrapProgram(next), [], { env: { SARMA_CACHE_DIR: base } });
    expect(await temporaries()).toEqual([]);
  });
});

describe('an installed program', () => {
  let install: Awaited<ReturnType<typeof onlyInstall>>;
  let application: string;

  beforeEach(async () => {
    await execa('cp', ['-aT', pattern, base]);
    expect(await listing(base)).toEqual(await listing(pattern));
    install = await onlyInstall(base);
    application = path.join(install.release, 'lib/install-1.0.0');
  });

  /** The next run repairs what `damage` did, and the install is as it was. */
  const isRepairedAfter = async (damage: () => Promise<unknown>) => {
    await damage();
    expect(await listing(base)).not.toEqual(await listing(pattern));
    expect(await start()).toEqual(expected);
    expect(await listing(base)).toEqual(await listing(pattern));
  };

  test('that lost a file has it back', async () => {
    await isRepairedAfter(async () => await unlink(path.join(application, 'data/deep/text.txt')));
  });

  test('that lost its entry has it back', async () => {
    await isRepairedAfter(async () => await unlink(path.join(application, 'main.js')));
  });

  test('that lost a directory has it back', async () => {
    await isRepairedAfter(async () => await rm(path.join(application, 'data'), { recursive: true }));
  });

  test('with a file where a directory was has that back', async () => {
    await rm(path.join(application, 'data'), { recursive: true });
    await writeFile(path.join(application, 'data'), 'in the way');
    expect(await start()).toEqual(expected);
    expect(await readFile(path.join(application, 'data.replaced'), 'utf8')).toBe('in the way');
  });

  test('that lost its marker is checked and kept', async () => {
    await isRepairedAfter(async () => await rm(path.join(install.release, '.sarma'), { recursive: true }));
  });

  test('whose runtime was truncated has it back', async () => {
    await isRepairedAfter(async () => await truncate(path.join(install.runtime, 'bin/node'), 1_000_000));
  });

  test('whose runtime was written to has it back, even with its size unchanged', async () => {
    await isRepairedAfter(async () => {
      const node = path.join(install.runtime, 'bin/node');
      const bytes = await readFile(node);
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(node, bytes);
    });
  });

  test('whose runtime or release is gone has it back', async () => {
    await isRepairedAfter(async () => await rm(install.runtime, { recursive: true }));
    await isRepairedAfter(async () => await rm(install.release, { recursive: true }));
  });

  test('whose release is a file or a link instead is installed anew', async () => {
    await rm(install.release, { recursive: true });
    await writeFile(install.release, '');
    expect(await start()).toEqual(expected);
    expect(await listing(base)).toEqual(await listing(pattern));
  });

  test('is repaired while it runs', async () => {
    const waiting = spawn(path.join(install.runtime, 'bin/node'), ['-e', 'setTimeout(() => {}, 60_000)']);
    await once(waiting, 'spawn');
    await isRepairedAfter(async () => await utimes(path.join(install.runtime, 'bin/node'), 1, 1));
    await isRepairedAfter(async () => await unlink(path.join(install.runtime, 'bin/node')));
    waiting.kill();
    await once(waiting, 'close');
  });

  test('keeps files that the program wrote beside its own', async () => {
    await writeFile(path.join(application, 'data/written'), 'by the program');
    await unlink(path.join(application, 'data/other.txt'));
    expect(await start()).toEqual(expected);
    expect(await readFile(path.join(application, 'data/written'), 'utf8')).toBe('by the program');
    expect(await readFile(path.join(application, 'data/other.txt'), 'utf8')).toBe('other\n');
  });

  describe('after a loss of power', () => {
    const otherBoot = async (directory: string) => {
      const name = path.join(directory, '.sarma/marker');
      const text = await readFile(name, 'utf8');
      await writeFile(name, text.replace(/^boot .*/m, 'boot 00000000-0000-0000-0000-000000000000'));
    };
    /** Other bytes of the same length under the same time, as a disk that lost the last ones shows them. */
    const tear = async (name: string) => {
      const { size, mtime } = await stat(name);
      await writeFile(name, Buffer.alloc(size));
      await utimes(name, mtime, mtime);
    };

    test('runs with its own bytes, not torn ones', async () => {
      await tear(path.join(application, 'main.js'));
      await tear(path.join(install.runtime, 'bin/node'));
      await otherBoot(install.release);
      await otherBoot(install.runtime);
      expect(await start()).toEqual(expected);
      const { sha256 } = JSON.parse((await run(file, ['maintenance', 'meta'])).stdout).runtime;
      const node = await readFile(path.join(install.runtime, 'bin/node'));
      expect(createHash('sha256').update(node).digest('hex')).toBe(sha256);
    });

    test('is not looked at again once it was synced', async () => {
      const long = String(Math.floor(Date.now() / 1000) - 100);
      for (const directory of [install.release, install.runtime]) {
        const name = path.join(directory, '.sarma/marker');
        await writeFile(name, (await readFile(name, 'utf8')).replace(/^installed .*/m, `installed ${long}`));
      }
      expect(await start()).toEqual(expected);
      expect((await marker(install.release)).get('durable')).toBe('1');
      expect((await marker(install.runtime)).get('durable')).toBe('1');
      await otherBoot(install.release);
      const before = (await stat(path.join(install.release, '.sarma/marker'))).mtimeMs;
      expect(await start()).toEqual(expected);
      expect((await stat(path.join(install.release, '.sarma/marker'))).mtimeMs).toBe(before);
    });

    test('a torn marker is none', async () => {
      await writeFile(path.join(install.release, '.sarma/marker'), '');
      await tear(path.join(application, 'data/deep/text.txt'));
      expect(await start()).toEqual(expected);
      await appendFile(path.join(install.release, '.sarma/marker'), '\0\0\0');
      expect(await start()).toEqual(expected);
    });
  });
});
