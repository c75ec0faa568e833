import { type KeyPart, parsePattern, printKey, type Wildcard } from './key.ts';
import type { Mapping, Schema } from './schema.ts';

/** A mapping with what it leaves to be understood. */
export interface ResolvedMapping extends Mapping {
  /** The setting as the schema writes it, with wildcards. */
  readonly key: string;
  readonly parts: readonly KeyPart[];
  readonly datatype: NonNullable<Mapping['datatype']>;
  /** Where the value goes, application first; a number is what that wildcard of `parts` stands for, from 0. */
  readonly path: readonly (string | number)[];
}

/** All mappings, those of extended schemas first, in the order in which a .conf file shows them. */
export function allMappings(schema: Schema): readonly ResolvedMapping[] {
  const written = new Map<string, Mapping & { readonly key: string; readonly parts: readonly KeyPart[] }>();
  for (const [key, mapping] of everyMapping(schema)) {
    const parts = parsePattern(key);
    // Setting what is there leaves it in its place.
    written.set(patternOf(parts), { ...mapping, key, parts });
  }
  const resolved = new Map<string, ResolvedMapping>();
  // From short to long, so that a group is there before what is in it.
  for (const [pattern, mapping] of [...written].sort(
    ([, one], [, other]) => one.parts.length - other.parts.length,
  ))
    resolved.set(pattern, {
      ...mapping,
      datatype: mapping.datatype ?? 'string',
      path:
        mapping.to === undefined
          ? pathByDefault(mapping.parts, mapping.datatype, resolved)
          : pathOf(mapping.to, mapping.parts),
    });
  return [...written.keys()].map((pattern) => resolved.get(pattern)!);
}

/** A key whose wildcards have no names: what one setting is for another schema. */
export function patternOf(parts: readonly KeyPart[]): string {
  return printKey(parts.map((part) => (typeof part === 'string' ? part : { wildcard: '*' })));
}

export const isWildcard = (part: KeyPart): part is Wildcard => typeof part !== 'string';

/** A pattern with names where its wildcards were. */
export function boundKey(parts: readonly KeyPart[], names: readonly string[]): readonly string[] {
  let wildcards = 0;
  return parts.map((part) => (isWildcard(part) ? names[wildcards++]! : part));
}

/** A path with names where wildcards were. */
export function boundPath(path: readonly (string | number)[], names: readonly string[]): readonly string[] {
  return path.map((part) => (typeof part === 'number' ? names[part]! : part));
}

/** Several schemas as one. */
export function together(schema: Schema | readonly Schema[]): Schema {
  return isOne(schema) ? schema : { extends: schema, mappings: {} };
}

const isOne = (schema: Schema | readonly Schema[]): schema is Schema => !Array.isArray(schema);

function everyMapping({ extends: extended = [], mappings }: Schema): readonly (readonly [string, Mapping])[] {
  return [...extended.flatMap(everyMapping), ...Object.entries(mappings)];
}

/** Transforms or validators by their names, those of extended schemas first; of two of a name, the later one. */
export function everyNamed<Name extends 'transforms' | 'validators'>(
  schema: Schema,
  name: Name,
): readonly (readonly [string, NonNullable<Schema[Name]>[string]])[] {
  const extended = (schema.extends ?? []).flatMap((one) => everyNamed(one, name));
  const own = Object.entries(schema[name] ?? {}) as [string, NonNullable<Schema[Name]>[string]][];
  return [...new Map([...extended, ...own])];
}

/** `to` of a setting → a path; -1 in it: a wildcard that the setting does not have. */
export function pathOf(to: string, parts: readonly KeyPart[]): readonly (string | number)[] {
  const wildcards = parts.filter((part) => typeof part !== 'string').map(({ wildcard }) => wildcard);
  const taken = new Set<number>();
  return parsePattern(to).map((part) => {
    if (typeof part === 'string') return part;
    const index = wildcards.findIndex((wildcard, at) => wildcard === part.wildcard && !taken.has(at));
    if (part.wildcard === '*') taken.add(index);
    return index;
  });
}

/** As the setting is called; a group without its wildcard; what is in a group, where that one goes. */
function pathByDefault(
  parts: readonly KeyPart[],
  datatype: Mapping['datatype'],
  resolved: ReadonlyMap<string, ResolvedMapping>,
): readonly (string | number)[] {
  const inner = datatype === 'complex' ? parts.slice(0, -1) : parts;
  let path: (string | number)[] = [];
  let wildcards = 0;
  for (const [index, part] of inner.entries()) {
    const group = isWildcard(part) ? resolved.get(patternOf(parts.slice(0, index + 1))) : undefined;
    if (group?.datatype === 'complex') path = [...group.path];
    path.push(isWildcard(part) ? wildcards++ : part);
  }
  return path;
}
