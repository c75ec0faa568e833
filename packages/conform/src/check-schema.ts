import { isPlainObject, nearest } from '@sarma/app/internal';
import type { Datatype } from './datatypes/datatype.ts';
import { describeDatatype } from './datatypes/describe.ts';
import { formatted } from './datatypes/format.ts';
import { isListed, isSimple } from './datatypes/kinds.ts';
import { SIMPLE } from './datatypes/simple.ts';
import { ConformError, type Problem } from './error.ts';
import { type KeyPart, parsePattern, printKey } from './key.ts';
import { allMappings, everyNamed, isWildcard, pathOf, patternOf, type ResolvedMapping } from './mappings.ts';
import type { Mapping, Schema } from './schema.ts';

/** Throws ConformError CONFORM_SCHEMA with everything in a schema that means nothing. */
export function checkSchema(schema: unknown): asserts schema is Schema {
  stopAt(shapeProblems(schema));
  const sound = schema as Schema;
  stopAt(Object.entries(sound.mappings).flatMap(([key, mapping]) => mappingProblems(key, mapping, sound)));
  stopAt([...groupProblems(sound), ...collisions(sound), ...transformProblems(sound)]);
}

const SCHEMA_FIELDS = ['extends', 'mappings', 'transforms', 'validators'];

/** How fields are called in the original, and what to do here. */
const FORMER_FIELDS: Readonly<Record<string, string>> = {
  import: 'import modules at the top of the file, as in any other',
  translations: 'write transforms',
  env_var: 'write envVar',
  include_default: 'write includeDefault',
  persist: 'leave it out',
};

const isText = (value: unknown) => typeof value === 'string';
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isVariable = (value: unknown) => isText(value) && /^[A-Za-z_]\w*$/.test(value as string);

/** What a mapping may have; `datatype`, `default` and `validators` are looked at by themselves. */
const MAPPING_FIELDS: Readonly<Record<string, readonly [expected: string, is: (value: unknown) => boolean]>> =
  {
    to: ['a path such as kv.port', isText],
    datatype: ['a datatype', () => true],
    default: ['a value', () => true],
    envVar: ['the name of a variable', isVariable],
    doc: ['text', isText],
    see: ['the name of a setting', isText],
    hidden: ['true or false', isBoolean],
    commented: ['true or false', isBoolean],
    includeDefault: ['text', isText],
    required: ['true or false', isBoolean],
    validators: ['a list', Array.isArray],
  };

function stopAt(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ConformError('CONFORM_SCHEMA', problems);
}

function shapeProblems(schema: unknown): readonly Problem[] {
  if (!isPlainObject(schema) || !isPlainObject(schema.mappings))
    return [{ message: "expected a schema such as { mappings: { 'kv.port': { datatype: 'integer' } } }" }];
  const { transforms = {}, validators = {}, extends: extended = [] } = schema;
  if (!Array.isArray(extended))
    return [{ message: 'extends: expected a list of schemas; import them at the top of the file' }];
  for (const one of extended) checkSchema(one);
  return [
    ...unknownFields(schema, SCHEMA_FIELDS).map((message) => ({ message })),
    ...functionProblems('transforms', transforms),
    ...functionProblems('validators', validators),
  ];
}

function unknownFields(value: object, known: readonly string[]): readonly string[] {
  return Object.keys(value)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = nearest(name, known);
      const instead = FORMER_FIELDS[name] ?? (near && `did you mean ${near}?`);
      return `there is no ${name} here${instead === undefined ? '' : `; ${instead}`}`;
    });
}

function functionProblems(what: string, functions: unknown): readonly Problem[] {
  if (!isPlainObject(functions)) return [{ message: `${what}: expected { name: function }` }];
  return Object.entries(functions).flatMap(([name, value]) =>
    typeof value === 'function' ? [] : [{ message: `${what}: ${name}: expected a function` }],
  );
}

function mappingProblems(key: string, mapping: unknown, schema: Schema): readonly Problem[] {
  const problem = (message: string): Problem => ({ key, message });
  if (!isPlainObject(mapping)) return [problem("expected a mapping such as { datatype: 'integer' }")];
  const fields = unknownFields(mapping, Object.keys(MAPPING_FIELDS)).map(problem);
  const wrong = Object.entries(MAPPING_FIELDS)
    .filter(([field, [, is]]) => mapping[field] !== undefined && !is(mapping[field]))
    .map(([field, [expected]]) => problem(`${field}: expected ${expected}`));
  if (fields.length + wrong.length > 0) return [...fields, ...wrong];
  return [...keyProblems(key, mapping), ...valueProblems(mapping), ...validatorProblems(mapping, schema)].map(
    problem,
  );
}

function keyProblems(key: string, { to, see, includeDefault }: Mapping): readonly string[] {
  const { parts, problem } = read(key);
  if (parts === undefined) return [problem];
  const problems: string[] = [];
  if (includeDefault !== undefined && !parts.some(isWildcard))
    problems.push('includeDefault: there is no wildcard in the key');
  if (see !== undefined && read(see).parts === undefined) problems.push(`see: ${read(see).problem}`);
  const path = to === undefined ? { parts } : read(to);
  if (path.parts === undefined) return [...problems, `to: ${path.problem}`];
  if (path.parts.length < 2 || isWildcard(path.parts[0]!))
    problems.push('to: expected the application and a key at least, such as kv.port');
  if (to !== undefined && pathOf(to, parts).includes(-1))
    problems.push(`to: ${to} has a wildcard that the key does not have`);
  return problems;
}

type Read =
  | { readonly parts: readonly KeyPart[]; readonly problem?: never }
  | { readonly parts: undefined; readonly problem: string };

function read(key: string): Read {
  try {
    return { parts: parsePattern(key) };
  } catch (error) {
    if (error instanceof ConformError) return { parts: undefined, problem: error.message };
    throw error;
  }
}

function valueProblems({ datatype = 'string', default: value }: Mapping): readonly string[] {
  if (datatype === 'complex') {
    const isObject = value === undefined || isPlainObject(value);
    return isObject ? [] : ['default: expected an object, name → what is in the group'];
  }
  const wrong = datatypeProblem(datatype);
  if (wrong !== undefined) return [`datatype: ${wrong}`];
  if (value === undefined || formatted(value, datatype) !== undefined) return [];
  return [
    `default: expected what the datatype gives, ${isSimple(datatype) ? SIMPLE[datatype].becomes : describeDatatype(datatype)}`,
  ];
}

/** How datatypes are called in the original. */
const FORMER_DATATYPES: Readonly<Record<string, string>> = {
  binary: "write 'string'",
  charlist: "write 'string'",
  atom: "write 'string', or { enum: […] }",
  complex: "a group is the whole datatype of a mapping: 'complex'",
};

function datatypeProblem(datatype: unknown): string | undefined {
  if (typeof datatype === 'string') {
    if (Object.hasOwn(SIMPLE, datatype)) return undefined;
    const near = nearest(datatype, Object.keys(SIMPLE));
    const instead =
      FORMER_DATATYPES[datatype] ?? (near ? `did you mean '${near}'?` : `there are ${DATATYPES}`);
    return `there is no '${datatype}'; ${instead}`;
  }
  const { convert, ...fields } = Object(datatype) as Record<string, unknown>;
  if (typeof convert === 'function') return undefined;
  const [[kind, inner] = ['', undefined], ...others] = Object.entries(fields);
  if (others.length > 0)
    return `expected one of ${Object.keys(KINDS).join(', ')}, found ${Object.keys(fields).join(', ')}`;
  const problem = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  return problem === undefined ? `expected ${DATATYPES}` : problem(inner);
}

const DATATYPES = `${Object.keys(SIMPLE).join(', ')}, 'complex', { enum }, { list }, { pair }, { pairs }, { tuple } or { convert }`;

const KINDS: Readonly<Record<string, (inner: unknown) => string | undefined>> = {
  enum: (choices) =>
    Array.isArray(choices) && choices.length > 0 && choices.every(isText)
      ? undefined
      : 'enum: expected a list of texts',
  list: (types) => (Array.isArray(types) ? someProblem(types) : datatypeProblem(types)),
  tuple: (types) => (Array.isArray(types) ? someProblem(types) : 'tuple: expected a list of datatypes'),
  pair: inPair,
  pairs: inPair,
};

function someProblem(types: readonly unknown[]): string | undefined {
  if (types.length === 0) return 'expected a datatype at least';
  return types.map(datatypeProblem).find((problem) => problem !== undefined);
}

function inPair(type: unknown): string | undefined {
  const problem = datatypeProblem(type);
  if (problem !== undefined) return problem;
  const isOne = !isListed(type as Datatype) && !(typeof type === 'object' && type !== null && 'pair' in type);
  return isOne ? undefined : 'the value of a pair cannot be a list or a pair';
}

function validatorProblems({ validators = [] }: Mapping, schema: Schema): readonly string[] {
  const known = everyNamed(schema, 'validators').map(([name]) => name);
  return validators
    .filter((validator) => typeof validator !== 'function' && !known.includes(validator))
    .map(
      (name) => `validators: there is no ${name}${known.length > 0 ? `; there are ${known.join(', ')}` : ''}`,
    );
}

/** Groups need a wildcard for their names, and settings; every wildcard has to come back where the value goes. */
function groupProblems(schema: Schema): readonly Problem[] {
  const mappings = allMappings(schema);
  return mappings.flatMap(({ key, parts, path, datatype }) => {
    const wildcards = parts.filter(isWildcard).map((_, index) => index);
    // What the last one of a group stands for are names in its value.
    const own = datatype === 'complex' ? wildcards.pop() : undefined;
    if (wildcards.some((index) => !path.includes(index))) {
      const message = `to: every wildcard of the key must be in it, or two settings go to one place; or leave it out`;
      return [{ key, message }];
    }
    if (own !== undefined && path.includes(own)) {
      const message = 'to: the names of the group are in its value; leave its own wildcard out of the path';
      return [{ key, message }];
    }
    if (datatype !== 'complex') return [];
    if (!isWildcard(parts.at(-1)!))
      return [{ key, message: 'a complex key ends in a wildcard, such as kv.buckets.*' }];
    const group = `${patternOf(parts)}.`;
    if (mappings.some((one) => patternOf(one.parts).startsWith(group))) return [];
    return [{ key, message: `complex: there is no mapping for what is in it, such as ${key}.size` }];
  });
}

/** A value cannot go to a place and another one below it. */
function collisions(schema: Schema): readonly Problem[] {
  const places = new Map<string, ResolvedMapping>();
  const simple = allMappings(schema).filter(({ datatype }) => datatype !== 'complex');
  const place = (path: ResolvedMapping['path']) =>
    printKey(path.map((part) => (typeof part === 'number' ? { wildcard: '*' } : part)));
  const problems: Problem[] = [];
  for (const mapping of [...simple].sort((one, other) => one.path.length - other.path.length)) {
    const above = mapping.path
      .map((_, index) => places.get(place(mapping.path.slice(0, index + 1))))
      .find(Boolean);
    const to = place(mapping.path);
    if (above === undefined) places.set(to, mapping);
    else problems.push({ key: mapping.key, message: `to: ${to} is where ${above.key} goes` });
  }
  return problems;
}

function transformProblems({ transforms = {} }: Schema): readonly Problem[] {
  return Object.keys(transforms).flatMap((key) => {
    const { parts, problem } = read(key);
    if (parts === undefined) return [{ key, message: `transforms: ${problem}` }];
    if (parts.length > 1 && !parts.some(isWildcard)) return [];
    const message = 'transforms: expected where the value goes, application and key, without wildcards';
    return [{ key, message }];
  });
}
