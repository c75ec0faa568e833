import { checkSchema } from './check-schema.ts';
import type { Datatype, ValueOf } from './datatypes/datatype.ts';
import type { Transform } from './transforms.ts';
import type { Validator } from './validators.ts';

/** What a setting of the .conf file means. */
export interface Mapping<Value = never> {
  /**
   * Where the value goes: application, key, and keys below it, with dots (`kv.listen.port`). `*` and `$name` stand for what
   * they stand for in the setting. Default: as the setting is called; below a `complex` mapping, below where that one goes.
   */
  readonly to?: string;
  /** Default: `string`. `complex`: a group of settings for each name that `*` stands for; they have mappings of their own. */
  readonly datatype?: Datatype | 'complex';
  /** The value where neither the file nor the environment has one: of the datatype, not as it is written in the file. */
  readonly default?: unknown;
  /** The variable of the environment that is used where the file has none. An empty one counts as not set. */
  readonly envVar?: string;
  /** Comes before the setting in a generated .conf file. Several lines are fine. */
  readonly doc?: string;
  /** Another setting whose `doc` tells more. */
  readonly see?: string;
  /** Not in a generated .conf file. It may be set all the same. */
  readonly hidden?: boolean;
  /** In a generated .conf file it is commented out. Default: true. False: its default is written out, and so counts more than `envVar`. */
  readonly commented?: boolean;
  /** A name to put where the wildcard is, in a generated .conf file. */
  readonly includeDefault?: string;
  /** It is an error if it has no value at all: none in the file, the environment, the default, or the configuration below. */
  readonly required?: boolean;
  /** Looked at in their order once the value is there; a text names one of the schema's `validators`. */
  readonly validators?: readonly (Validator<Value> | string)[];
}

/** What may be set, and what becomes of it. */
export interface Schema {
  /** Schemas of other applications; what is here counts more than what is there, and later ones more than earlier. */
  readonly extends?: readonly Schema[];
  /**
   * The setting as it is written in a .conf file → what it means. `*` and `$name` in it stand for any name:
   * `'kv.buckets.*.size'`.
   */
  readonly mappings: Readonly<Record<string, Mapping>>;
  /** Where a value goes → a function that computes it from all values, once these are there; in their order. */
  readonly transforms?: Readonly<Record<string, Transform>>;
  /** Validators by name, for mappings here and in schemas that extend this one. */
  readonly validators?: Readonly<Record<string, Validator>>;
}

/**
 * Checks a schema and gives it its types: a default or a validator that does not fit the datatype is a mistake of types.
 * Returns what it is given; a plain object does as well, it is checked when it is used. Throws ConformError
 * CONFORM_SCHEMA.
 */
export function defineSchema<
  // What may be left unsaid of a validator is said by Fitting.
  // biome-ignore lint/suspicious/noExplicitAny: never would be the type of each parameter that has none.
  const Mappings extends Readonly<Record<string, Mapping<any>>>,
  const Transforms extends NonNullable<Schema['transforms']>,
  const Extended extends readonly Schema[],
>(schema: {
  readonly extends?: Extended;
  readonly mappings: Mappings & Fitting<Mappings>;
  readonly transforms?: Transforms;
  readonly validators?: NonNullable<Schema['validators']>;
}): DefinedSchema<Mappings, Transforms, Extended> {
  checkSchema(schema);
  return schema as DefinedSchema<Mappings, Transforms, Extended>;
}

export interface DefinedSchema<Mappings, Transforms, Extended> {
  readonly extends: Extended;
  readonly mappings: Mappings;
  readonly transforms: Transforms;
}

type Fitting<Mappings> = string extends keyof Mappings
  ? unknown
  : { readonly [Key in keyof Mappings]: FittingMapping<Mappings[Key]> };

type FittingMapping<M> = M extends { readonly datatype: 'complex' }
  ? { readonly default?: Readonly<Record<string, unknown>> }
  : Fits<M extends { readonly datatype: infer Type } ? ValueOf<Type> : string>;

interface Fits<Value> {
  readonly default?: Value;
  readonly validators?: readonly (Validator<Value> | string)[];
}
