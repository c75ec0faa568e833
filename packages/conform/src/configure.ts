import type { ConfFile, Setting } from './conf-file.ts';
import { describeDatatype } from './datatypes/describe.ts';
import { formatValue } from './datatypes/format.ts';
import { type KeyPart, printKey, type Wildcard } from './key.ts';
import { allMappings, type ResolvedMapping } from './mappings.ts';
import { print } from './print.ts';
import type { Schema } from './schema.ts';

/** How a documented `.conf` file is written. */
export interface ConfigureOptions {
  /** Whose it is: what its first line says. */
  readonly name: string;
  /** The file that is there: what a person has set and noted in it stays. */
  readonly there?: ConfFile | undefined;
}

/**
 * The text of a `.conf` file with all that a person may set: what `doc` and `see` say, what is allowed, the default
 * commented out; hidden settings are left out. Its own words begin with `##`; a `#` in front is the person's, or the
 * setting is not set.
 */
export function configure(schema: Schema, { name, there = { lines: [] } }: ConfigureOptions): string {
  const mappings = allMappings(schema);
  const { settings, rest } = personsPart(there);
  const isOf = ({ parts }: ResolvedMapping, { setting }: Owned) => fits(setting.key, parts);
  const blocks = mappings.map((mapping) => {
    // Of several mappings that a setting fits, the first shows it.
    const own = settings.filter((one) => mappings.find((other) => isOf(other, one)) === mapping);
    return block(mapping, own);
  });
  const strangers = settings.filter((one) => !mappings.some((mapping) => isOf(mapping, one)));
  const unknown =
    strangers.length === 0
      ? []
      : ['## These settings are not known (any more).', ...strangers.flatMap(written)];
  return [head(name), ...blocks, unknown, rest.map(comment)]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

function head(name: string): readonly string[] {
  return [
    `## The configuration of ${name}. A setting counts when there is no # in front of it.`,
    '## `sarma conform configure` writes the lines with ##, and keeps all others.',
  ];
}

/** A setting and the comments that a person wrote above it. */
interface Owned {
  readonly comments: readonly string[];
  readonly setting: Setting;
}

interface PersonsPart {
  readonly settings: readonly Owned[];
  /** Comments below the last setting. */
  readonly rest: readonly string[];
}

function personsPart({ lines }: ConfFile): PersonsPart {
  const settings: Owned[] = [];
  let comments: string[] = [];
  let generated: string[] = [];
  for (const line of lines) {
    if (line.type === 'setting') {
      settings.push({ comments, setting: line });
      comments = [];
    } else if (line.type === 'comment' && line.text.startsWith('#')) {
      generated.push(line.text);
    } else if (line.type === 'comment') {
      if (!isExample(line.text, generated)) comments.push(line.text);
    } else {
      generated = [];
    }
  }
  return { settings, rest: comments };
}

const DEFAULT = 'Default: ';

/** A setting that was commented out by us: it has the default that the words above it name, or nothing. */
function isExample(text: string, generated: readonly string[]): boolean {
  if (generated.length === 0) return false;
  const value = /^\S.*? =(?: (.*))?$/.exec(text);
  if (value === null) return false;
  const named = generated.findLast((line) => line.startsWith(`# ${DEFAULT}`))?.slice(`# ${DEFAULT}`.length);
  return value[1] === named;
}

function fits(key: readonly string[], parts: readonly KeyPart[]): boolean {
  return (
    key.length === parts.length &&
    parts.every((part, index) => typeof part !== 'string' || part === key[index])
  );
}

function block(mapping: ResolvedMapping, own: readonly Owned[]): readonly string[] {
  if (mapping.hidden) return own.flatMap(written);
  const example = mapping.datatype === 'complex' ? [] : [exampleOf(mapping)];
  return [
    ...documentation(mapping).map((line) => `## ${line}`.trimEnd()),
    ...(own.length > 0 ? own.flatMap(written) : example),
  ];
}

function documentation(mapping: ResolvedMapping): readonly string[] {
  const { key, doc, see, datatype, envVar, required } = mapping;
  // That text is text goes without saying.
  const isPlain = datatype === 'complex' || datatype === 'string';
  const allowed = isPlain ? undefined : describeDatatype(datatype);
  const standard = defaultText(mapping);
  return [
    ...(doc
      ? doc
          .trim()
          .split('\n')
          .map((line) => line.trim())
      : [key]),
    ...(see === undefined ? [] : [`See ${see}.`]),
    ...(allowed === undefined ? [] : [`Allowed: ${allowed}`]),
    ...(standard === undefined ? [] : [`${DEFAULT}${standard}`]),
    ...(envVar === undefined ? [] : [`Where it is not set here, the variable ${envVar} counts.`]),
    ...(required && standard === undefined ? ['It has to be set.'] : []),
  ];
}

function exampleOf(mapping: ResolvedMapping): string {
  const { parts, includeDefault, commented } = mapping;
  const key = printKey(
    parts.map((part) => (typeof part === 'string' ? part : (includeDefault ?? placeholder(part)))),
  );
  const standard = defaultText(mapping);
  const isLive = commented === false && standard !== undefined;
  return `${isLive ? '' : '# '}${`${key} = ${standard ?? ''}`.trimEnd()}`;
}

/** `$name` → name */
function placeholder({ wildcard }: Wildcard): string {
  return wildcard === '*' ? 'name' : wildcard.slice(1);
}

function defaultText({ default: value, datatype }: ResolvedMapping): string | undefined {
  if (value === undefined || datatype === 'complex') return undefined;
  const values = formatValue(value, datatype);
  const line = print({ lines: [{ type: 'setting', key: ['key'], values }] });
  const text = line.slice(line.indexOf('=') + 1).trim();
  // A comment is one line, and what is behind it would count.
  return /[\r\n]/.test(text) ? undefined : text;
}

function written({ comments, setting }: Owned): readonly string[] {
  return [...comments.map(comment), print({ lines: [setting] }).trimEnd()];
}

function comment(text: string): string {
  return `# ${text}`.trimEnd();
}
