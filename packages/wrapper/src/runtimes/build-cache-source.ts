import { OfflineError } from './errors.ts';
import type { Runtime } from './runtime.ts';
import type { RuntimeSource } from './source.ts';

/** What earlier builds downloaded: the only source that needs no network. */
export function buildCacheSource(runtimes: () => Promise<readonly Runtime[]>): RuntimeSource {
  return {
    title: 'the build cache',
    prefix: '',
    serves: () => true,
    names: () => [],
    versions: async (target) => {
      const own = (await runtimes()).filter((runtime) => runtime.target === target.name);
      return own.map(({ version }) => version);
    },
    locate: async (target, version) => {
      const found = (await runtimes()).find(
        (runtime) => runtime.target === target.name && runtime.version === version,
      );
      if (found === undefined)
        throw new OfflineError(`Node ${version} for ${target.name} is not in the build cache.`);
      return { source: found.source, integrity: found.integrity, url: '' };
    },
  };
}
