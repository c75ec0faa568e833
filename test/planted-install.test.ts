// What somebody put into an install, or into the directory of the locks, is neither run, nor written through, nor waited for
// without end (promise P10).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { listing, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';
import { runTraced } from './support/strace.ts';

const expected: Transcript = { stdout: 'its own\n', stderr: '', exitCode: 0, signal: undefined };

let file: string;
/** An undisturbed install, and a copy of it that each test does with as it likes. */
let pattern: string;
let base: string;
let release: string;
let runtime: string;
let marker: string;

const start = async () => await run(file, [], { env: { SARMA_CACHE_DIR: base }, timeout: 20_000 });
const files = async () => await listing(base);

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'own', bin: 'main.js' },
    { 'main.js': `console.log(require('./text.js'));`, 'text.js': `module.exports = 'its own';` },
  );
  file = await wrapProgram(program);
  pattern = path.join(await temporaryDirectory(), 'base');
  expect(await run(file, [], { env: { SARMA_CACHE_DIR: pattern } })).toEqual(expected);
});

beforeEach(async () => {
  base = path.join(await temporaryDirectory(), 'base');
  await execa('cp', ['-aT', pattern, base]);
  ({ release, runtime } = await onlyInstall(base));
  marker = path.join(release, '.sarma/marker');
});

/** A directory elsewhere with files as they lie in `directory`, but for what the program prints. */
async function forged(directory: string): Promise<string> {
  const copy = path.join(await temporaryDirectory(), 'forged');
  await execa('cp', ['-aT', directory, copy]);
  for (const name of await readdir(copy, { recursive: true })) {
    const one = path.join(copy, name);
    if (name.endsWith('text.js')) await writeFile(one, `module.exports = 'planted';`);
    if (path.basename(name) !== 'node') continue;
    const { size } = await stat(one);
    await writeFile(one, '#!/bin/sh\necho planted\nexit\n');
    await truncate(one, size);
  }
  await execa('find', [copy, '-exec', 'touch', '-hd', '2000-01-01 00:00:00 UTC', '{}', '+']);
  return copy;
}

describe('a marker', () => {
  test('that claims the id of the program, with other files beside it, is not believed', async () => {
    const text = await readFile(marker, 'utf8');
    await execa('find', [release, '-mindepth', '1', '-delete']);
    await mkdir(path.join(release, '.sarma'));
    await mkdir(path.join(release, 'lib/own-1.0.0'), { recursive: true });
    await writeFile(path.join(release, 'lib/own-1.0.0/main.js'), 'console.log("planted")');
    await writeFile(marker, text.replace(/^durable .*/m, 'durable 1').replaceAll(/^directory .*\n/gm, ''));
    expect(await start()).toEqual(expected);
  });

  test('of another program is not believed', async () => {
    await writeFile(
      marker,
      (await readFile(marker, 'utf8')).replace(/^id .*/m, (line) => line.replaceAll(/\d/g, '0')),
    );
    await writeFile(path.join(release, 'lib/own-1.0.0/text.js'), `module.exports = 'planted'`);
    expect(await start()).toEqual(expected);
    expect(await files()).toMatchObject(await listing(pattern));
  });

  test.for([
    ['a pipe', async () => await execa('mkfifo', [marker])],
    ['a directory', async () => await mkdir(path.join(marker, 'x'), { recursive: true })],
    ['a device', async () => await execa('mknod', [marker, 'c', '1', '5'])],
    ['a link to a pipe', async () => await linkToPipe()],
    ['a file of 20 GB', async () => await execa('truncate', ['-s', '20G', marker])],
  ] as const)('that is %s is none, and is replaced', async ([what, plant], { skip }) => {
    skip(what === 'a device' && lacks('root'));
    await rm(marker);
    await plant();
    expect(await start()).toEqual(expected);
    expect((await stat(marker)).isFile()).toBe(true);
    expect(await start()).toEqual(expected);
  });

  const linkToPipe = async () => {
    const pipe = path.join(path.dirname(base), 'pipe');
    await execa('mkfifo', [pipe]);
    await symlink(pipe, marker);
  };

  test('whose directory is a link is not written through it', async () => {
    const elsewhere = await temporaryDirectory();
    await rm(path.join(release, '.sarma'), { recursive: true });
    await symlink(elsewhere, path.join(release, '.sarma'));
    expect(await start()).toEqual(expected);
    expect(await readdir(elsewhere)).toEqual([]);
  });
});

describe('a link in an install', () => {
  test.each([
    ['the directory of the application', () => path.join(release, 'lib/own-1.0.0')],
    ['a directory above it', () => path.join(release, 'lib')],
    ['the directory of the runtime', () => path.join(runtime, 'bin')],
    ['the whole release', () => release],
    ['the whole runtime', () => runtime],
  ])('in the place of %s is replaced, and what it leads to is left alone', async (_, place) => {
    const elsewhere = await forged(place());
    const before = await listing(elsewhere);
    await rm(place(), { recursive: true });
    await symlink(elsewhere, place());
    expect(await start()).toEqual(expected);
    expect(await listing(elsewhere)).toEqual(before);
    expect(await start()).toEqual(expected);
  });

  test('in the place of the runtime is replaced, and nothing is executed or written through it', async () => {
    const node = path.join(runtime, 'bin/node');
    const elsewhere = path.join(await temporaryDirectory(), 'node');
    await writeFile(elsewhere, '#!/bin/sh\necho planted\n');
    await chmod(elsewhere, 0o755);
    await rm(node);
    await symlink(elsewhere, node);
    expect(await start()).toEqual(expected);
    expect(await readFile(elsewhere, 'utf8')).toContain('planted');
  });
});

test('other names of an installed file (hard links) keep their bytes when it is repaired', async () => {
  const text = path.join(release, 'lib/own-1.0.0/text.js');
  const other = path.join(await temporaryDirectory(), 'other');
  await writeFile(text, `module.exports = 'changed by somebody'`);
  await link(text, other);
  expect((await run(file, ['maintenance', 'verify'], { env: { SARMA_CACHE_DIR: base } })).exitCode).toBe(0);
  expect(await start()).toEqual(expected);
  expect(await readFile(other, 'utf8')).toBe(`module.exports = 'changed by somebody'`);
  expect((await stat(text)).nlink).toBe(1);
});

test('a temporary of a guessed name that is a link is not followed when temporaries are removed', async () => {
  const precious = await temporaryDirectory();
  await writeFile(path.join(precious, 'file'), '');
  await rm(release, { recursive: true });
  await symlink(precious, `${release}.0123456789abcdef.tmp`);
  await mkdir(`${release}.fedcba9876543210.tmp/x`, { recursive: true });
  await symlink(precious, `${release}.fedcba9876543210.tmp/x/link`);
  expect(await start()).toEqual(expected);
  expect(await readdir(precious)).toEqual(['file']);
  expect(Object.keys(await files()).filter((name) => name.includes('fedcba'))).toEqual([]);
});

describe('a lock', () => {
  let lock: string;

  beforeEach(async () => {
    lock = path.join(base, 'locks', `${path.basename(release)}.install`);
    await rm(lock);
    await rm(release, { recursive: true });
  });

  test('that is a pipe is as good as a file', async () => {
    await execa('mkfifo', [lock]);
    expect(await start()).toEqual(expected);
    expect(await listing(release)).toEqual(await listing((await onlyInstall(pattern)).release));
  });

  test('that is a directory leads to the next place', async () => {
    await mkdir(lock);
    expect(await startElsewhere()).toMatchObject({ stdout: 'its own\n', exitCode: 0 });
    await expect(stat(release)).rejects.toThrow('ENOENT');
  });

  test('that is a link leads to the next place, and what it leads to is left alone or not made', async () => {
    const precious = path.join(path.dirname(base), 'precious');
    await symlink(precious, lock);
    expect(await startElsewhere()).toMatchObject({ stdout: 'its own\n', exitCode: 0 });
    await expect(stat(precious)).rejects.toThrow('ENOENT');
  });

  test.skipIf(lacks('strace'))('that is held for ever leads to the next place', async () => {
    const holder = spawn('flock', ['--no-fork', lock, 'sh', '-c', 'echo held; exec sleep 1000'], {
      stdio: 'pipe',
    });
    onTestFinished(() => void holder.kill());
    await once(holder.stdout, 'data');
    // What it sleeps between two looks takes no time here; that it looks no more than for a minute is its own doing.
    const log = path.join(path.dirname(base), 'trace');
    const sleeps = ['nanosleep', 'clock_nanosleep'];
    const { stdout, stderr } = await runTraced(file, [], {
      env: {
        OWN_INSTALL_DIR: base,
        SARMA_CACHE_DIR: path.join(path.dirname(base), 'next'),
        SARMA_DEBUG: '1',
      },
      inject: sleeps.map((call) => `${call}:retval=0`),
      log,
    });
    expect(stdout).toBe('its own\n');
    expect(stderr).toContain(`${base}: another process has held ${lock} for 60 s\n`);
    const slept = (await readFile(log, 'utf8')).match(/\bnanosleep\(\{tv_sec=0, tv_nsec=10000000\}/g);
    expect(slept).toHaveLength(6000);
  });

  test('that is held is not waited for where a later place has the whole install', async () => {
    const holder = spawn('flock', ['--no-fork', lock, 'sh', '-c', 'echo held; exec sleep 1000'], {
      stdio: 'pipe',
    });
    onTestFinished(() => void holder.kill());
    await once(holder.stdout, 'data');
    const env = { OWN_INSTALL_DIR: base, SARMA_CACHE_DIR: pattern };
    // No minute passes.
    expect(await run(file, [], { env, timeout: 30_000 })).toEqual(expected);
    await expect(stat(release)).rejects.toThrow('ENOENT');
  });

  const startElsewhere = async () =>
    await run(file, [], {
      env: { OWN_INSTALL_DIR: base, SARMA_CACHE_DIR: path.join(path.dirname(base), 'next') },
    });
});

test('a file in the place of the folder of the locks leads to the next place', async () => {
  await rename(path.join(base, 'locks'), path.join(base, 'away'));
  await writeFile(path.join(base, 'locks'), '');
  await rm(release, { recursive: true });
  const env = { OWN_INSTALL_DIR: base, SARMA_CACHE_DIR: path.join(path.dirname(base), 'next') };
  expect(await run(file, [], { env })).toEqual(expected);
});
