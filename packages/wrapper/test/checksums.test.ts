// SHA256SUMS beside the outputs, in the form that sha256sum reads (promise P21).
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addChecksums } from '../src/checksums.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-sums-'));
});

afterEach(() => rm(directory, { recursive: true }));

const put = async (name: string, text: string) => {
  const file = path.join(directory, name);
  await writeFile(file, text);
  return file;
};
const sums = () => readFile(path.join(directory, 'SHA256SUMS'), 'utf8');
const check = () => execa('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: directory, reject: false });

test('`sha256sum -c` finds every file as it is, and one that was changed', async () => {
  await addChecksums(directory, [await put('b_win-x64.exe', 'b'), await put('a_linux-x64', 'a')]);
  expect((await check()).stdout).toBe('a_linux-x64: OK\nb_win-x64.exe: OK');
  await put('a_linux-x64', 'A');
  expect(await check()).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('a_linux-x64: FAILED'),
  });
});

test('lines of other files stay while these are there, sorted by name', async () => {
  const [a, b, c] = [await put('a', '1'), await put('b', '2'), await put('c', '3')];
  await addChecksums(directory, [c, a]);
  await addChecksums(directory, [b]);
  expect((await check()).stdout).toBe('a: OK\nb: OK\nc: OK');
  await rm(c);
  await addChecksums(directory, [await put('a', 'new')]);
  expect((await check()).stdout).toBe('a: OK\nb: OK');
});

test('lines that others wrote stay as they are', async () => {
  const digest = '0123456789ABCDEF'.repeat(4);
  await put('mine', 'mine');
  const others = ['# release 1', `${digest}  folder\\windows.exe`, `${digest} *mine`];
  await put(
    'SHA256SUMS',
    `${[...others, `${digest}  gone`, `${digest}  folder/gone`, `${digest}  a`].join('\r\n')}\r\n`,
  );
  await addChecksums(directory, [await put('a', 'a')]);
  const [a, ...rest] = (await sums()).trimEnd().split('\n').toSorted().reverse();
  expect(a).toMatch(/^[0-9a-f]{64} {2}a$/);
  expect(rest.toSorted()).toEqual(others.toSorted());
});

test('any number of builds may write it at once', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `file-${index}`);
  await Promise.all(names.map(async (name) => addChecksums(directory, [await put(name, name)])));
  expect((await check()).stdout.split('\n').sort()).toEqual(names.map((name) => `${name}: OK`).sort());
  expect((await readdir(directory)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test.each([
  ['a minute old', -60_000],
  ['from a clock that is ahead', 3_600_000],
])('what a killed build has locked is free after a while: a lock %s', async (_, age) => {
  const lock = await put('.SHA256SUMS.lock', '');
  const time = new Date(Date.now() + age);
  await utimes(lock, time, time);
  await addChecksums(directory, [await put('a', 'a')]);
  expect(await sums()).toMatch(/^[0-9a-f]{64} {2}a\n$/);
});
