// Truncated and altered executables (promise P11): run, inspected and verified, each is a sentence and nothing is published.
import { copyFile, open, readFile, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { installsIn } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { run, runCommand, temporaryDirectory, wrapProgram } from './support/run.ts';

/** What docs/format.md calls the magic of a stamp. */
const STAMP_MAGIC = Buffer.from('\x89SARMA-STAMP\r\n\x1a\n', 'latin1');
const STAMP_SIZE = 4096;

let whole: string;
let size: number;
/** File offsets: where the stamp, the frames and the manifest begin. */
let stamp: number;
let frames: { readonly offset: number; readonly length: number }[];
let manifest: { readonly offset: number; readonly length: number };
let damaged: string;

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'damaged', bin: 'main.js' },
    {
      'main.js': `console.log(require('node:fs').readFileSync(__dirname + '/text.txt', 'utf8'));`,
      'text.txt': 'whole',
    },
  );
  whole = await wrapProgram(program);
  size = (await stat(whole)).size;
  const facts = JSON.parse((await runCommand(['inspect', '--json', whole])).stdout);
  stamp = (await readFile(whole)).indexOf(STAMP_MAGIC);
  frames = facts.manifest.frames.map((frame: { offset: number; length: number }) => ({
    offset: facts.stamp.payloadOffset + frame.offset,
    length: frame.length,
  }));
  manifest = { offset: facts.stamp.manifestOffset, length: facts.stamp.manifestLength };
  damaged = path.join(await temporaryDirectory(), 'app');
  await copyFile(whole, damaged);
});

/** The first run of the damaged file either does all that it should, or says why not and leaves nothing. */
async function runsOrSaysWhy(): Promise<'ran' | 'refused'> {
  const base = await temporaryDirectory();
  const { stdout, stderr, exitCode, signal } = await run(damaged, [], { env: { SARMA_CACHE_DIR: base } });
  if (exitCode === 0) {
    expect({ stdout, stderr }).toEqual({ stdout: 'whole\n', stderr: '' });
    return 'ran';
  }
  expect({ stdout, exitCode, signal }).toEqual({ stdout: '', exitCode: 125, signal: undefined });
  expect(stderr).toMatch(/^[^\n]+(is damaged|without a program)[^\n]+\n$/);
  expect(await installsIn(base)).toEqual({ releases: [], runtimes: [] });
  return 'refused';
}

/** `sarma inspect` and `sarma verify`: exit codes, after a check that they ended in sentences. */
async function told(): Promise<{ inspect: number | undefined; verify: number | undefined }> {
  const [inspect, verify] = await Promise.all([
    runCommand(['inspect', damaged]),
    runCommand(['verify', damaged]),
  ]);
  for (const { exitCode, stdout, stderr, signal } of [inspect, verify]) {
    expect(signal).toBe(undefined);
    expect(stderr).not.toMatch(/fault in Sarma|^ {4}at /m);
    if (exitCode !== 0) {
      expect(exitCode).toBe(1);
      expect(stdout + stderr).toContain(damaged);
    }
  }
  return { inspect: inspect.exitCode, verify: verify.exitCode };
}

describe('a truncated executable', () => {
  /** Cut behind the stub: what is cut in the stub is for the system to refuse. */
  const lengths = () => {
    const last = frames.at(-1)!;
    const begin = frames[0]!.offset;
    return [
      ...[begin, begin + 1, begin + frames[0]!.length, begin + frames[0]!.length + 1, Math.floor(size / 2)],
      ...[last.offset, last.offset + last.length - 1, manifest.offset, manifest.offset + 1],
      ...[manifest.offset + manifest.length - 1],
    ];
  };

  test('says so when it is run, whatever its length, and installs nothing', async () => {
    for (const length of lengths()) {
      await copyFile(whole, damaged);
      await truncate(damaged, length);
      expect({ length, result: await runsOrSaysWhy() }).toEqual({ length, result: 'refused' });
    }
  });

  test('is a sentence for `sarma inspect` and `sarma verify`, even when it is less than a stub', async () => {
    for (const length of [
      0,
      1,
      64,
      stamp,
      stamp + 100,
      stamp + STAMP_SIZE,
      ...lengths().filter((_, n) => n % 3 === 0),
    ]) {
      await copyFile(whole, damaged);
      await truncate(damaged, length);
      expect({ length, ...(await told()) }).toEqual({ length, inspect: 1, verify: 1 });
    }
  });

  test('is started all the same where it is installed already, and says so when it has to be repaired', async () => {
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    expect((await run(whole, [], { env })).exitCode).toBe(0);
    await copyFile(whole, damaged);
    await truncate(damaged, Math.floor(size / 2));
    expect((await run(damaged, [], { env })).stdout).toBe('whole\n');
    const { stderr, exitCode } = await run(damaged, ['maintenance', 'verify'], { env });
    expect(stderr).toMatch(
      /is damaged \(it ends too early: cut off in a download, or changed by .*\): download it again\n$/,
    );
    expect(exitCode).toBe(125);
  });
});

describe('one flipped bit', () => {
  /** Flips a bit, does something with the file, and flips it back. */
  const flipped = async <Result>(position: number, what: () => Promise<Result>): Promise<Result> => {
    await flip(position);
    try {
      return await what();
    } finally {
      await flip(position);
    }
  };
  const flip = async (position: number) => {
    const handle = await open(damaged, 'r+');
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
    buffer[0]! ^= 1 << (position % 8);
    await handle.write(buffer, 0, 1, position);
    await handle.close();
  };

  beforeAll(async () => {
    await copyFile(whole, damaged);
    expect(await runsOrSaysWhy()).toBe('ran');
  });

  test('in the stamp is noticed, wherever it is', async () => {
    const positions = [
      0, 15, 16, 20, 24, 32, 40, 72, 80, 88, 96, 104, 112, 116, 119, 120, 300, 2000, 4063, 4064, 4095,
    ];
    for (const at of positions) {
      const result = await flipped(stamp + at, runsOrSaysWhy);
      expect({ at, result }).toEqual({ at, result: 'refused' });
    }
    for (const at of [0, 16, 20, 24, 200, 4095]) {
      expect({ at, ...(await flipped(stamp + at, told)) }).toEqual({ at, inspect: 1, verify: 1 });
    }
  });

  test('in the manifest is noticed, wherever it is', async () => {
    for (const part of [0, 0.1, 0.25, 0.5, 0.75, 0.9]) {
      const at = manifest.offset + Math.floor(part * manifest.length);
      const result = await flipped(at, async () => ({ run: await runsOrSaysWhy(), ...(await told()) }));
      expect({ at, ...result }).toEqual({ at, run: 'refused', inspect: 1, verify: 1 });
    }
  });

  test('in any frame is noticed, and nothing of the others is installed', async () => {
    for (const [index, { offset, length }] of frames.entries()) {
      const at = offset + Math.floor((length - 1) * (index / (frames.length - 1)));
      expect({ index, result: await flipped(at, runsOrSaysWhy) }).toEqual({ index, result: 'refused' });
    }
    for (const { offset, length } of [frames[0]!, frames.at(-1)!]) {
      expect(await flipped(offset + (length >> 1), told)).toEqual({ inspect: 0, verify: 1 });
    }
  });

  test('behind everything that is read does no harm', async () => {
    const result = await flipped(size - 1, async () => ({ run: await runsOrSaysWhy(), ...(await told()) }));
    expect(result).toMatchObject({ run: 'ran', inspect: 0 });
  });
});
