/** Nothing: it is well. `warn`: it may stay and somebody should know. `error`: nothing starts. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function without return is one.
export type Verdict = void | undefined | { readonly warn: string } | { readonly error: string };

/**
 * Looks at a value of a datatype. What `warn` and `error` say is the end of the sentence `kv.port: …`. `key` is the
 * setting's.
 */
export type Validator<Value = never> = (value: Value, key: string) => Verdict;

/** A number from `min` to `max`, both included. */
export function range(min: number, max: number): Validator<number> {
  return (value) =>
    value >= min && value <= max ? undefined : { error: `expected ${min} to ${max}, found ${value}` };
}
