import { expect, test } from 'vitest';
import type { AssembledRelease } from '../src/assembled-release.ts';
import { hasCompileCache, startPath, withStart } from '../src/start.ts';
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

/** What is written into the one file that is added; undefined where none is. */
async function dutiesIn(tree: Tree, release = releaseOf()): Promise<unknown> {
  const { files } = await withStart(tree, release);
  const [start, ...more] = files.filter(({ path }) => !tree.files.some((file) => file.path === path));
  expect(more).toEqual([]);
  if (start === undefined) return undefined;
  expect(start.path).toBe(startPath(release));
  return JSON.parse(/^const DUTIES = (.*);$/m.exec(textOf(start))![1]!);
}

const textOf = ({ content }: TreeFile) => content.toString();

test('the file before the entry asks for a look after a bad end in a release of more than 64 directories, and in no other', async () => {
  expect(await dutiesIn(treeOf(64))).toBeUndefined();
  expect(await dutiesIn(treeOf(65))).toEqual({ cache: false, children: false, mark: true });
});

test('and where a name that breaks a line keeps the directories out of the marker', async () => {
  expect(await dutiesIn({ ...treeOf(2), directories: ['new\nline'] })).toMatchObject({ mark: true });
});

test('it uses the compile cache where the program has much JavaScript', async () => {
  const much = ['lib/main.cjs', MORE_THAN_A_START_COSTS] as const;
  expect(await dutiesIn(treeOf(9, much))).toEqual({ cache: true, children: false, mark: false });
  expect(await dutiesIn(treeOf(65, much), releaseOf({ children: true, build: false }))).toEqual({
    ...{ cache: true, children: true, mark: true },
  });
  expect(hasCompileCache(treeOf(9, much), releaseOf())).toBe(true);
});

test.each([
  ['the program is small', releaseOf(), 'lib/main.js', MORE_THAN_A_START_COSTS - 1],
  ['the rest is data', releaseOf(), 'lib/data.json', 2 * MORE_THAN_A_START_COSTS],
  ['the rest are declarations', releaseOf(), 'lib/main.d.ts', 2 * MORE_THAN_A_START_COSTS],
  ["the rest is Sarma's own", releaseOf(), 'releases/1.2.3/boot.cjs', 2 * MORE_THAN_A_START_COSTS],
  ['it is switched off', releaseOf(false), 'lib/main.js', 2 * MORE_THAN_A_START_COSTS],
] as const)('it is not there where %s', async (_, release, file, size) => {
  const tree = treeOf(9, [file, size]);
  expect(await dutiesIn(tree, release)).toBeUndefined();
  expect(hasCompileCache(tree, release)).toBe(false);
});

test('a service enables the cache by itself, and the stub looks after it all the same', async () => {
  const service = releaseOf(undefined, 'service');
  expect(await dutiesIn(treeOf(9, ['lib/main.js', 2 * MORE_THAN_A_START_COSTS]), service)).toBeUndefined();
  expect(hasCompileCache(treeOf(9), service)).toBe(true);
});
