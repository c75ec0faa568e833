import { basename } from 'node:path';
import { isPlainObject } from '@sarma/app/internal';
import type { ConfFile, Value } from './conf-file.ts';
import { convert } from './datatypes/convert.ts';
import type { Converted, Datatype } from './datatypes/datatype.ts';
import { isListed } from './datatypes/kinds.ts';
import type { Problem } from './error.ts';
import { type Found, type Place, validatorOf } from './judge.ts';
import { printKey } from './key.ts';
import { allMappings, boundKey, boundPath, isWildcard, patternOf, type ResolvedMapping } from './mappings.ts';
import { parseValues } from './parse.ts';
import { Unexpected } from './reader.ts';
import type { Schema } from './schema.ts';
import { isSecret, shownValues } from './secrecy.ts';
import { type Assigned, assignSettings, mappingOf, type Settings } from './settings.ts';
import type { Source } from './source.ts';
import { Values } from './values.ts';

export interface Evaluation {
  readonly values: Values;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The configuration that the values will lie over. */
  readonly below: Readonly<Record<string, unknown>>;
}

/** The value of each mapping, validated, and everything that is wrong. */
export function evaluate(files: readonly ConfFile[], schema: Schema, surroundings: Surroundings): Evaluation {
  const mappings = allMappings(schema);
  const settings = assignSettings(files, mappings);
  const groups = findGroups([...settings.assigned.values()]);
  const validate = validatorOf(schema);
  const values = new Values();
  const problems = [...settings.problems];
  const warnings = [...settings.warnings];
  const context = { ...surroundings, mappings, settings, files: files.map(({ file }) => file) };
  for (const mapping of inOrder(mappings)) {
    for (const names of namesFor(mapping, groups)) {
      const found = isGroup(mapping)
        ? groupValue(mapping, names, values, context)
        : settingValue(mapping, names, context);
      if (found === undefined) continue;
      if ('message' in found) {
        problems.push(found);
        continue;
      }
      // What is in a group is there already.
      if (found.source !== undefined) values.set(found.value, found.source);
      const verdict = validate(mapping, found);
      problems.push(...verdict.problems);
      warnings.push(...verdict.warnings);
    }
  }
  return { values, problems: inOrderOfLines(problems, context.files), warnings };
}

const isGroup = ({ datatype }: ResolvedMapping) => datatype === 'complex';

/** Groups at last, the inner ones first: what is in them is their value. */
function inOrder(mappings: readonly ResolvedMapping[]): readonly ResolvedMapping[] {
  const groups = mappings.filter(isGroup).sort((one, other) => other.parts.length - one.parts.length);
  return [...mappings.filter((mapping) => !isGroup(mapping)), ...groups];
}

/** What has a place in a file first, as it stands there. */
function inOrderOfLines(problems: readonly Problem[], files: Context['files']): readonly Problem[] {
  const placed = problems.filter(({ line }) => line !== undefined);
  placed.sort((one, other) => files.indexOf(one.file) - files.indexOf(other.file) || one.line! - other.line!);
  return [...placed, ...problems.filter(({ line }) => line === undefined)];
}

/** Key up to a wildcard → the names that are set there, and those of the wildcards before it. */
type Groups = ReadonlyMap<string, readonly (readonly string[])[]>;

function findGroups(assigned: readonly Assigned[]): Groups {
  const groups = new Map<string, Map<string, readonly string[]>>();
  for (const { mapping, names } of assigned) {
    let wildcards = 0;
    for (const [index, part] of mapping.parts.entries()) {
      if (!isWildcard(part)) continue;
      const pattern = patternOf(mapping.parts.slice(0, index + 1));
      const inGroup = names.slice(0, ++wildcards);
      groups.set(pattern, (groups.get(pattern) ?? new Map()).set(printKey(inGroup), inGroup));
    }
  }
  return new Map([...groups].map(([pattern, names]) => [pattern, [...names.values()]]));
}

/** What the wildcards of a mapping stand for, one list for each time that it counts; of a group without its own. */
function namesFor(mapping: ResolvedMapping, groups: Groups): readonly (readonly string[])[] {
  const parts = isGroup(mapping) ? mapping.parts.slice(0, -1) : mapping.parts;
  const last = parts.findLastIndex(isWildcard);
  return last === -1 ? [[]] : (groups.get(patternOf(parts.slice(0, last + 1))) ?? []);
}

interface Context extends Surroundings {
  readonly mappings: readonly ResolvedMapping[];
  readonly settings: Settings;
  /** Where a setting that is missing may be. */
  readonly files: readonly (string | undefined)[];
}

function settingValue(
  mapping: ResolvedMapping,
  names: readonly string[],
  context: Context,
): Found | Problem | undefined {
  const parts = boundKey(mapping.parts, names);
  // Another mapping may name exactly this setting.
  if (mappingOf(parts, context.mappings) !== mapping) return undefined;
  const key = printKey(parts);
  const path = boundPath(mapping.path, names);
  const datatype = mapping.datatype as Datatype;
  const { envVar, default: fallback } = mapping;
  const set = context.settings.assigned.get(key);
  if (set !== undefined) {
    const place = { file: set.file, ...set.setting.at };
    const source: Source = {
      path,
      from: 'file',
      key,
      file: set.file,
      line: place.line,
      column: place.column,
    };
    return found(convert(set.setting.values, datatype), set.setting.values, { key, source, place });
  }
  const text = envVar === undefined ? undefined : context.env[envVar];
  if (envVar !== undefined && text) {
    const source: Source = { path, from: 'environment', key, variable: envVar };
    return variableValue(text, datatype, { key, source, place: { variable: envVar } });
  }
  if (fallback !== undefined)
    return { value: fallback, source: { path, from: 'default', key }, key, place: {} };
  return missing(mapping, key, path, context);
}

function variableValue(text: string, datatype: Datatype, origin: Origin): Found | Problem {
  try {
    // Only a list has a syntax; a password with a comma in it is itself.
    const values = isListed(datatype) ? parseValues(text) : [{ type: 'text', text, isQuoted: true } as const];
    return found(convert(values, datatype), values, origin);
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    const { expected, found, message } = error;
    return { ...origin.place, key: origin.key, expected, found, message };
  }
}

function groupValue(
  mapping: ResolvedMapping,
  names: readonly string[],
  values: Values,
  context: Context,
): Found | Problem | undefined {
  const path = boundPath(mapping.path, names);
  const key = printKey([...boundKey(mapping.parts.slice(0, -1), names), mapping.parts.at(-1)!]);
  const value = values.at(path);
  if (value !== undefined) return { value, source: undefined, key, place: {} };
  if (mapping.default === undefined) return missing(mapping, key, path, context);
  return { value: mapping.default, source: { path, from: 'default', key }, key, place: {} };
}

function missing(
  { required, envVar }: ResolvedMapping,
  key: string,
  path: readonly string[],
  { below, files }: Context,
): Problem | undefined {
  if (!required || isThere(below, path)) return undefined;
  // Any will do; the best is that of the setting's own application.
  const [application] = path;
  const file = files.find((one) => one && basename(one).startsWith(`${application}.`)) ?? files.at(-1);
  const here = file === undefined ? 'in the .conf file' : 'here';
  return {
    file,
    key,
    message: `is missing; set it ${here}${envVar === undefined ? '' : `, or the variable ${envVar}`}`,
  };
}

function isThere(below: unknown, path: readonly string[]): boolean {
  const value = path.reduce<unknown>(
    (inner, name) => (isPlainObject(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined),
    below,
  );
  return value !== undefined && value !== null;
}

interface Origin {
  readonly key: string;
  readonly source: Source & { readonly key: string };
  readonly place: Place;
}

function found(converted: Converted, values: readonly Value[], origin: Origin): Found | Problem {
  const secret = isSecret(origin.source, values);
  if ('value' in converted)
    return { ...origin, value: converted.value, place: placeOf(values[0], origin), isSecret: secret };
  const { wrong } = converted;
  const problem = { ...placeOf(wrong, origin), key: origin.key };
  // What was thrown may have any part of the value in it.
  if ('message' in converted)
    return { ...problem, message: secret ? 'is none that its datatype takes' : converted.message };
  const { expected } = converted;
  const shown = secret ? 'something else' : shownValues(wrong === undefined ? values : [wrong]);
  return { ...problem, expected, found: shown, message: `expected ${expected}, found ${shown}` };
}

/** In a variable, lines and columns mean nothing to anybody. */
function placeOf(value: Value | undefined, { place }: Origin): Place {
  return place.variable === undefined ? { ...place, ...value?.at } : place;
}
