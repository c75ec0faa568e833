import path from 'node:path';
import { schemaName } from '@sarma/app/internal';
import type { Release } from '../release.ts';
import { sourceExtension } from '../sources/package.ts';
import { schemaFiles } from './schema-files.ts';

/** Besides those of the configuration. */
const environments = ['dev', 'development', 'test', 'staging', 'prod', 'production'];

/**
 * Says of a file whether it is `config/config.ts` or that of an environment: what they say is in sys.config.json, and
 * other environments are nobody's business. So are schemas of providers, which are in the release compiled, and the
 * `.conf` files beside them. Code that imports one of them brings it all the same.
 */
export function buildOnly(release: Release): (file: string) => boolean {
  const isConfiguration = configurationFiles(release);
  const schemas = schemaFiles(release);
  return (file) => isConfiguration(file) || schemas.some((schema) => file === schema || isConf(file, schema));
}

function configurationFiles({ environment, options }: Release): (file: string) => boolean {
  const { buildConfig } = options;
  if (buildConfig === undefined) return () => false;
  const names = [path.parse(buildConfig).name, environment, ...options.environments, ...environments];
  return (file) =>
    path.dirname(file) === path.dirname(buildConfig) &&
    sourceExtension.test(file) &&
    names.includes(path.parse(file).name);
}

/** `kv.conf`, `kv.prod.conf` beside `kv.schema.ts`. */
function isConf(file: string, schema: string): boolean {
  const isBeside = path.dirname(file) === path.dirname(schema);
  return isBeside && path.basename(file).startsWith(`${schemaName(schema)}.`) && file.endsWith('.conf');
}
