import type { ConfFile } from './conf-file.ts';
import { describeDatatype } from './datatypes/describe.ts';
import { formatValue } from './datatypes/format.ts';
import { ConformError } from './error.ts';
import { parseKey, printKey, type Wildcard } from './key.ts';
import { allMappings, type ResolvedMapping } from './mappings.ts';
import { printLine } from './print.ts';
import type { Schema } from './schema.ts';
import { mappingOf } from './settings.ts';

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
  const { owned, rest } = personsPart(there, mappings);
  const blocks = mappings.map((mapping) =>
    block(
      mapping,
      owned.filter((one) => one.mapping === mapping),
    ),
  );
  const strangers = owned.filter(({ mapping }) => mapping === undefined).flatMap(({ lines }) => lines);
  const unknown = strangers.length === 0 ? [] : ['## These settings are not known (any more).', ...strangers];
  return [head(name), ...blocks, unknown, rest]
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

/** Lines of a person: a setting, or one that is commented out, with the comments that belong to it. */
interface Owned {
  /** Undefined for a setting that is not known. */
  readonly mapping: ResolvedMapping | undefined;
  readonly isSet: boolean;
  readonly lines: string[];
}

interface PersonsPart {
  readonly owned: readonly Owned[];
  /** Comments that belong to no setting. */
  readonly rest: readonly string[];
}

/** A comment belongs to the setting below it, or to the one above it where a blank line ends them both. */
function personsPart({ lines }: ConfFile, mappings: readonly ResolvedMapping[]): PersonsPart {
  const owned: Owned[] = [];
  let above: Owned | undefined;
  let comments: string[] = [];
  let generated: string[] = [];
  const own = (one: Omit<Owned, 'lines'>, line: readonly string[]) => {
    above = { ...one, lines: [...comments, ...line] };
    owned.push(above);
    comments = [];
  };
  for (const line of [...lines, { type: 'blank' } as const]) {
    if (line.type === 'setting') {
      const mapping = mappingOf(line.key, mappings);
      own({ mapping, isSet: true }, [printLine(line)]);
    } else if (line.type === 'comment' && line.text.startsWith('#')) {
      generated.push(line.text);
    } else if (line.type === 'comment') {
      const text = `# ${line.text}`.trimEnd();
      const mapping = commentedOut(line.text, mappings);
      if (mapping === undefined) comments.push(text);
      else own({ mapping, isSet: false }, isExample(line.text, mapping, generated) ? [] : [text]);
    } else {
      if (above !== undefined) above.lines.push(...comments.splice(0));
      above = undefined;
      generated = [];
    }
  }
  return { owned, rest: comments };
}

/** What a commented-out setting would set; undefined for other comments. */
function commentedOut(text: string, mappings: readonly ResolvedMapping[]): ResolvedMapping | undefined {
  const key = /^(\S.*?) =(?: |$)/.exec(text)?.[1];
  try {
    return key === undefined ? undefined : mappingOf(parseKey(key), mappings);
  } catch (error) {
    if (error instanceof ConformError) return undefined;
    throw error;
  }
}

const DEFAULT = 'Default: ';

/** One that was commented out by us: it has the default of now, or the one that the words above it name, or nothing. */
function isExample(text: string, mapping: ResolvedMapping, generated: readonly string[]): boolean {
  const former = generated.findLast((line) => line.startsWith(`# ${DEFAULT}`))?.slice(`# ${DEFAULT}`.length);
  const start = `${exampleKey(mapping)} =`;
  const value = text.slice(start.length + 1);
  return text.startsWith(start) && ['', former, defaultText(mapping)].includes(value);
}

function block(mapping: ResolvedMapping, own: readonly Owned[]): readonly string[] {
  const lines = own.flatMap((one) => one.lines);
  if (mapping.hidden) return lines;
  const isSet = own.some((one) => one.isSet);
  return [
    ...documentation(mapping)
      .flatMap((text) => text.split(/\r\n|[\r\n]/))
      .map((line) => `## ${line.trim()}`.trimEnd()),
    ...lines,
    ...(isSet || mapping.datatype === 'complex' ? [] : exampleOf(mapping)),
  ];
}

function documentation(mapping: ResolvedMapping): readonly string[] {
  const { key, doc, see, datatype, envVar, required } = mapping;
  // That text is text goes without saying.
  const isPlain = datatype === 'complex' || datatype === 'string';
  const allowed = isPlain ? undefined : describeDatatype(datatype);
  const standard = defaultText(mapping);
  return [
    doc?.trim() || key,
    ...(see === undefined ? [] : [`See ${see}.`]),
    ...(allowed === undefined ? [] : [`Allowed: ${allowed}`]),
    ...(standard === undefined ? [] : [`${DEFAULT}${standard}`]),
    ...(envVar === undefined ? [] : [`Where it is not set here, the variable ${envVar} counts.`]),
    ...(required && standard === undefined ? ['It has to be set.'] : []),
  ];
}

function exampleOf(mapping: ResolvedMapping): readonly string[] {
  const empty = `${exampleKey(mapping)} =`;
  const standard = defaultText(mapping);
  const forms = standard === undefined ? [empty] : [`${empty} ${standard}`, empty];
  if (mapping.commented === false && standard !== undefined) return forms.slice(0, 1);
  // A comment is one line, and what is behind it would count.
  const line = forms.find((form) => !/[\r\n]/.test(form));
  return line === undefined ? [] : [`# ${line}`];
}

function exampleKey({ parts, includeDefault }: ResolvedMapping): string {
  return printKey(
    parts.map((part) => (typeof part === 'string' ? part : (includeDefault ?? placeholder(part)))),
  );
}

/** `$name` → name */
function placeholder({ wildcard }: Wildcard): string {
  return wildcard === '*' ? 'name' : wildcard.slice(1);
}

function defaultText({ default: value, datatype }: ResolvedMapping): string | undefined {
  if (value === undefined || datatype === 'complex') return undefined;
  const values = formatValue(value, datatype);
  return printLine({ type: 'setting', key: ['key'], values }).slice('key = '.length);
}
