import { stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BuildCache } from './build-cache.ts';

const DAY = 24 * 60 * 60 * 1000;

/** In milliseconds since they were used. */
const KEPT_FOR = 30 * DAY;

/** Of all frames together, in bytes. */
const KEPT_BYTES = 5e9;

/**
 * Removes compressed frames from the build cache that no build has used for 30 days, and of the others, above 5 GB, those
 * that were used longest ago. What was used on the day before stays, whatever it takes: a build may be about to copy it. So do
 * downloads, which may be there for builds without a network. Looks once a day at most. Throws what the file system does.
 */
export async function pruneFrames(
  cache: BuildCache,
  { now = Date.now(), limit = KEPT_BYTES } = {},
): Promise<void> {
  const mark = path.join(cache.directory, 'pruned');
  if (now - (await timeOf(mark)) < DAY) return;
  await writeFile(mark, '');
  await utimes(mark, now / 1000, now / 1000);
  const frames = (await cache.entries()).filter(({ key }) => /^(runtime|release)-frames?:/.test(key));
  let kept = 0;
  for (const entry of frames.sort((a, b) => b.used - a.used)) {
    kept += entry.size;
    const age = now - entry.used;
    if (age > DAY && (age > KEPT_FOR || kept > limit)) await cache.discard(entry);
  }
}

/** 0 where there is no such file. */
async function timeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
