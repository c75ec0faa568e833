import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ProviderBuild } from '@sarma/app';
import { schemaName } from '@sarma/app/internal';
import { readConfText } from './conf-text.ts';
import { configure } from './configure.ts';
import { parse } from './parse.ts';
import { schemaOf } from './schema-of.ts';

/**
 * The `.conf` files that a release brings along, one for each schema: that of the project (`findConf`), which then holds
 * until the host has its own, or one with everything commented out. Throws ConformError for a schema that is none, and
 * for a file that cannot be read.
 */
export function shippedFiles(
  { schema }: { readonly schema: string | readonly string[] },
  { project, environment, modules }: ProviderBuild,
): Readonly<Record<string, string>> {
  const files = [schema].flat().map((name, index) => {
    const source = path.resolve(project, name);
    const exported = schemaOf(modules.schema![index]!, source);
    const file = findConf(source, environment);
    const text = (file && readConfText(file)) ?? configure(exported, { name: schemaName(source) });
    // What is wrong with it should not be found out where the service starts.
    parse(text, file);
    return [`${schemaName(source)}.conf`, text] as const;
  });
  return Object.fromEntries(files);
}

/** `kv.<environment>.conf` beside `kv.schema.ts`, else `kv.conf`; undefined where there is neither. */
export function findConf(source: string, environment: string): string | undefined {
  const name = path.join(path.dirname(source), schemaName(source));
  return [`${name}.${environment}.conf`, `${name}.conf`].find((file) => existsSync(file));
}
