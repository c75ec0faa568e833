import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BuildCache, openBuildCache } from '../src/build-cache.ts';

let directory: string;
let cache: BuildCache;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-cache-'));
  cache = openBuildCache({ directory });
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const writing = (content: string) => (temporaryPath: string) => writeFile(temporaryPath, content);
const failing = async () => {
  throw new Error('made twice');
};
const fileOf = async (key: string) => (await cache.entry(key))?.file;
const temporaries = async () => await readdir(path.join(directory, 'tmp'));

test('what was made is kept under its key', async () => {
  expect(await fileOf('a')).toBeUndefined();
  const file = await cache.produce('a', writing('one'));
  expect(await cache.produce('a', failing)).toBe(file);
  expect(await fileOf('a')).toBe(file);
  expect(await readFile(file, 'utf8')).toBe('one');
  expect(await fileOf('b')).toBeUndefined();
  const sha256 = createHash('sha256').update('one').digest('hex');
  expect(await cache.entry('a')).toMatchObject({ key: 'a', file, sha256, size: 3 });
});

test('opening and asking write nothing', async () => {
  const nowhere = path.join(directory, 'nowhere');
  const empty = openBuildCache({ directory: nowhere });
  expect(await empty.entry('a')).toBeUndefined();
  expect(await empty.entries()).toEqual([]);
  await expect(stat(nowhere)).rejects.toThrow('ENOENT');
});

test('its place is SARMA_BUILD_CACHE, or in the cache directory of the user', () => {
  const at = (env: NodeJS.ProcessEnv) => openBuildCache({ env }).directory;
  expect(at({ SARMA_BUILD_CACHE: '/a/b', XDG_CACHE_HOME: '/x' })).toBe(path.resolve('/a/b'));
  expect(at({ XDG_CACHE_HOME: '/x' })).toBe(path.resolve('/x/sarma-build'));
  if (process.platform === 'linux') expect(at({ HOME: '/home/u' })).toBe('/home/u/.cache/sarma-build');
});

test('when making fails, nothing is kept', async () => {
  const broken = cache.produce('a', async (temporaryPath) => {
    await writeFile(temporaryPath, 'half');
    await writeFile(`${temporaryPath}.download`, 'half');
    throw new Error('broke off');
  });
  await expect(broken).rejects.toThrow('broke off');
  expect(await fileOf('a')).toBeUndefined();
  expect(await temporaries()).toEqual([]);
});

test('only the content is kept', async () => {
  const file = await cache.produce('a', async (temporaryPath) => {
    await writeFile(`${temporaryPath}.download`, 'x');
    await writeFile(temporaryPath, 'y');
  });
  expect((await readdir(path.dirname(file))).toSorted()).toEqual(['content', 'record.json']);
});

test.each([
  ['truncated', (file: string) => truncate(file, 1)],
  ['overwritten', (file: string) => writeFile(file, 'eno')],
  ['removed', (file: string) => rm(file)],
  ['without its record', (file: string) => rm(path.join(path.dirname(file), 'record.json'))],
  ['with half a record', (file: string) => truncate(path.join(path.dirname(file), 'record.json'), 10)],
])('an entry that was %s is made again', async (_how, damage) => {
  const file = await cache.produce('a', writing('one'));
  await damage(file);
  expect(await fileOf('a')).toBeUndefined();
  expect(await cache.produce('a', writing('one'))).toBe(file);
  expect(await readFile(file, 'utf8')).toBe('one');
  expect(await temporaries()).toEqual([]);
});

test('an entry that was only touched is still good', async () => {
  const file = await cache.produce('a', writing('one'));
  await utimes(file, 1, 1);
  expect(await cache.produce('a', failing)).toBe(file);
});

test('all entries are listed, damaged ones left out', async () => {
  const damaged = await cache.produce('a', writing('one'));
  await cache.produce('b', writing('two'));
  await truncate(damaged, 0);
  expect((await cache.entries()).map(({ key }) => key)).toEqual(['b']);
});

test('processes that make the same entry at once all get it, and leave one', async () => {
  const program = `
    import { openBuildCache } from ${JSON.stringify(new URL('../src/build-cache.ts', import.meta.url))};
    import { writeFile } from 'node:fs/promises';
    const cache = openBuildCache({ directory: ${JSON.stringify(directory)} });
    process.stdin.once('data', async () => {
      const file = await cache.produce('a', (at) => writeFile(at, 'x'.repeat(5_000_000)));
      process.stdout.write(file);
      process.exit();
    });
    process.stdout.write('\\n');`;
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  await Promise.all(children.map((child) => once(child.stdout, 'data')));
  const outputs = children.map(async (child) => {
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const [code] = await once(child, 'close');
    return { code, file: Buffer.concat(chunks).toString() };
  });
  for (const child of children) child.stdin.write('\n');
  const file = await fileOf('a').then(async () => (await Promise.all(outputs))[0]!.file);
  expect(await Promise.all(outputs)).toEqual(children.map(() => ({ code: 0, file })));
  expect(await fileOf('a')).toBe(file);
  expect((await stat(file)).size).toBe(5_000_000);
  expect(await temporaries()).toEqual([]);
});

test('what a killed process left is removed after a day', async () => {
  const old = path.join(directory, 'tmp', 'old');
  const young = path.join(directory, 'tmp', 'young');
  await mkdir(old, { recursive: true });
  await mkdir(young);
  const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 60 * 60;
  await utimes(old, twoDaysAgo, twoDaysAgo);
  await cache.produce('a', writing('one'));
  expect(await temporaries()).toEqual(['young']);
});

/** Needs root, and in a container the capability besides. */
const mayMount = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0;

test.runIf(mayMount)('a full disk is said so, and nothing is left on it', async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
  try {
    const full = cache.produce('a', writing('x'.repeat(3_000_000)));
    await expect(full).rejects.toThrow(
      expect.objectContaining({ code: 'NO_SPACE', message: expect.stringContaining(directory) }),
    );
    expect(await temporaries()).toEqual([]);
    expect(await fileOf('a')).toBeUndefined();
  } finally {
    execFileSync('umount', [directory]);
  }
});

test.runIf(mayMount)('a home that is read-only is said to be in the way of the cache', async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', directory]);
  try {
    const below = path.join(directory, '.cache/sarma-build');
    await expect(openBuildCache({ directory: below }).produce('a', writing('one'))).rejects.toThrow(
      expect.objectContaining({
        code: 'BUILD_CACHE_UNWRITABLE',
        message: expect.stringMatching(
          /^Cannot write to the build cache .*sarma-build: .*SARMA_BUILD_CACHE\.$/,
        ),
      }),
    );
  } finally {
    execFileSync('umount', [directory]);
  }
});

test.runIf(mayMount)('a read-only cache gives what it has, and says that it cannot be written', async () => {
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', directory]);
  try {
    await cache.produce('a', writing('one'));
    execFileSync('mount', ['-o', 'remount,ro', directory]);
    expect(await cache.produce('a', failing)).toBe(await fileOf('a'));
    await expect(cache.produce('b', writing('two'))).rejects.toThrow(
      expect.objectContaining({
        code: 'BUILD_CACHE_UNWRITABLE',
        message: expect.stringContaining('SARMA_BUILD_CACHE'),
      }),
    );
  } finally {
    execFileSync('umount', [directory]);
  }
});
