// What a start costs does not depend on what a program weighs (promise P12), and large files come in pieces.
import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { takeApart } from './support/executable-parts.ts';
import { onlyInstall } from './support/installs.ts';
import { type Program, writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { readingRuntime } from './support/runtimes.ts';
import { callsOf, runTraced } from './support/strace.ts';

const MIB = 2 ** 20;

/** A program of its own, since its files are too many and too large to be kept. */
async function makeLarge(files: Readonly<Record<string, string>>): Promise<Program> {
  const directory = path.join(await temporaryDirectory(), 'project');
  await mkdir(directory);
  const manifest = JSON.stringify({ name: 'large', version: '1.0.0', bin: 'main.js' });
  await writeFiles(directory, { ...files, 'package.json': manifest, 'main.js': 'main\n' });
  return { directory, entry: 'main.js' };
}

/** Bytes that do not compress: the key stream of a cipher. */
async function writeBytes(file: string, size: number): Promise<void> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const handle = await open(file, 'wx');
  for (let at = 0; at < size; at += MIB) {
    await handle.write(cipher.update(Buffer.alloc(Math.min(MIB, size - at))), 0, null, at);
  }
  await handle.close();
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(file)) hash.update(bytes as Buffer);
  return hash.digest('hex');
}

async function wrapped(program: Program, compression = 'fast'): Promise<string> {
  const runtime = ['--runtime', await readingRuntime()];
  return await wrapProgram(program, [...runtime, '--compression', compression]);
}

/** Installs it into a new base, whose path has as many parts as any other. */
async function installed(file: string) {
  const base = await temporaryDirectory();
  const env = { SARMA_CACHE_DIR: base };
  expect(await run(file, [], { env })).toMatchObject({ exitCode: 0, stderr: '' });
  const { release } = await onlyInstall(base);
  return { base, env, release, code: path.join(release, 'lib/large-1.0.0') };
}

const directoriesWith = (count: number, files: number) =>
  Object.fromEntries(
    Array.from({ length: count * files }, (_, at) => [
      `data/group${at % 64}/folder${at % count}/${at}.txt`,
      `${at}`,
    ]),
  );

test.skipIf(lacks('strace'))(
  'a start makes the same system calls with 200 files and 1 MB as with 3,000 files in 600 directories and 60 MB',
  async () => {
    const small = await makeLarge(directoriesWith(70, 3));
    await writeBytes(path.join(small.directory, 'data.bin'), MIB);
    const big = await makeLarge(directoriesWith(600, 5));
    await writeBytes(path.join(big.directory, 'data.bin'), 60 * MIB);
    const calls = [];
    for (const program of [small, big]) {
      const file = await wrapped(program, 'none');
      const { env } = await installed(file);
      calls.push((await callsOf(['all'], file, [], { env })).map(({ name }) => name));
    }
    expect(calls[1]).toEqual(calls[0]);
    expect(calls[0]!.length).toBeGreaterThan(30);
  },
);

describe('a file that is larger than a frame', () => {
  const SIZE = 20 * MIB + 12_345;

  test.each(['none', 'fast', 'smallest'])('arrives as it was, with --compression %s', async (compression) => {
    const program = await makeLarge({});
    const original = path.join(program.directory, 'model.bin');
    await writeBytes(original, SIZE);
    const { code } = await installed(await wrapped(program, compression));
    expect(await hashOf(path.join(code, 'model.bin'))).toBe(await hashOf(original));
  });

  test('comes back when it is lost or damaged, and leaves nothing else behind', async () => {
    const program = await makeLarge({ 'small.txt': 'small' });
    const original = path.join(program.directory, 'model.bin');
    await writeBytes(original, SIZE);
    const file = await wrapped(program);
    const { env, code, release } = await installed(file);
    const model = path.join(code, 'model.bin');
    await rm(model);
    expect(await run(file, [], { env })).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await hashOf(model)).toBe(await hashOf(original));
    const handle = await open(model, 'r+');
    await handle.write('X', 18 * MIB);
    await handle.close();
    const verified = await run(file, ['maintenance', 'verify'], { env });
    expect(verified.stderr).toMatch(/: repaired 1 file\n$/);
    expect(await hashOf(model)).toBe(await hashOf(original));
    expect(await readdir(code)).toEqual([
      'main.js',
      'model.bin',
      'model.bin.replaced',
      'package.json',
      'small.txt',
    ]);
    expect(await readdir(path.join(release, '.sarma'))).toEqual(['marker']);
    // What is not lost is not written.
    await rm(path.join(code, 'small.txt'));
    const before = await stat(model, { bigint: true });
    await run(file, [], { env });
    expect(await readdir(code)).toContain('small.txt');
    expect(await stat(model, { bigint: true })).toMatchObject({ ino: before.ino, ctimeNs: before.ctimeNs });
  });

  test.skipIf(lacks('strace') || availableParallelism() === 1)(
    'is not written to its end when the executable turns out to be damaged meanwhile',
    async () => {
      const pieces = 8;
      const program = await makeLarge({});
      await writeBytes(path.join(program.directory, 'model.bin'), pieces * 16 * MIB);
      const file = await wrapped(program, 'none');
      const { stamp, manifest } = takeApart(await readFile(file));
      const handle = await open(file, 'r+');
      await handle.write('XX', stamp.payloadOffset + manifest.runtime.size - 2);
      await handle.close();
      const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
      // A piece is written by one call, which takes long enough for the other thread to come to the end of the runtime.
      const inject = ['pwrite64:delay_enter=300000'];
      const log = path.join(await temporaryDirectory(), 'trace');
      const { stderr, exitCode } = await runTraced(file, [], { env, inject, log });
      expect({ stderr, exitCode }).toEqual({
        stderr: expect.stringContaining('is damaged (the runtime)'),
        exitCode: 125,
      });
      const written = (await readFile(log, 'utf8'))
        .split('\n')
        .filter((line) => line.includes(`, ${16 * MIB}, `));
      expect(written.length).toBeGreaterThan(0);
      expect(written.length).toBeLessThan(pieces);
    },
  );
});
