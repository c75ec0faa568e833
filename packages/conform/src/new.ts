import type { EnvMarker, EnvType } from '@sarma/app';
import { isEnvMarker, isLikeEnvMarker, isPlainObject, masked } from '@sarma/app/internal';
import type { Datatype } from './datatypes/datatype.ts';
import { printKey } from './key.ts';
import type { Mapping } from './schema.ts';

type Configuration = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * The source of a schema for a configuration as `config/config.ts` says it, with the markers of `env()` in it: a mapping
 * for each value, its type and default. What is called like a secret gets no default. `from` is where the configuration
 * was found, as it is said in a comment; undefined where there is none.
 */
export function newSchema(configuration: Configuration, from: string | undefined): string {
  const mappings = findLeaves([], configuration, masked(configuration)).flatMap(mappingText);
  const origin = from === undefined ? '' : ` Made from ${from}, whose values it lies over.`;
  return `import { defineSchema } from '@sarma/conform';

// What a person may set in the .conf file.${origin} What stands in
// \`doc\` is all that person gets to read: \`sarma conform configure\` writes it into the file.
export default defineSchema({
  mappings: {
${mappings.map((line) => `    ${line}\n`).join('')}  },
});
`;
}

interface Leaf {
  readonly keys: readonly string[];
  readonly value: unknown;
  readonly isSecret: boolean;
}

function findLeaves(keys: readonly string[], value: unknown, shown: unknown): readonly Leaf[] {
  const isBranch = isPlainObject(value) && !isLikeEnvMarker(value) && (keys.length < 2 || !isEmpty(value));
  if (!isBranch) return [{ keys, value, isSecret: JSON.stringify(value) !== JSON.stringify(shown) }];
  return Object.entries(value).flatMap(([key, inner]) =>
    findLeaves([...keys, key], inner, isPlainObject(shown) ? shown[key] : shown),
  );
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function mappingText({ keys, value, isSecret }: Leaf): readonly string[] {
  const key = printKey(keys);
  const mapping = mappingOf(value, isSecret);
  if (mapping === undefined)
    return [`// ${key} is ${kindOf(value)}: nothing that a setting can say. It stays where it is.`];
  return [
    `${text(key)}: {`,
    ...(isSecret ? ['  // A secret: without a default.'] : []),
    ...(mapping.envVar !== undefined && isRequired(value)
      ? [
          `  // The configuration needs ${mapping.envVar} before a .conf is read: give env() a default there, such as null.`,
        ]
      : []),
    ...Object.entries(mapping).map(([name, one]) => `  ${name}: ${literal(one)},`),
    '},',
  ];
}

function isRequired(value: unknown): boolean {
  return isLikeEnvMarker(value) && isEnvMarker(value) && value.$env.default === undefined;
}

function mappingOf(value: unknown, isSecret: boolean): Mapping | undefined {
  const marker = isLikeEnvMarker(value) && isEnvMarker(value) ? value.$env : undefined;
  const fallback = marker === undefined ? value : marker.default;
  const datatype = marker === undefined ? datatypeOf(value) : datatypeOfVariable(marker);
  if (datatype === undefined) return undefined;
  const hasDefault = !isSecret && fallback !== undefined && fallback !== null;
  return {
    datatype,
    ...(hasDefault && { default: fallback }),
    ...(marker && { envVar: marker.name }),
    doc: '',
  };
}

/** Undefined for what no datatype has. */
function datatypeOf(value: unknown): Datatype | undefined {
  if (!Array.isArray(value)) return simpleDatatype(value);
  const lists = value.filter(Array.isArray).length;
  // All items of a list in one, and brackets around each: that is what its type is made of.
  if (lists > 0) {
    const inner = lists === value.length ? datatypeOf(value.flat()) : undefined;
    return inner && { list: inner };
  }
  const found = value.map((item) => (item === null ? undefined : simpleDatatype(item)));
  if (found.includes(undefined)) return undefined;
  // Text is the last, since everything is text.
  const types = (['float', 'integer', 'boolean', 'string'] as const).filter((type) => found.includes(type));
  // A whole number is a number, too.
  const needed = types[0] === 'float' ? types.filter((type) => type !== 'integer') : types;
  const [only = 'string', another] = needed;
  return { list: another === undefined ? only : needed };
}

function simpleDatatype(value: unknown): 'string' | 'integer' | 'float' | 'boolean' | undefined {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'number':
      return Number.isSafeInteger(value) ? 'integer' : 'float';
    default:
      return value === null ? 'string' : undefined;
  }
}

const OF_VARIABLES: Readonly<Record<EnvType, Datatype | undefined>> = {
  string: 'string',
  integer: 'integer',
  number: 'float',
  boolean: 'boolean',
  list: { list: 'string' },
  json: undefined,
};

function datatypeOfVariable({ type }: EnvMarker['$env']): Datatype | undefined {
  return OF_VARIABLES[type];
}

function kindOf(value: unknown): string {
  if (isLikeEnvMarker(value)) return 'JSON in a variable';
  return Array.isArray(value) ? 'a list of more than single values' : 'an empty object';
}

/** As TypeScript writes it. */
function literal(value: unknown): string {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (!isPlainObject(value)) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${literal(inner)}`)
    .join(', ')} }`;
}

function text(value: string): string {
  return `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
