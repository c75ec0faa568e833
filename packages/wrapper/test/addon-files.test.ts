import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachedFiles, unpack } from '../src/addons/tarball.ts';
import { type BuildCache, BuildCacheError, openBuildCache } from '../src/build-cache.ts';
import { tarOf } from './support/addon-project.ts';

let directory: string;
let cache: BuildCache;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-addon-files-'));
  cache = openBuildCache({ directory: path.join(directory, 'cache') });
});
afterEach(() => rm(directory, { recursive: true }));

const made = (key: string, content: string, then = async () => {}) =>
  cachedFiles(key, cache, async (take) => {
    await take('a.node', 0o644, Buffer.from(content));
    await then();
  });
const interrupted = () => Promise.reject(new Error('interrupted'));

/** Sizes as they are told, and what is in the files. */
const told = async (files: Awaited<ReturnType<typeof made>>) =>
  await Promise.all(files.map(async ({ size, file }) => [size, await readFile(file, 'utf8')]));

test('after a build that was interrupted, files have what the next one made', async () => {
  await expect(made('rebuilt:1', 'ab', interrupted)).rejects.toThrow('interrupted');
  expect(await told(await made('rebuilt:1', 'abcd'))).toEqual([[4, 'abcd']]);
  expect(await told(await made('rebuilt:1', 'never made'))).toEqual([[4, 'abcd']]);
});

test('of two builds at once each has what it says it has, and later ones that of the first', async () => {
  let first: Awaited<ReturnType<typeof made>> = [];
  const second = await made('rebuilt:2', 'abcd', async () => {
    first = await made('rebuilt:2', 'ab');
  });
  expect(await told(first)).toEqual([[2, 'ab']]);
  expect(await told(second)).toEqual([[4, 'abcd']]);
  expect(await told(await made('rebuilt:2', 'never made'))).toEqual([[2, 'ab']]);
});

test('a cache that cannot keep a file says so itself', async () => {
  const tarball = path.join(directory, 'package.tgz');
  await writeFile(tarball, await tarOf({ 'package/a.node': 'a', 'package/b.node': 'b' }));
  const full = new BuildCacheError('NO_SPACE', 'No space left', undefined);
  const refusing: BuildCache = { ...cache, produce: () => Promise.reject(full) };
  await expect(unpack(tarball, 'the tarball', 'hash', refusing, { strip: true })).rejects.toBe(full);
  await writeFile(tarball, 'no archive');
  await expect(unpack(tarball, 'The tarball of a@1.0.0', 'hash', cache, { strip: true })).rejects.toThrow(
    /^The tarball of a@1\.0\.0 cannot be unpacked: incorrect header check\. /,
  );
});
