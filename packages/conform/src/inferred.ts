import type { ValueOf } from './datatypes/datatype.ts';
import type { Schema } from './schema.ts';

/**
 * The type of the configuration that a schema gives: `type Config = ConfigurationOf<typeof schema>['kv']`. A wildcard is
 * a record, and so is a path with quotes or escapes in it.
 */
export type ConfigurationOf<S> = Flat<
  Union<Values<S>> extends infer All
    ? unknown extends All
      ? Record<string, Record<string, unknown>>
      : All
    : never
>;

// One object type per mapping and transform, `{ kv: { port: number } }`, to be intersected.
type Values<S> = S extends Schema
  ?
      | { [Key in keyof S['mappings'] & string]: Placed<S, Key, S['mappings'][Key]> }[keyof S['mappings'] &
          string]
      | Transformed<S>
      | (S extends { readonly extends: readonly (infer Extended)[] } ? Values<Extended> : never)
  : never;

// What a transform computes has the transform's type.
type Placed<S, Key extends string, M> =
  Destination<Key, M> extends infer To extends string
    ? To extends Computed<S>
      ? never
      : At<To, Held<M>, Has<M>>
    : never;

type Destination<Key extends string, M> = M extends { readonly to: infer To extends string } ? To : Key;

type Computed<S> = S extends { readonly transforms: infer T }
  ? (keyof T & string) | `${keyof T & string}.${string}`
  : never;

type Transformed<S> = S extends { readonly transforms: infer T }
  ? {
      [Path in keyof T & string]: T[Path] extends (conf: never) => infer Result
        ? At<Path, Result, true>
        : never;
    }[keyof T & string]
  : never;

type Held<M> = M extends { readonly datatype: 'complex' }
  ? Readonly<Record<string, unknown>>
  : M extends { readonly datatype: infer Type }
    ? ValueOf<Type>
    : string;

/** Whether the value is always there. */
type Has<M> = M extends { readonly required: true }
  ? true
  : M extends { readonly default: infer D }
    ? undefined extends D
      ? false
      : true
    : false;

type At<Path extends string, Value, Always> = Path extends `${infer Head}.${infer Rest}`
  ? Step<Head, At<Rest, Value, Always>, true>
  : Step<Path, Value, Always>;

type Step<Part extends string, Value, Always> = Part extends '*' | `$${string}`
  ? { readonly [name: string]: Value }
  : Always extends true
    ? { readonly [Name in Part]: Value }
    : { readonly [Name in Part]?: Value };

type Union<All> = (All extends unknown ? (one: All) => void : never) extends (one: infer Both) => void
  ? Both
  : never;

type Flat<Value> = Value extends (...args: never) => unknown
  ? Value
  : Value extends object
    ? { [Key in keyof Value]: Value[Key] }
    : Value;
