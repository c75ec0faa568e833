import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ProviderBuild } from '@sarma/app';
import { configure } from './configure.ts';
import { ConformError } from './error.ts';
import { parse } from './parse.ts';
import type { Schema } from './schema.ts';
import { schemaName } from './schema-name.ts';

/**
 * The `.conf` files that a release brings along, one for each schema: that of the project (`findConf`), which then holds
 * until the host has its own, or one with everything commented out. Throws ConformError for one that cannot be read.
 */
export function shippedFiles(
  { schema }: { readonly schema: string | readonly string[] },
  { project, environment, modules }: ProviderBuild,
): Readonly<Record<string, string>> {
  const files = [schema].flat().map((name, index) => {
    const source = path.resolve(project, name);
    const exported = modules.schema![index]!.default as Schema;
    return [`${schemaName(source)}.conf`, shippedText(source, environment, exported)] as const;
  });
  return Object.fromEntries(files);
}

function shippedText(source: string, environment: string, schema: Schema): string {
  const file = findConf(source, environment);
  if (file === undefined) return configure(schema, { name: schemaName(source) });
  const text = readFileSync(file, 'utf8');
  parse(text, file);
  return text;
}

/** `kv.<environment>.conf` beside `kv.schema.ts`, else `kv.conf`; undefined where there is neither. */
export function findConf(source: string, environment: string): string | undefined {
  const name = path.join(path.dirname(source), schemaName(source));
  return [`${name}.${environment}.conf`, `${name}.conf`].find(isThere);
}

function isThere(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    const message = `cannot be read: ${(cause as Error).message}`;
    throw new ConformError('CONFORM_FILE', [{ file, message }], { cause });
  }
}
