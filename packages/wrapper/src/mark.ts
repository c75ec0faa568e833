import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { AssembledRelease } from './assembled-release.ts';
import { type Tree, withFiles } from './tree.ts';

/**
 * Whether every run of the stub looks at all directories, by their names on lines of the marker; else it does so once a day
 * (`namedDirectories` in packages/stub).
 */
function areLookedAt(directories: readonly string[]): boolean {
  return directories.length <= 64 && !directories.some((name) => name.includes('\n'));
}

/** Where the file lies, relative to the release's root, that starts the entry and asks for a look after a run that ended badly. */
export function markPath({ version }: Pick<AssembledRelease, 'version'>): string {
  return `releases/${version}/mark.cjs`;
}

/** Adds it where not every run looks. */
export async function withMark(tree: Tree, release: AssembledRelease): Promise<Tree> {
  if (areLookedAt(tree.directories)) return tree;
  const content = await readFile(fileURLToPath(new URL('./mark.cjs', import.meta.url)));
  return withFiles(tree, [{ path: markPath(release), mode: 0o644, size: content.length, content }]);
}
