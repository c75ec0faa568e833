import { openBuildCache } from './build-cache.ts';
import { defaultRange } from './runtimes/default-range.ts';
import { type Runtime, type RuntimeRequest, resolveRuntimes } from './runtimes/index.ts';

export type { Runtime } from './runtimes/index.ts';

export interface FetchOptions extends Omit<RuntimeRequest, 'cache' | 'range'> {
  /** Default: that of `defaultRange`. */
  readonly range?: string;
}

/** Brings the runtimes of the targets into the build cache. Throws what `resolveRuntimes` throws. */
export async function fetchRuntimes(options: FetchOptions): Promise<ReadonlyMap<string, Runtime>> {
  return await resolveRuntimes({
    ...options,
    range: options.range ?? defaultRange(),
    cache: openBuildCache(),
  });
}
