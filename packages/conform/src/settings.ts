import { nearest } from '@sarma/app/internal';
import type { ConfFile, Setting } from './conf-file.ts';
import type { Problem } from './error.ts';
import { type KeyPart, printKey } from './key.ts';
import { isWildcard, type ResolvedMapping } from './mappings.ts';

/** A setting and the mapping that says what it means. */
export interface Assigned {
  readonly mapping: ResolvedMapping;
  /** What the wildcards of the mapping stand for. */
  readonly names: readonly string[];
  readonly setting: Setting;
  readonly file: string | undefined;
}

/** What is set in files, and what is wrong with that. */
export interface Settings {
  /** Setting, as it is written → what it means. */
  readonly assigned: ReadonlyMap<string, Assigned>;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** In later files, and in later lines, what stands there counts more. */
export function assignSettings(files: readonly ConfFile[], mappings: readonly ResolvedMapping[]): Settings {
  const assigned = new Map<string, Assigned>();
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const { file, setting } of files.flatMap(settingsOf)) {
    const key = printKey(setting.key);
    const mapping = mappingOf(setting.key, mappings);
    if (mapping === undefined) {
      problems.push({ file, ...setting.at, key, message: unknownSetting(setting.key, mappings) });
      continue;
    }
    const before = assigned.get(key);
    if (before?.file === file && before !== undefined)
      warnings.push({
        file,
        ...setting.at,
        key,
        message: `stands in line ${before.setting.at?.line} already; the later one counts`,
      });
    assigned.set(key, { mapping, names: namesIn(mapping, setting.key), setting, file });
  }
  return { assigned, problems, warnings };
}

function settingsOf({ file, lines }: ConfFile) {
  return lines.flatMap((setting) => (setting.type === 'setting' ? [{ file, setting }] : []));
}

/** The mapping of a setting. Of several that fit, the one that has a name where the others have a wildcard. */
export function mappingOf(
  key: readonly string[],
  mappings: readonly ResolvedMapping[],
): ResolvedMapping | undefined {
  return mappings
    .filter(({ parts, datatype }) => datatype !== 'complex' && fits(key, parts))
    .sort((one, other) => (wildcardsOf(one) < wildcardsOf(other) ? -1 : 1))
    .at(0);
}

function fits(key: readonly string[], parts: readonly KeyPart[]): boolean {
  return parts.length === key.length && parts.every((part, index) => isWildcard(part) || part === key[index]);
}

const wildcardsOf = ({ parts }: ResolvedMapping) => parts.map((part) => (isWildcard(part) ? 1 : 0)).join('');

function namesIn({ parts }: ResolvedMapping, key: readonly string[]): readonly string[] {
  return key.filter((_, index) => typeof parts[index] !== 'string');
}

function unknownSetting(key: readonly string[], mappings: readonly ResolvedMapping[]): string {
  const known = mappings
    .filter(({ datatype }) => datatype !== 'complex')
    .map(({ parts }) =>
      printKey(parts.map((part, index) => (typeof part === 'string' ? part : (key[index] ?? part)))),
    );
  const near = nearest(printKey(key), known);
  return `there is no such setting${near === undefined ? '' : `; did you mean ${near}?`}`;
}
