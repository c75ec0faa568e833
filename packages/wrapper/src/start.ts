import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { AssembledRelease } from './assembled-release.ts';
import { seedPath } from './compile-cache/seed.ts';
import { type Tree, withFiles } from './tree.ts';

/** What `start.cjs` does before it hands over to the entry. */
interface Duties {
  /** Uses V8's compile cache. */
  readonly cache: boolean;
  /** Has workers and child processes use it, too: Node tells them by a variable of the environment. */
  readonly children: boolean;
  /** Asks for a look at the install after a run that ended badly. */
  readonly mark: boolean;
  /** Where the cache lies that was filled while wrapping, relative to the release's root. */
  readonly seed?: string;
}

/** Bytes of JavaScript from which on the cache saves more than start.cjs costs; decision 0024 has the measurement. */
const WORTH_CACHING = 200_000;

/** Where the file lies, relative to the release's root, that Node executes in place of an entry. */
export function startPath({ version }: Pick<AssembledRelease, 'version'>): string {
  return `releases/${version}/start.cjs`;
}

/** Whether a start of this release may leave a compile cache in its install, which then has to be looked after. */
export function hasCompileCache(tree: Tree, release: AssembledRelease): boolean {
  if (release.wrap.compileCache === false || release.wrap.snapshot) return false;
  return release.kind === 'service' || hasSeed(tree, release) || bytesOfCode(tree, release) >= WORTH_CACHING;
}

/** Adds `start.cjs` where it has something to do. */
export async function withStart(tree: Tree, release: AssembledRelease): Promise<Tree> {
  const duties = dutiesFor(tree, release);
  if (!duties.cache && !duties.mark) return tree;
  const source = await readFile(fileURLToPath(new URL('./start.cjs', import.meta.url)), 'utf8');
  const text = source.replace(/^const DUTIES = .*$/m, () => `const DUTIES = ${JSON.stringify(duties)};`);
  const content = Buffer.from(text);
  return withFiles(tree, [{ path: startPath(release), mode: 0o644, size: content.length, content }]);
}

function dutiesFor(tree: Tree, release: AssembledRelease): Duties {
  const { compileCache } = release.wrap;
  return {
    // A service enables it where it starts its applications, and not for every command.
    cache: release.kind === 'cli' && hasCompileCache(tree, release),
    children: compileCache !== false && compileCache.children,
    mark: !areLookedAt(tree.directories),
    ...(hasSeed(tree, release) && { seed: seedPath(release) }),
  };
}

function hasSeed({ directories }: Tree, release: AssembledRelease): boolean {
  return directories.includes(seedPath(release));
}

/** Without Sarma's own, of which a program runs little. */
function bytesOfCode({ files }: Tree, { version }: AssembledRelease): number {
  const own = `releases/${version}/`;
  const code = files.filter(({ path }) => /(?<!\.d)\.[cm]?[jt]s$/.test(path) && !path.startsWith(own));
  return code.reduce((sum, { size }) => sum + size, 0);
}

/**
 * Whether every run of the stub looks at all directories, by their names on lines of the marker; else it does so once a day
 * (`namedDirectories` in packages/stub).
 */
function areLookedAt(directories: readonly string[]): boolean {
  return directories.length <= 64 && !directories.some((name) => name.includes('\n'));
}
