import type { AssembledRelease } from './assembled-release.ts';
import { findPackages } from './native/find-packages.ts';
import { namedBy } from './packages/named-files.ts';
import type { Tree } from './tree.ts';

/** A pattern of `wrap.mutable` that cannot be obeyed. */
export class MutableError extends Error {
  override readonly name = 'MutableError';
  readonly code: 'MUTABLE_ENTRY' | 'MUTABLE_NOTHING';
  constructor(code: MutableError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The paths of the files that `wrap.mutable` names: what the program made of them stays when its install is repaired.
 * Throws MutableError for a program's entry, whose size and time every run looks at, and for a pattern that means no file.
 */
export async function mutableFiles(tree: Tree, release: AssembledRelease): Promise<ReadonlySet<string>> {
  const { mutable } = release.wrap;
  if (mutable.length === 0) return new Set();
  const packages = findPackages(tree, release);
  const owned = await Promise.all(
    tree.files.map(async ({ path }) => ({ path, owner: await packages.ownerOf(path) })),
  );
  const idle = mutable.find((pattern) => {
    const isNamed = namedBy([pattern]);
    return !pattern.startsWith('!') && !owned.some(({ path, owner }) => isNamed(path, owner));
  });
  if (idle !== undefined) {
    throw new MutableError(
      'MUTABLE_NOTHING',
      `wrap.mutable: "${idle}" means no file of ${release.name}. Write a path as it is in the release, or PACKAGE/PATH; \`*\` and \`**\` are understood as in .gitignore.`,
    );
  }
  const isMutable = namedBy(mutable);
  const named = new Set(owned.filter(({ path, owner }) => isMutable(path, owner)).map(({ path }) => path));
  const entry = Object.values(release.entries).find((path) => named.has(path));
  if (entry === undefined) return named;
  throw new MutableError(
    'MUTABLE_ENTRY',
    `wrap.mutable names ${entry}, which is what Node executes and has to stay as it is. Name fewer files, or add "!/${entry}".`,
  );
}
