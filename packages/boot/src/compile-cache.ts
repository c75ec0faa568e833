import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from './environment.ts';

/** `compile-cache.cjs` of packages/wrapper, which executables have in their releases, beside boot.json. */
interface CompileCache {
  use(): boolean;
  learnNow(): void;
}

/** Milliseconds after which a service that has started fills the cache: whoever waits for it has been answered by then. */
const SETTLED = 1000;

/**
 * Has Node keep V8's code of the modules that this process loads from now on in the install, and take it from there. A
 * directory release has none: nothing removes there what grows old.
 */
export function useCompileCache(environment: ReleaseEnvironment): void {
  cacheOf(environment)?.use();
}

/** Stores what was compiled until now: Node does so when a process ends by itself, and a service is ended. */
export function fillCompileCache(environment: ReleaseEnvironment): void {
  setTimeout(() => cacheOf(environment)?.learnNow(), SETTLED).unref();
}

function cacheOf({ root, version, executable, readOnly }: ReleaseEnvironment): CompileCache | undefined {
  const file = path.join(root, 'releases', version, 'compile-cache.cjs');
  if (executable === undefined || readOnly || !existsSync(file)) return undefined;
  return require(file) as CompileCache;
}
