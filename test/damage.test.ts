// Truncated and altered executables (promise P11): run, inspected and verified, each is a sentence and nothing is published.
// Every region, and every way of running: damage.long.test.ts.
import { copyFile, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { flip, type Parts, takeApart } from './support/executable-parts.ts';
import { installsIn } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { run, runCommand, temporaryDirectory, wrapProgram } from './support/run.ts';

let whole: string;
let parts: Parts;
let damaged: string;

beforeAll(async () => {
  const files = {
    'main.js': `console.log(require('node:fs').readFileSync(__dirname + '/text.txt', 'utf8'));`,
    'text.txt': 'whole',
  };
  whole = await wrapProgram(await makeProgram({ name: 'damaged', bin: 'main.js' }, files));
  parts = takeApart(await readFile(whole));
  damaged = path.join(await temporaryDirectory(), 'app');
});

beforeEach(async () => await copyFile(whole, damaged));

const manifestEnd = () => parts.stamp.manifestOffset + parts.stamp.manifestLength;

/** The first run of the damaged file says that it is damaged, and leaves nothing. */
async function isRefused(): Promise<void> {
  const base = await temporaryDirectory();
  const { stdout, stderr, exitCode, signal } = await run(damaged, [], { env: { SARMA_CACHE_DIR: base } });
  expect({ stdout, exitCode, signal }).toEqual({ stdout: '', exitCode: 125, signal: undefined });
  expect(stderr).toMatch(/^[^\n]+is damaged[^\n]+\n$/);
  expect(await installsIn(base)).toEqual({ releases: [], runtimes: [] });
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
  test('says so when it is run, and installs nothing', async () => {
    await truncate(damaged, manifestEnd() - 1);
    await isRefused();
  });

  test('is a sentence for `sarma inspect` and `sarma verify`, even when it is less than a stub', async () => {
    const { payloadOffset, manifestOffset } = parts.stamp;
    const inStub = [64, 1, 0].map((more) => parts.stampOffset + more);
    for (const length of [manifestEnd() - 1, manifestOffset, payloadOffset + 1, ...inStub, 64, 1, 0]) {
      await truncate(damaged, length);
      expect({ length, ...(await told()) }).toEqual({ length, inspect: 1, verify: 1 });
    }
  });

  test('is started all the same where it is installed already, and says so when it has to be repaired', async () => {
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    expect((await run(whole, [], { env })).exitCode).toBe(0);
    await truncate(damaged, parts.stamp.manifestOffset >> 1);
    expect((await run(damaged, [], { env })).stdout).toBe('whole\n');
    const { stderr, exitCode } = await run(damaged, ['maintenance', 'verify'], { env });
    expect(stderr).toMatch(
      /is damaged \(it ends too early: cut off in a download, or changed by .*\): download it again\n$/,
    );
    expect(exitCode).toBe(125);
  });
});

describe('one flipped bit', () => {
  test('in a frame is noticed when it is run, and nothing of the others is installed', async () => {
    await flip(damaged, parts.stamp.manifestOffset - 1);
    await isRefused();
  });

  test('is a sentence for `sarma verify`, wherever it is, and for `sarma inspect`, which decodes no frames', async () => {
    const { payloadOffset, manifestOffset } = parts.stamp;
    const places: [number, number][] = [0, 16, 20, 24, 200, 4095].map((at) => [parts.stampOffset + at, 1]);
    places.push([manifestOffset, 1], [manifestEnd() - 1, 1], [payloadOffset, 0], [manifestOffset - 1, 0]);
    for (const [at, inspect] of places) {
      await flip(damaged, at);
      expect({ at, ...(await told()) }).toEqual({ at, inspect, verify: 1 });
      await flip(damaged, at);
    }
    expect(await told()).toEqual({ inspect: 0, verify: 0 });
  });
});
