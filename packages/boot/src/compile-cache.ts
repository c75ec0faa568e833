import { existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { BootFile } from './boot-file.ts';
import type { ReleaseEnvironment } from './environment.ts';

// The same as start.cjs of packages/wrapper does for programs.

/**
 * Has Node keep V8's code of the modules that this process loads from now on in the install, and take it from there. A
 * directory release has none: nothing removes there what grows old. What fails here leaves a start as Node alone would
 * have it.
 */
export function useCompileCache(
  { compileCache }: BootFile,
  { root, version, executable, readOnly }: ReleaseEnvironment,
): void {
  const { enableCompileCache, getCompileCacheDir, constants } = process.getBuiltinModule('node:module');
  // Node 22.8 and later.
  if (compileCache === undefined || executable === undefined || readOnly || !constants?.compileCacheStatus)
    return;
  const directory = path.join(root, '.sarma', 'compile-cache');
  // What was compiled when the executable was made.
  const seed = path.join(root, 'releases', version, 'compile-cache');
  try {
    if (!existsSync(directory)) {
      // What was prepared (`maintenance extract`) is written to only where somebody made the directory for that.
      if (isPrepared(root)) return;
      // V8 believes what lies there. Node would make it as open as the umask lets it.
      mkdirSync(directory, { mode: 0o700 });
    }
    const portable = existsSync(seed);
    const { status } = enableCompileCache(portable ? portableIn(directory) : directory);
    if (status !== constants.compileCacheStatus.ENABLED) return;
    // Workers and child processes learn it by variables alone.
    if (compileCache.children) {
      process.env.NODE_COMPILE_CACHE = directory;
      if (portable) process.env.NODE_COMPILE_CACHE_PORTABLE = '1';
    }
    if (portable) adopt(seed, getCompileCacheDir()!);
  } catch {
    // Without it.
  }
}

/** The base of such an install is called like the release's id. */
function isPrepared(root: string): boolean {
  return root.endsWith(`-${path.basename(path.resolve(root, '../..'))}`);
}

/** Node 24.12 and later; the types are of an older one. */
const portableIn = (directory: string) => ({ directory, portable: true }) as unknown as string;

/** Links what was compiled ahead to where Node looks for this user, once. */
function adopt(seed: string, own: string): void {
  if (existsSync(path.join(own, 'whole'))) return;
  const tag = path.basename(own);
  // That of another runtime, CPU or flag of V8 is called otherwise.
  const made = path.join(seed, process.getuid === undefined ? tag : tag.replace(/-\d+$/, ''));
  if (!existsSync(made)) return;
  // `whole` comes last.
  for (const name of readdirSync(made).sort()) {
    try {
      linkSync(path.join(made, name), path.join(own, name));
    } catch (error) {
      // Another start was first.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Stores what was compiled until now: Node does so when a process ends by itself, and a service is ended. */
export async function storeCompileCache({ root, version }: ReleaseEnvironment): Promise<void> {
  const { flushCompileCache, getCompileCacheDir } = process.getBuiltinModule('node:module');
  // `flush` since Node 22.10. Another directory is one that the user has named.
  const directory = getCompileCacheDir?.();
  if (flushCompileCache === undefined || !directory?.startsWith(path.join(root, '.sarma', path.sep))) return;
  flushCompileCache();
  if (existsSync(path.join(directory, LEARNED))) return;
  const { storeNeeded } = await import('./compile-cache-learning.ts');
  const portable = existsSync(path.join(root, 'releases', version, 'compile-cache'));
  storeNeeded(directory, (file) => (portable ? path.relative(directory, file) : file));
  flushCompileCache();
}

/** There when nothing more is to be stored than Node does by itself; start.cjs counts in it. */
export const LEARNED = 'runs';
