// What is lost of an install comes back by the next run (promise P7); loss.long.test.ts has every single file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { copyOfInstall, listing, onlyInstall } from './support/installs.ts';
import { writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';

/** Prints all that lies in the release, but for what a repair keeps and the program wrote: kind, mode, bytes or target. */
const PRINT_ALL = `
  const { execFileSync } = require('node:child_process');
  const { createHash } = require('node:crypto');
  const { readdirSync, readFileSync, readlinkSync, lstatSync } = require('node:fs');
  const path = require('node:path');
  const root = path.resolve(__dirname, '../..');
  console.log(execFileSync(path.join(__dirname, 'tool.sh'), { encoding: 'utf8' }), require('./link.js'));
  for (const name of readdirSync(root, { recursive: true }).sort()) {
    if (/^\\.sarma|\\.replaced|written/.test(name)) continue;
    const file = path.join(root, name);
    const found = lstatSync(file);
    const content = found.isFile() ? createHash('sha256').update(readFileSync(file)).digest('hex') : '';
    console.log(name, found.mode.toString(8), found.isSymbolicLink() ? readlinkSync(file) : content);
  }
`;

let file: string;
/** The base of an undisturbed first run, and what the program printed there. */
let pattern: string;
let expected: Transcript;
let base: string;
let release: string;
let node: string;
let application: string;

const start = async () => await run(file, [], { env: { SARMA_CACHE_DIR: base } });

beforeAll(async () => {
  const directory = await temporaryDirectory();
  await writeFiles(directory, {
    'package.json': '{ "name": "lost", "version": "1.0.0", "bin": "main.js" }',
    'main.js': PRINT_ALL,
    'target.js': 'module.exports = "linked";',
    'tool.sh': '#!/bin/sh\necho tool\n',
    'data/deep/er/text.txt': 'text\n',
    'data/empty': '',
    'data/with space, ü and\nline': 'odd\n',
    'data/.hidden': 'hidden\n',
    'data/large.json': JSON.stringify(Array.from({ length: 100_000 }, (_, index) => index)),
  });
  await chmod(path.join(directory, 'tool.sh'), 0o755);
  await symlink('target.js', path.join(directory, 'link.js'));
  await symlink('data/deep', path.join(directory, 'deep'));
  file = await wrapProgram({ directory, entry: 'main.js' });
  base = pattern = await temporaryDirectory();
  expected = await start();
  expect(expected).toMatchObject({ stderr: '', exitCode: 0 });
  expect(expected.stdout).toContain('lib/lost-1.0.0/link.js 120777 target.js\n');
  expect(expected.stdout).toContain('lib/lost-1.0.0/tool.sh 100755');
});

beforeEach(async () => {
  const install = await copyOfInstall(pattern);
  ({ base, release } = install);
  node = path.join(install.runtime, 'bin/node');
  application = path.join(release, 'lib/lost-1.0.0');
});

/** The next run repairs what `damage` did, and the install is as it was. */
async function isRepairedAfter(damage: () => Promise<unknown>): Promise<void> {
  await damage();
  expect(await start()).toEqual(expected);
  expect(await listing(base)).toEqual(await listing(pattern));
}

describe('an installed program', () => {
  test.each(['runtimes', 'releases', '.'])('that lost %s has all of it back', async (folder) => {
    await isRepairedAfter(async () => await rm(path.join(base, folder), { recursive: true }));
  });

  test('does without the locks that made it', async () => {
    await rm(path.join(base, 'locks'), { recursive: true });
    expect(await start()).toEqual(expected);
    await isRepairedAfter(async () => await unlink(path.join(application, 'data/empty')));
  });

  test('that lost several files and a directory at once has all of them back', async () => {
    await isRepairedAfter(async () => {
      for (const name of ['target.js', 'tool.sh', 'package.json']) await unlink(path.join(application, name));
      await rm(path.join(application, 'data'), { recursive: true });
      await unlink(node);
    });
  });

  test('whose links are lost, lead elsewhere or are something else has them back', async () => {
    for (const name of ['link.js', 'deep']) {
      const link = path.join(application, name);
      await isRepairedAfter(async () => await unlink(link));
      await isRepairedAfter(async () => {
        await unlink(link);
        await symlink('/etc/passwd', link);
      });
      for (const other of [
        writeFile,
        async (place: string) => await mkdir(path.join(place, 'x'), { recursive: true }),
      ]) {
        await unlink(link);
        await other(link, 'in the way');
        expect(await start()).toEqual(expected);
        await rm(`${link}.replaced`, { recursive: true });
        await isRepairedAfter(async () => {});
      }
    }
  });

  test.each(['lib', 'lib/lost-1.0.0/data', '.sarma'])(
    'whose directory %s others can write to is read anew and closed to them',
    async (name) => {
      await isRepairedAfter(async () => await chmod(path.join(release, name), 0o777));
      await chmod(path.join(release, name), 0o2775);
      expect((await run(file, ['maintenance', 'verify'], { env: { SARMA_CACHE_DIR: base } })).exitCode).toBe(
        0,
      );
      expect(((await stat(path.join(release, name))).mode & 0o777).toString(8)).toBe('755');
    },
  );

  test('that others can write to as a whole is not run, and `verify` closes it to them', async () => {
    for (const place of [release, path.dirname(release)]) {
      await chmod(place, 0o777);
      expect((await run(file, ['maintenance', 'verify'], { env: { SARMA_CACHE_DIR: base } })).exitCode).toBe(
        0,
      );
      expect(await listing(base)).toEqual(await listing(pattern));
    }
  });

  test.skipIf(lacks('setpriv'))('whose directories lost all their permissions has them back', async () => {
    // The other directories of tests are root's alone.
    const place = await mkdtemp('/var/tmp/sarma-test-');
    onTestFinished(async () => await rm(place, { recursive: true }));
    await chmod(place, 0o755);
    const executable = path.join(place, 'app');
    await execa('install', ['-m', '755', file, executable]);
    const own = path.join(place, 'base');
    await execa('cp', ['-aT', base, own]);
    await execa('chown', ['-R', '1234:1234', own]);
    const install = await onlyInstall(own);
    const started = async (...args: readonly string[]) =>
      await run('setpriv', ['--reuid=1234', '--regid=1234', '--clear-groups', executable, ...args], {
        env: { SARMA_CACHE_DIR: own, HOME: '/nowhere' },
      });
    for (const [name, args] of [
      ['lib', []],
      ['.sarma', []],
      ['lib', ['maintenance', 'verify']],
      ['.', ['maintenance', 'verify']],
    ] as const) {
      await chmod(path.join(install.release, name), 0);
      expect((await started(...args)).exitCode).toBe(0);
      expect(((await stat(path.join(install.release, name))).mode & 0o777).toString(8)).toBe('755');
    }
  });

  test.each<[string, (file: string) => Promise<unknown>]>([
    ['was truncated', async (name) => await truncate(name, 1_000_000)],
    ['is empty', async (name) => await truncate(name, 0)],
    ['grew', async (name) => await writeFile(name, 'more', { flag: 'a' })],
    ['lost its execute bits', async (name) => await chmod(name, 0o644)],
    ['lost all its permissions', async (name) => await chmod(name, 0)],
    ['was touched', async (name) => await utimes(name, 1, 1)],
    [
      'was written to, with its size unchanged',
      async (name) => {
        const bytes = await readFile(name);
        bytes[bytes.length >> 1]! ^= 1;
        await writeFile(name, bytes);
      },
    ],
    ['is called otherwise', async (name) => await rename(name, path.join(base, 'moved'))],
  ])('whose runtime %s has it back', async (_, damage) => {
    await damage(node);
    expect(await start()).toEqual(expected);
    await rm(path.join(base, 'moved'), { force: true });
    expect(await listing(base)).toEqual(await listing(pattern));
    expect((await readFile(node)).equals(await readFile(node.replace(base, pattern)))).toBe(true);
  });

  test('with something else in the place of a file or a directory has it back, and keeps what was there once', async () => {
    const names = [
      node,
      path.join(application, 'main.js'),
      path.join(application, 'data'),
      path.join(release, '.sarma'),
    ];
    for (const name of [...names, path.join(release, '.sarma/marker')]) {
      const isDirectory = (await lstat(name)).isDirectory();
      for (const content of ['first', 'second']) {
        await rm(name, { recursive: true });
        const inside = isDirectory ? name : path.join(name, 'inside');
        await mkdir(path.dirname(inside), { recursive: true });
        await writeFile(inside, content);
        expect({ name, ...(await start()) }).toEqual({ name, ...expected });
        const kept = isDirectory ? `${name}.replaced` : path.join(`${name}.replaced`, 'inside');
        expect(await readFile(kept, 'utf8')).toBe('first');
      }
      await rm(`${name}.replaced`, { recursive: true });
      await isRepairedAfter(async () => {});
    }
  });

  test.each(['release', 'runtime'])('whose %s is a file instead is installed anew', async (which) => {
    await isRepairedAfter(async () => {
      const install = (await onlyInstall(base))[which as 'release' | 'runtime'];
      await rm(install, { recursive: true });
      await writeFile(install, '');
    });
  });

  test('is repaired while it runs', async () => {
    const waiting = spawn(node, ['-e', 'setTimeout(() => {}, 60_000)']);
    try {
      await once(waiting, 'spawn');
      await isRepairedAfter(async () => await utimes(node, 1, 1));
      await isRepairedAfter(async () => await unlink(node));
    } finally {
      waiting.kill();
      await once(waiting, 'close');
    }
  });

  test('keeps files that the program wrote beside its own, and what somebody changed, the first time', async () => {
    await writeFile(path.join(application, 'data/written'), 'by the program');
    const changed = path.join(application, 'target.js');
    for (const text of ['first', 'second']) {
      await writeFile(changed, `module.exports = '${text}';`);
      await unlink(path.join(application, 'data/empty'));
      expect(await start()).toEqual(expected);
      expect(await readFile(`${changed}.replaced`, 'utf8')).toBe("module.exports = 'first';");
      expect(await readFile(path.join(application, 'data/written'), 'utf8')).toBe('by the program');
    }
  });

  test('has everything back by `maintenance verify`, also what no run looks for', async () => {
    await truncate(path.join(application, 'data/large.json'), 10);
    await chmod(path.join(application, 'tool.sh'), 0o644);
    const bytes = await readFile(path.join(application, 'data/deep/er/text.txt'));
    bytes[0]! ^= 1;
    await writeFile(path.join(application, 'data/deep/er/text.txt'), bytes);
    const fixed = new Date('2000-01-01T00:00:00Z');
    await utimes(path.join(application, 'data/deep/er/text.txt'), fixed, fixed);
    const verify = await run(file, ['maintenance', 'verify'], { env: { SARMA_CACHE_DIR: base } });
    expect(verify).toMatchObject({ stderr: `${release}: repaired 3 files\n`, exitCode: 0 });
    expect(await start()).toEqual(expected);
  });
});
