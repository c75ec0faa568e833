import path from 'node:path';

/** What the `.conf` file of a schema of @sarma/conform is called, less its ending: `config/kv.schema.ts` → `kv`. */
export function schemaName(file: string): string {
  return path.basename(file).replace(/(?:\.schema)?\.[cm]?[jt]sx?$/, '');
}
