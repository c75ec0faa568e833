import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { AssembledRelease } from './assembled-release.ts';
import { seedPath } from './compile-cache/seed.ts';
import { fileOfBytes, type Tree, type TreeFile, withFiles } from './tree.ts';

/** What `start.cjs` does before it hands over to the entry. */
interface Duties {
  /** Uses V8's compile cache, by `compile-cache.cjs` beside it. A service does so where it starts its applications. */
  readonly cache: boolean;
  /** Asks for a look at the install after a run that ended badly. */
  readonly mark: boolean;
}

/** How `compile-cache.cjs` has the cache used. */
interface CacheSettings {
  /** By workers and child processes, too: Node tells them by a variable of the environment. */
  readonly children: boolean;
  /** One that was filled while wrapping lies in the release. */
  readonly seed: boolean;
}

/** Bytes of JavaScript from which on the cache saves more than start.cjs costs; decision 0024 has the measurement. */
const WORTH_CACHING = 200_000;

/** Where the file lies, relative to the release's root, that Node executes in place of an entry. */
export function startPath({ version }: Pick<AssembledRelease, 'version'>): string {
  return `releases/${version}/start.cjs`;
}

/** What is in a release whose starts may leave a compile cache in the install, which then has to be looked after. */
export function compileCachePath({ version }: Pick<AssembledRelease, 'version'>): string {
  return `releases/${version}/compile-cache.cjs`;
}

function hasCompileCache(tree: Tree, release: AssembledRelease): boolean {
  if (release.wrap.compileCache === false || release.wrap.snapshot) return false;
  return release.kind === 'service' || hasSeed(tree, release) || bytesOfCode(tree, release) >= WORTH_CACHING;
}

/** Adds `start.cjs` where it has something to do, and `compile-cache.cjs` where there is a cache. */
export async function withStart(tree: Tree, release: AssembledRelease): Promise<Tree> {
  const { compileCache } = release.wrap;
  const hasCache = hasCompileCache(tree, release);
  const duties: Duties = {
    cache: hasCache && release.kind === 'cli',
    mark: !areLookedAt(tree.directories),
  };
  const settings: CacheSettings = {
    children: compileCache !== false && compileCache.children,
    seed: hasSeed(tree, release),
  };
  return withFiles(tree, [
    ...(duties.cache || duties.mark ? [await fileWith(release, 'start.cjs', 'DUTIES', duties)] : []),
    ...(hasCache ? [await fileWith(release, 'compile-cache.cjs', 'SETTINGS', settings)] : []),
  ]);
}

/** One that lies beside this, with a constant of its own. */
async function fileWith(
  { version }: AssembledRelease,
  name: string,
  constant: string,
  value: object,
): Promise<TreeFile> {
  const source = await readFile(fileURLToPath(new URL(name, import.meta.url)), 'utf8');
  const line = `const ${constant} = ${JSON.stringify(value)};`;
  const content = Buffer.from(source.replace(new RegExp(`^const ${constant} = .*$`, 'm'), () => line));
  return fileOfBytes(`releases/${version}/${name}`, content);
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
