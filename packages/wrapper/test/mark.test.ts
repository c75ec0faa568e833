import { expect, test } from 'vitest';
import { markPath, withMark } from '../src/mark.ts';
import type { Tree } from '../src/tree.ts';

const release = { version: '1.2.3' } as Parameters<typeof withMark>[1];

/** `1.2.3`, in which the mark lies, is one of them. */
function treeOf(count: number): Tree {
  const others = Array.from({ length: count - 2 }, (_, index) => `lib/${index}`);
  return { directories: ['releases', 'releases/1.2.3', ...others], files: [], links: [] };
}

test('the file that asks for a look after a bad end is in a release of more than 64 directories, and in no other', async () => {
  expect(await withMark(treeOf(64), release)).toEqual(treeOf(64));
  const { files, directories } = await withMark(treeOf(65), release);
  expect(files.map((file) => file.path)).toEqual([markPath(release)]);
  expect(markPath(release)).toBe('releases/1.2.3/mark.cjs');
  expect(directories).toHaveLength(65);
});

test('and where a name that breaks a line keeps the directories out of the marker', async () => {
  const broken = { ...treeOf(2), directories: ['new\nline'] };
  expect((await withMark(broken, release)).files.map((file) => file.path)).toEqual([markPath(release)]);
});
