import path from 'node:path';
import type { Release } from '../release.ts';
import { sourceExtension } from '../sources/package.ts';

/** Besides those of the configuration. */
const environments = ['dev', 'development', 'test', 'staging', 'prod', 'production'];

/**
 * Says of a file whether it is `config/config.ts` or that of an environment: what they say is in sys.config.json, and
 * other environments are nobody's business. Code that imports one of them brings it all the same.
 */
export function buildOnly({ environment, options }: Release): (file: string) => boolean {
  const { buildConfig } = options;
  if (buildConfig === undefined) return () => false;
  const names = [path.parse(buildConfig).name, environment, ...options.environments, ...environments];
  return (file) =>
    path.dirname(file) === path.dirname(buildConfig) &&
    sourceExtension.test(file) &&
    names.includes(path.parse(file).name);
}
