import { openBuildCache } from './build-cache.ts';
import { type Runtime, type RuntimeRequest, resolveRuntimes } from './runtimes/index.ts';

export type { Runtime } from './runtimes/index.ts';

/** The line of Node that a release gets when nobody says which: the newest with long-term support. */
export const DEFAULT_RANGE = '24';

export interface FetchOptions extends Omit<RuntimeRequest, 'cache' | 'range'> {
  /** Default: `DEFAULT_RANGE`. */
  readonly range?: string;
}

/** Brings the runtimes of the targets into the build cache. Throws what `resolveRuntimes` throws. */
export async function fetchRuntimes(options: FetchOptions): Promise<ReadonlyMap<string, Runtime>> {
  return await resolveRuntimes({
    ...options,
    range: options.range ?? DEFAULT_RANGE,
    cache: openBuildCache(),
  });
}
