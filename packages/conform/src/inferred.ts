import type { ValueOf } from './datatypes/datatype.ts';

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

// One object type per mapping and transform, `{ kv: { port: number } }`, to be intersected. A type that does not say which
// mappings there are says nothing.
type Values<S> = S extends { readonly mappings: infer Mappings }
  ? string extends keyof Mappings
    ? never
    :
        | { [Key in keyof Mappings & string]: Placed<S, Key, Mappings[Key]> }[keyof Mappings & string]
        | Transformed<S>
        | (S extends { readonly extends: readonly (infer Extended)[] } ? Values<Extended> : never)
  : never;

// What a transform computes has the transform's type.
type Placed<S, Key extends string, M> =
  Destination<S, Key, M> extends infer To extends string
    ? To extends Computed<S>
      ? never
      : At<To, Held<M>, Has<M>>
    : never;

type Destination<S, Key extends string, M> = M extends { readonly to: infer To extends string }
  ? To
  : [InGroup<S, Key>] extends [never]
    ? Key
    : InGroup<S, Key>;

// What is in a group goes where that one goes.
type InGroup<S, Key extends string> = S extends { readonly mappings: infer Mappings }
  ? {
      [Group in keyof Mappings & string]: Mappings[Group] extends Moved<infer To>
        ? Key extends `${Group}.${infer Rest}`
          ? `${To}.*.${Rest}`
          : never
        : never;
    }[keyof Mappings & string]
  : never;

interface Moved<To extends string> {
  readonly datatype: 'complex';
  readonly to: To;
}

type Computed<S> =
  TransformsOf<S> extends infer T ? (keyof T & string) | `${keyof T & string}.${string}` : never;

type Transformed<S> =
  TransformsOf<S> extends infer T
    ? { [Path in keyof T & string]: At<Path, Returned<T[Path]>, true> }[keyof T & string]
    : never;

type TransformsOf<S> = S extends { readonly transforms: infer T }
  ? string extends keyof T
    ? unknown
    : T
  : unknown;

type Returned<T> = T extends (conf: never) => infer Result ? Result : never;

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
