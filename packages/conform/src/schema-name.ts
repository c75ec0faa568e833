import path from 'node:path';

/** What a schema's `.conf` file is called, less its ending: `config/kv.schema.ts` → `kv`. */
export function schemaName(file: string): string {
  return path.basename(file).replace(/(?:\.schema)?\.[cm]?[jt]s$/, '');
}
