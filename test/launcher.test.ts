// The launcher's log mode: what carries the output of a daemon into files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launcherPath } from '@sarma/stub';
import { hostTarget, loadTargets } from '@sarma/wrapper';
import { beforeEach, expect, test } from 'vitest';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory } from './support/run.ts';

let launcher: string;
let directory: string;
let file: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  launcher = launcherPath(hostTarget(await loadTargets(directory)).name);
  file = path.join(directory, 'node.log');
});

const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');
const carry = async (input: string, args: readonly string[] = []) =>
  await run(launcher, ['log', file, ...args], { input });
/** All that is kept, oldest first. */
const kept = async () => {
  const names = (await readdir(directory)).filter((name) => name.startsWith('node.log'));
  const number = (name: string) => Number(name.split('.')[2] ?? 0);
  const texts = names
    .sort((a, b) => number(b) - number(a))
    .map((name) => readFile(path.join(directory, name), 'utf8'));
  return await Promise.all(texts);
};

test('what is printed is appended to the file, which only its owner can read', async () => {
  await writeFile(file, 'before\n', { mode: 0o600 });
  expect(await carry('one\ntwo')).toEqual({ stdout: '', stderr: '', exitCode: 0, signal: undefined });
  expect(await kept()).toEqual(['before\none\ntwo']);
  file = path.join(directory, 'new.log');
  await carry('x');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a full file is followed by a new one at the end of a line, and the oldest is dropped', async () => {
  await carry(lines(10_000), ['--bytes', '20000', '--files', '3']);
  const texts = await kept();
  expect(texts).toHaveLength(3);
  for (const text of texts) {
    expect(text.length).toBeLessThanOrEqual(20_000);
    expect(text).toMatch(/^line \d+\n[\s\S]*\n$/);
  }
  // Without a gap, up to the last line.
  expect(lines(10_000).endsWith(texts.join(''))).toBe(true);
});

test('a line that is longer than a file is cut, nothing of it lost', async () => {
  const long = `${'x'.repeat(250_000)}\nend\n`;
  await carry(long, ['--bytes', '20000', '--files', '100']);
  expect((await kept()).join('')).toBe(long);
  expect((await kept()).length).toBeGreaterThan(4);
});

test('one file is emptied when it is full', async () => {
  await carry(lines(3000), ['--bytes', '5000', '--files', '1']);
  expect(await kept()).toHaveLength(1);
  expect((await kept())[0]).toMatch(/line 3000\n$/);
});

test('it goes on until the last writer has ended, whatever ends other programs', async () => {
  const child = spawn(launcher, ['log', file], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.write('first\n');
  while ((await stat(file).catch(() => undefined))?.size !== 6) await sleep(20);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) child.kill(signal);
  await sleep(100);
  child.stdin.end('last\n');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(await kept()).toEqual(['first\nlast\n']);
});

test('a file that cannot be opened is a sentence and exit code 125', async () => {
  file = path.join(directory, 'no/node.log');
  expect(await carry('x')).toMatchObject({
    exitCode: 125,
    stderr: `sarma: cannot write ${file}: no such file or directory\n`,
  });
});

test.each([[[]], [['log']], [['log', 'x', '--bytes', '0']], [['log', 'x', '--files']], [['lgo', 'x']]])(
  'the words %j are answered by its usage',
  async (args) => {
    const { exitCode, stderr } = await run(launcher, args);
    const hold = process.platform === 'linux' ? ', or: launcher hold RECORD PID' : '';
    const usage = `sarma: usage: launcher log FILE [--bytes N] [--files N]${hold}\n`;
    expect([exitCode, stderr]).toEqual([125, usage]);
  },
);

test.skipIf(lacks('mounts'))(
  'a full disk holds nobody up: what is lost is said, and what follows is kept',
  async () => {
    const mounted = path.join(directory, 'disk');
    await mkdir(mounted);
    await symlink(launcher, path.join(directory, 'launcher'));
    const script = `
    set -eu
    cd ${directory}
    mount -t tmpfs -o size=64k tmpfs disk
    head -c 50000 /dev/zero >disk/other
    { yes 0123456789 | head -c 300000; echo written >&2; while [ ! -e room ]; do sleep 0.05; done; echo after; } |
      ./launcher log disk/node.log --bytes 1000000 &
    sleep 1
    rm disk/other
    touch room
    wait
    tail -n 2 disk/node.log
  `;
    const { stdout, stderr, exitCode } = await run('unshare', ['-m', 'sh', '-c', script]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('written\n');
    expect(stderr.match(/cannot write disk\/node\.log: no space left/g)).toHaveLength(1);
    expect(stdout).toMatch(/^\[\d+ bytes of the log could not be written and are lost\]\nafter\n$/);
  },
);
