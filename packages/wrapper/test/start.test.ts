import path from 'node:path';
import { expect, test } from 'vitest';
import type { AssembledRelease } from '../src/assembled-release.ts';
import { withStart } from '../src/start.ts';
import type { Tree, TreeFile } from '../src/tree.ts';

const MORE_THAN_A_START_COSTS = 200_000;

/** `1.2.3`, in which start.cjs lies, is one of the directories. */
function treeOf(directories: number, ...files: readonly (readonly [path: string, size: number])[]): Tree {
  const others = Array.from({ length: directories - 2 }, (_, index) => `lib/${index}`);
  return {
    directories: ['releases', 'releases/1.2.3', ...others],
    files: files.map(([path, size]) => ({ path, size, mode: 0o644, content: '' })),
    links: [],
  };
}

function releaseOf(
  compileCache: AssembledRelease['wrap']['compileCache'] = { children: false, build: false },
  kind: AssembledRelease['kind'] = 'cli',
): AssembledRelease {
  return { version: '1.2.3', kind, wrap: { compileCache } } as AssembledRelease;
}

/** File of the version's folder → what is written into it, of those that are added. */
async function added(tree: Tree, release = releaseOf()): Promise<Readonly<Record<string, unknown>>> {
  const { files } = await withStart(tree, release);
  const more = files.filter(({ path }) => !tree.files.some((file) => file.path === path));
  return Object.fromEntries(
    more.map((file) => [
      path.posix.relative('releases/1.2.3', file.path),
      JSON.parse(/^const (?:DUTIES|SETTINGS) = (\{".*\});$/m.exec(textOf(file))![1]!),
    ]),
  );
}

const textOf = ({ content }: TreeFile) => content.toString();

test('the file before the entry asks for a look after a bad end in a release of more than 64 directories, and in no other', async () => {
  expect(await added(treeOf(64))).toEqual({});
  expect(await added(treeOf(65))).toEqual({ 'start.cjs': { cache: false, mark: true } });
});

test('and where a name that breaks a line keeps the directories out of the marker', async () => {
  const tree = { ...treeOf(2), directories: ['new\nline'] };
  expect(await added(tree)).toEqual({ 'start.cjs': { cache: false, mark: true } });
});

test('it uses the compile cache where the program has much JavaScript', async () => {
  const much = ['lib/main.cjs', MORE_THAN_A_START_COSTS] as const;
  expect(await added(treeOf(9, much))).toEqual({
    'start.cjs': { cache: true, mark: false },
    'compile-cache.cjs': { children: false, seed: false },
  });
  expect(await added(treeOf(65, much), releaseOf({ children: true, build: false }))).toEqual({
    'start.cjs': { cache: true, mark: true },
    'compile-cache.cjs': { children: true, seed: false },
  });
});

test.each([
  ['the program is small', releaseOf(), 'lib/main.js', MORE_THAN_A_START_COSTS - 1],
  ['the rest is data', releaseOf(), 'lib/data.json', 2 * MORE_THAN_A_START_COSTS],
  ['the rest are declarations', releaseOf(), 'lib/main.d.ts', 2 * MORE_THAN_A_START_COSTS],
  ["the rest is Sarma's own", releaseOf(), 'releases/1.2.3/boot.cjs', 2 * MORE_THAN_A_START_COSTS],
  ['it is switched off', releaseOf(false), 'lib/main.js', 2 * MORE_THAN_A_START_COSTS],
] as const)('it is not there where %s', async (_, release, file, size) => {
  const tree = treeOf(9, [file, size]);
  expect(await added(tree, release)).toEqual({});
});

test('a service enables the cache by itself, whatever its size, with what was compiled while wrapping', async () => {
  const service = releaseOf(undefined, 'service');
  expect(await added(treeOf(9), service)).toEqual({ 'compile-cache.cjs': { children: false, seed: false } });
  const { directories, ...tree } = treeOf(9);
  const seeded = { ...tree, directories: [...directories, 'releases/1.2.3/compile-cache'] };
  expect(await added(seeded, service)).toEqual({ 'compile-cache.cjs': { children: false, seed: true } });
});
