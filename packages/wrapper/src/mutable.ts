import type { AssembledRelease } from './assembled-release.ts';
import type { ManifestFile } from './manifest.ts';
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
 * Marks the files that `wrap.mutable` names: what the program made of them stays when its install is repaired. Throws
 * MutableError for a program's entry, whose size and time every run looks at, and for a pattern that means no file.
 */
export async function markMutable(
  files: readonly ManifestFile[],
  tree: Tree,
  release: AssembledRelease,
): Promise<readonly ManifestFile[]> {
  const { mutable } = release.wrap;
  if (mutable.length === 0) return files;
  const packages = findPackages(tree, release);
  const owned = await Promise.all(
    files.map(async (file) => ({ file, owner: await packages.ownerOf(file.path) })),
  );
  const [idle] = mutable.filter((pattern) => {
    const isNamed = namedBy([pattern]);
    return !pattern.startsWith('!') && !owned.some(({ file, owner }) => isNamed(file.path, owner));
  });
  if (idle !== undefined) {
    throw new MutableError(
      'MUTABLE_NOTHING',
      `wrap.mutable: "${idle}" means no file of ${release.name}. Write a path as it is in the release, or PACKAGE/PATH; \`*\` and \`**\` are understood as in .gitignore.`,
    );
  }
  const isMutable = namedBy(mutable);
  const marked = owned.map(({ file, owner }) =>
    isMutable(file.path, owner) ? { ...file, mutable: true as const } : file,
  );
  const entries = new Set(Object.values(release.entries));
  const entry = marked.find((file) => file.mutable && entries.has(file.path));
  if (entry === undefined) return marked;
  throw new MutableError(
    'MUTABLE_ENTRY',
    `wrap.mutable names ${entry.path}, which is what Node executes and has to stay as it is. Name fewer files, or add "!/${entry.path}".`,
  );
}
