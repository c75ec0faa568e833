import path from 'node:path';
import type { Release } from '../release.ts';
import { sourceExtension } from '../sources/package.ts';

/** The sources that providers are given as `schema: 'config/kv.schema.ts'`, or a list of them. Absolute paths. */
export function schemaFiles({ project, configProviders }: Release): readonly string[] {
  return configProviders.flatMap(({ options }) => {
    const { schema } = (options ?? {}) as { readonly schema?: unknown };
    return [schema]
      .flat()
      .filter((one): one is string => typeof one === 'string' && sourceExtension.test(one))
      .map((source) => path.resolve(project, source));
  });
}
