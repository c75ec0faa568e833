import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { AssembledRelease } from './assembled-release.ts';
import { type Tree, withFiles } from './tree.ts';

/** Above so many directories the stub looks at them once a day (`directories_max` of packages/stub/src/marker.zig). */
const LOOKED_AT = 64;

/** Where the file lies, relative to the release's root, that starts the entry and asks for a look after a run that ended badly. */
export function markPath({ version }: Pick<AssembledRelease, 'version'>): string {
  return `releases/${version}/mark.cjs`;
}

/** Adds it where not every run looks at all directories. */
export async function withMark(tree: Tree, release: AssembledRelease): Promise<Tree> {
  if (tree.directories.length <= LOOKED_AT) return tree;
  const content = await readFile(fileURLToPath(new URL('./mark.cjs', import.meta.url)));
  return withFiles(tree, [{ path: markPath(release), mode: 0o644, size: content.length, content }]);
}
