import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AssembledRelease } from '../assembled-release.ts';
import type { Build } from '../build.ts';
import type { OnEvent } from '../events.ts';
import { type LaidOut, withLaidOut } from '../laid-out.ts';
import { howItEnded, whatItSaid } from '../run-alone.ts';
import { hostAmong } from '../targets.ts';
import { fileOfBytes, type Tree, type TreeFile, withFiles } from '../tree.ts';

/** A compile cache cannot be filled while wrapping. */
export class CompileCacheError extends Error {
  override readonly name = 'CompileCacheError';
  readonly code: 'COMPILE_CACHE_RUNTIME' | 'COMPILE_CACHE_TRIAL' | 'COMPILE_CACHE_EMPTY';
  constructor(code: CompileCacheError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** What fill.cjs is told. */
interface Task {
  /** Of the release, absolute. */
  readonly root: string;
  /** Modules from which all others are reached, relative to the root. */
  readonly roots: readonly string[];
  /** The program that runs first; null: nothing of the release is evaluated. */
  readonly trial: {
    readonly entry: string;
    readonly arguments: readonly string[];
    readonly directory: string;
  } | null;
}

/** Where programs are run while they are wrapped. */
export interface TrialPlace {
  readonly project: string;
  /** Ends them. */
  readonly signal: AbortSignal | undefined;
}

/** Where it lies in the release: `<tag>/<key>` as Node names them, the tag without the user's number, and `<tag>/whole`. */
export function seedPath({ version }: Pick<AssembledRelease, 'version'>): string {
  return `releases/${version}/compile-cache`;
}

/**
 * Adds a compile cache made by the target's runtime on this machine, where one is asked for: docs/decisions/0025.
 * Throws CompileCacheError, and what writing to the temporary directory throws.
 */
export async function withSeed(
  tree: Tree,
  { release, target, runtime }: Pick<Build, 'release' | 'target' | 'runtime'>,
  { project, signal }: TrialPlace,
  onEvent: OnEvent,
): Promise<Tree> {
  const { compileCache } = release.wrap;
  if (compileCache === false || compileCache.build === false) return tree;
  if (hostAmong([target]) === undefined) {
    const message =
      'the compile cache is filled by the first run: wrap.compileCache.build is for the target of the machine that wraps.';
    onEvent({ type: 'notice', level: 'info', target: target.name, message });
    return tree;
  }
  if (!canMoveCaches(runtime.version)) {
    throw new CompileCacheError(
      'COMPILE_CACHE_RUNTIME',
      `Node ${runtime.version} finds no compile cache that was filled elsewhere: wrap.compileCache.build needs a runtime of 24.12, 25.1 or newer.`,
    );
  }
  const trials = trialsOf(release, project);
  const roots = await rootsOf(tree, release);
  return await withLaidOut(tree, runtime.file, signal, async (laidOut) => {
    for (const trial of trials) await fill(laidOut, { roots, trial }, release);
    return withFiles(tree, await readSeed(laidOut.directory, release, trials[0] !== null));
  });
}

/** `enableCompileCache` takes `portable` since 24.12 and 25.1. */
function canMoveCaches(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 25 || (major === 25 && minor >= 1) || (major === 24 && minor >= 12);
}

/** Throws CompileCacheError. */
function trialsOf(
  { wrap: { compileCache }, entries, kind, name }: AssembledRelease,
  project: string,
): readonly Task['trial'][] {
  const build = compileCache !== false && compileCache.build;
  if (typeof build === 'boolean') return [null];
  if (kind === 'service') {
    throw new CompileCacheError(
      'COMPILE_CACHE_TRIAL',
      `${name} is a service, which is not run while it is wrapped: say wrap.compileCache.build: true.`,
    );
  }
  return Object.values(entries).map((entry) => ({ entry, arguments: build, directory: project }));
}

/** What Node executes, and the modules that the boot loads: they are named in boot.json. */
async function rootsOf({ files }: Tree, { version, entries }: AssembledRelease): Promise<readonly string[]> {
  const boot = files.find((file) => file.path === `releases/${version}/boot.json`);
  if (boot === undefined) return Object.values(entries);
  const modules = new Set(files.map((file) => file.path).filter((name) => /\.[cm]?js$/.test(name)));
  const named: string[] = [];
  JSON.parse(
    String(typeof boot.content === 'string' ? await readFile(boot.content) : boot.content),
    (_, value) => {
      if (modules.has(value)) named.push(value);
      return value;
    },
  );
  return [...Object.values(entries), ...named];
}

async function fill(
  laidOut: LaidOut,
  task: Omit<Task, 'root'>,
  { vmArgs, name }: AssembledRelease,
): Promise<void> {
  const script = fileURLToPath(new URL('./fill.cjs', import.meta.url));
  // With --predictable the same modules give the same bytes.
  const options = ['--expose-internals', '--no-warnings', '--predictable', ...vmArgs];
  const told = JSON.stringify({ root: laidOut.root, ...task } satisfies Task);
  const ended = await laidOut.run([...options, script, told]);
  if (ended.status === 0) return;
  const how = `${howItEnded(ended)}${whatItSaid(ended)}`;
  throw new CompileCacheError(
    'COMPILE_CACHE_TRIAL',
    task.trial === null
      ? `The runtime did not compile the modules of ${name}: it ${how}`
      : `${[name, ...task.trial.arguments].join(' ')}, which was to fill its compile cache, ${how}\nName arguments in wrap.compileCache.build with which it ends with 0 within two minutes, or say true: then nothing is run.`,
  );
}

/** What Node left in its cache, under the tag of runtime and machine alone: the user's number at its end is another one there. */
async function readSeed(
  directory: string,
  release: AssembledRelease,
  isTried: boolean,
): Promise<readonly TreeFile[]> {
  const cache = path.join(directory, '.sarma/compile-cache');
  const [tag] = await readdir(cache).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const names = tag === undefined ? [] : await readdir(path.join(cache, tag));
  const keys = names.filter((name) => /^[0-9a-f]+$/.test(name));
  if (tag === undefined || keys.length === 0) {
    throw new CompileCacheError(
      'COMPILE_CACHE_EMPTY',
      `Nothing of ${release.name} was compiled: leave out wrap.compileCache.build.`,
    );
  }
  const place = `${seedPath(release)}/${process.getuid === undefined ? tag : tag.replace(/-\d+$/, '')}`;
  const files = keys.map(async (key) =>
    fileOfBytes(`${place}/${key}`, await readFile(path.join(cache, tag, key))),
  );
  const others = [fileOfBytes(`${place}/whole`, Buffer.from('\n'))];
  // That compile-cache.cjs has nothing to learn any more from what is called.
  if (isTried) others.push(fileOfBytes(`${place}/runs`, Buffer.alloc(32, ' ')));
  return [...(await Promise.all(files)), ...others];
}
