import { checkSchema } from './check-schema.ts';
import { ConformError } from './error.ts';
import type { Schema } from './schema.ts';

/** The schema that a module exports; `file` is what messages call it. Throws ConformError CONFORM_FILE, CONFORM_SCHEMA. */
export function schemaOf({ default: schema }: Readonly<Record<string, unknown>>, file: string): Schema {
  if (schema === undefined) {
    const message = 'the schema has no default export; write: export default defineSchema({ … })';
    throw new ConformError('CONFORM_FILE', [{ file, message }]);
  }
  try {
    checkSchema(schema);
  } catch (cause) {
    throw inSchema(file, cause);
  }
  return schema;
}

/** What `defineSchema` threw while a file was imported, with the name of the file; anything else as it is. */
export function inSchema(file: string, cause: unknown): unknown {
  // The schema may have another copy of this package, and so another class.
  if ((cause as Error)?.name !== 'ConformError') return cause;
  const { code, problems } = cause as ConformError;
  return new ConformError(
    code,
    problems.map((problem) => ({ file, ...problem })),
    { cause },
  );
}
