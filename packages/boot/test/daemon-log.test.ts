import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { RotatingLog } from '../src/log/rotation.ts';
import { lastLines } from '../src/log/tail.ts';
import { testRelease } from './support/release.ts';

async function folder(): Promise<string> {
  const directory = await mkdtemp(path.join(process.env.SARMA_TEST_DIRECTORY ?? tmpdir(), 'log-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const contents = async (directory: string) =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(directory)).map(async (name) => [
        name,
        await readFile(path.join(directory, name), 'utf8'),
      ]),
    ),
  );

async function write(settings: { bytes: number; files: number }, chunks: readonly string[]) {
  const directory = await folder();
  const log = new RotatingLog({ file: path.join(directory, 'a.log'), ...settings });
  for (const chunk of chunks) log.write(Buffer.from(chunk));
  log.close();
  return await contents(directory);
}

test('a log is rotated between lines, and the oldest file goes', async () => {
  const lines = ['one\n', 'two\n', 'three\n', 'four\n', 'five\n'];
  expect(await write({ bytes: 10, files: 2 }, lines)).toEqual({
    'a.log': 'four\nfive\n',
    'a.log.1': 'three\n',
  });
  // The same when they come at once.
  expect(await write({ bytes: 10, files: 2 }, [lines.join('')])).toEqual({
    'a.log': 'four\nfive\n',
    'a.log.1': 'three\n',
  });
});

test('one file is one file', async () => {
  expect(await write({ bytes: 8, files: 1 }, ['one\n', 'two\n', 'three\n'])).toEqual({ 'a.log': 'three\n' });
});

test('a line that comes in several pieces lies in one file, though that gets longer', async () => {
  expect(await write({ bytes: 10, files: 9 }, ['one\ntw', 'o and', ' more\nthree\n'])).toEqual({
    'a.log.1': 'one\ntwo and more\n',
    'a.log': 'three\n',
  });
});

test('a line that is longer than two files is cut, and nothing of it is lost', async () => {
  const pieces = Array.from({ length: 12 }, () => '0123456789');
  expect(await write({ bytes: 20, files: 9 }, [...pieces, '\n'])).toEqual({
    'a.log.3': '0123456789'.repeat(4),
    'a.log.2': '0123456789'.repeat(4),
    'a.log.1': '0123456789'.repeat(4),
    'a.log': '\n',
  });
});

test('a log that was there is continued, and one that was emptied is filled again', async () => {
  const directory = await folder();
  const file = path.join(directory, 'a.log');
  await writeFile(file, 'before\n');
  const log = new RotatingLog({ file, bytes: 12, files: 2 });
  log.write(Buffer.from('now\n'));
  expect(await contents(directory)).toEqual({ 'a.log': 'before\nnow\n' });
  await writeFile(file, '');
  log.write(Buffer.from('then\n'));
  log.close();
  expect(await contents(directory)).toEqual({ 'a.log': 'then\n' });
});

test('what cannot be written is dropped, and that is said once it can', async () => {
  const directory = await folder();
  const file = path.join(directory, 'sub/a.log');
  const log = new RotatingLog({ file, bytes: 1000, files: 2 });
  log.write(Buffer.from('lost\n'));
  log.write(Buffer.from('too\n'));
  await mkdir(path.dirname(file));
  log.write(Buffer.from('kept\n'));
  log.close();
  expect(await readFile(file, 'utf8')).toBe('[9 bytes of the log could not be written and are lost]\nkept\n');
});

test('the carrier ignores what a system that shuts down sends, and ends with its writer', async () => {
  const demo = await testRelease({ files: {} });
  await mkdir(path.join(demo.root, 'var/log'), { recursive: true });
  const carrier = demo.spawn(['log']);
  carrier.stdin!.write('one\n');
  const file = path.join(demo.root, 'var/log/demo.log');
  await expect.poll(() => readFile(file, 'utf8').catch(() => '')).toBe('one\n');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) carrier.kill(signal);
  carrier.stdin!.end('two\n');
  expect(await new Promise((resolve) => carrier.once('close', resolve))).toBe(0);
  expect(await readFile(file, 'utf8')).toBe('one\ntwo\n');
});

test('the carrier loses nothing of a fast writer', async () => {
  const demo = await testRelease({ files: {} });
  await mkdir(path.join(demo.root, 'var/log'), { recursive: true });
  const carrier = demo.spawn(['log'], { env: { RELEASE_LOG_SIZE: '1M', RELEASE_LOG_FILES: '100' } });
  const writer = spawn('seq', ['1', '3000000'], { stdio: ['ignore', carrier.stdin!, 'inherit'] });
  carrier.stdin!.destroy();
  await new Promise((resolve) => writer.once('close', resolve));
  expect(await new Promise((resolve) => carrier.once('close', resolve))).toBe(0);
  const texts = await contents(path.join(demo.root, 'var/log'));
  const names = Object.keys(texts).sort((one, other) => Number(other.slice(9)) - Number(one.slice(9)));
  const numbers = names.flatMap((name) => texts[name]!.split('\n').slice(0, -1).map(Number));
  expect(numbers.length).toBe(3_000_000);
  expect(numbers.every((number, index) => number === index + 1)).toBe(true);
});

test('the last lines of a log, and of what came after a byte', async () => {
  const file = path.join(await folder(), 'a.log');
  expect(lastLines(file, 3)).toBe('');
  await writeFile(file, 'one\ntwo\nthree\nfour');
  expect(lastLines(file, 2)).toBe('three\nfour\n');
  expect(lastLines(file, 9, 8)).toBe('three\nfour\n');
  // It is another file by now.
  expect(lastLines(file, 9, 1000)).toBe('one\ntwo\nthree\nfour\n');
  await writeFile(file, `${'x'.repeat(200_000)}\nlast\n`);
  expect(lastLines(file, 1)).toBe('last\n');
});
