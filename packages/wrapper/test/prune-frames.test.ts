import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BuildCache, openBuildCache } from '../src/build-cache.ts';
import { pruneFrames } from '../src/prune-frames.ts';

const DAY = 24 * 60 * 60 * 1000;
let directory: string;
let cache: BuildCache;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-prune-'));
  cache = openBuildCache({ directory });
});

afterEach(() => rm(directory, { recursive: true, force: true }));

/** Made so many days ago, and not used since. */
async function made(key: string, days: number, size = 10): Promise<void> {
  const file = await cache.produce(key, (temporaryPath) => writeFile(temporaryPath, Buffer.alloc(size)));
  const time = new Date(Date.now() - days * DAY);
  await utimes(path.join(path.dirname(file), 'record.json'), time, time);
}
const keys = async () => (await cache.entries()).map(({ key }) => key).sort();

test('frames that no build has used for 30 days are removed, and downloads never', async () => {
  await made('release-frame:old', 31);
  await made('runtime-frames:old', 31);
  await made('release-frame:young', 29);
  await made('release-frame:used', 31);
  await made('node:24.21.0', 400);
  await cache.produce('release-frame:used', async () => {
    throw new Error('made twice');
  });
  await pruneFrames(cache);
  expect(await keys()).toEqual(['node:24.21.0', 'release-frame:used', 'release-frame:young']);
});

test('above a limit those go that were used longest ago, but none of the last day, once a day', async () => {
  await made('release-frame:third', 4, 1000);
  await made('release-frame:first', 2, 4000);
  await made('release-frame:second', 3, 2000);
  await pruneFrames(cache, { limit: 5000 });
  expect(await keys()).toEqual(['release-frame:first']);

  await made('release-frame:today', -0.5, 6000);
  await pruneFrames(cache, { limit: 5000, now: Date.now() + 0.9 * DAY });
  expect(await keys()).toEqual(['release-frame:first', 'release-frame:today']);
  await pruneFrames(cache, { limit: 5000, now: Date.now() + 1.1 * DAY });
  expect(await keys()).toEqual(['release-frame:today']);
});

test('what a build has used since stays, and what two builds remove at once is gone', async () => {
  await made('release-frame:used', 31);
  await made('release-frame:old', 31);
  const [old, used] = [...(await cache.entries())].sort((a, b) => (a.key < b.key ? -1 : 1));
  await cache.produce(used!.key, async () => {
    throw new Error('made twice');
  });
  await Promise.all([cache.discard(old!), cache.discard(used!), cache.discard(old!)]);
  expect(await keys()).toEqual(['release-frame:used']);
  expect(await readdir(path.join(directory, 'tmp'))).toEqual([]);
});
