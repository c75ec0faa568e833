import { checkSchema } from './check-schema.ts';
import type { ConfFile } from './conf-file.ts';
import { ConformError, type Problem } from './error.ts';
import { evaluate } from './evaluate.ts';
import type { ConfigurationOf } from './inferred.ts';
import { parseKey } from './key.ts';
import { everyNamed, together } from './mappings.ts';
import type { Schema } from './schema.ts';
import type { Source } from './source.ts';
import type { Values } from './values.ts';

export interface Translation<Configuration = Readonly<Record<string, Readonly<Record<string, unknown>>>>> {
  /** Application → key → value: what is laid over the configuration below. */
  readonly configuration: Configuration;
  /** Where each value goes, as a path with dots (`printKey`) → where it comes from. */
  readonly sources: ReadonlyMap<string, Source>;
  /** What validators warn of, and settings that stand in a file twice. */
  readonly warnings: readonly Problem[];
}

export interface TranslateOptions {
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The configuration that the result is laid over: what it has is not missing. */
  readonly below?: Readonly<Record<string, unknown>>;
}

/**
 * Makes the configuration that .conf files come to by a schema. A value is that of the file, else of the variable of the
 * environment, else the schema's default. Of several files, what stands in a later one counts more. Throws ConformError
 * with everything that is wrong: CONFORM_SCHEMA, or CONFORM_VALUE.
 */
export function translate<const S extends Schema>(
  conf: ConfFile | readonly ConfFile[],
  schema: S | readonly S[],
  { env = process.env, below = {} }: TranslateOptions = {},
): Translation<ConfigurationOf<S>> {
  const whole = together(schema);
  checkSchema(whole);
  const files = 'lines' in conf ? [conf] : conf;
  const { values, problems, warnings } = evaluate(files, whole, { env, below });
  if (problems.length > 0) throw new ConformError('CONFORM_VALUE', problems);
  transform(values, whole);
  const configuration = values.configuration() as ConfigurationOf<S>;
  return { configuration, sources: values.sources, warnings };
}

function transform(values: Values, schema: Schema): void {
  for (const [key, compute] of everyNamed(schema, 'transforms')) {
    const failed = (message: string, options?: ErrorOptions) =>
      new ConformError('CONFORM_VALUE', [{ key, message: `the transform ${message}` }], options);
    let value: unknown;
    try {
      value = compute(values);
    } catch (cause) {
      throw failed(`failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    if (value instanceof Promise) throw failed('returned a promise; it has to return the value itself');
    values.replace(value, { path: parseKey(key), from: 'transform' });
  }
}
