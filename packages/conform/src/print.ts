import type { ConfFile, ConfLine, Pair, Text, Value } from './conf-file.ts';
import { printKey, quote } from './key.ts';
import { readValue } from './parse.ts';
import { Reader, Unexpected } from './reader.ts';

/**
 * Writes a .conf file, with `\n` at the end of each line. What it writes of a parsed file is parsed to the same again,
 * but for `at`.
 */
export function print(conf: ConfFile): string {
  return conf.lines.map((line) => `${printLine(line)}\n`).join('');
}

/** Without a line break behind it. */
export function printLine(line: ConfLine): string {
  switch (line.type) {
    case 'blank':
      return '';
    case 'comment':
      return printComment(line.text);
    case 'setting': {
      const behind = line.comment === undefined ? '' : ` ${printComment(line.comment)}`;
      return `${printKey(line.key)} = ${printSettingValues(line.values, behind)}`;
    }
  }
}

function printComment(text: string): string {
  // A comment is one line, whatever it was made of.
  return text === '' ? '#' : `# ${text.replace(/\r?\n/g, ' ')}`;
}

/** With the comment behind it. Between several words without quotes and a `#` there has to be a comma. */
function printSettingValues(values: readonly Value[], behind: string): string {
  if (behind === '' || !isBareWords(values.at(-1)!)) return `${printValues(values, 0, behind)}${behind}`;
  return `${printValues(values, 0, ',')},${behind}`;
}

function isBareWords(value: Value): boolean {
  if (value.type === 'list') return false;
  if (value.type === 'text') return !value.isQuoted && /\s/.test(value.text);
  return !value.value.isQuoted;
}

function printValues(values: readonly Value[], depth: number, behind: string): string {
  const last = values.length - 1;
  return values.map((value, index) => printValue(value, depth, index === last ? behind : ',')).join(', ');
}

/** A value as the only one of a setting, or with what stands behind it: a comma, `]`, a comment. */
export function printValue(value: Value, depth = 0, behind = ''): string {
  if (value.type === 'list') return `[${printValues(value.items, depth + 1, ']')}]`;
  const isLast = behind !== ',';
  const forms = value.type === 'pair' ? pairForms(value, isLast) : textForms(value, isLast);
  // The parser is asked which of them means the value: it alone knows what has to be quoted where.
  const { length } = forms;
  return forms.find((form, index) => index === length - 1 || means(form, value, depth, behind))!;
}

/** From the plainest to one that always reads as the text. */
function textForms({ text, isQuoted }: Text, isLast: boolean): readonly string[] {
  return isQuoted ? [quote(text)] : [bare(text, isLast), quote(text)];
}

function pairForms({ name, value, text }: Pair, isLast: boolean): readonly string[] {
  const whole = text === undefined ? [] : [bare(text, isLast)];
  const half = value.isQuoted
    ? [`${name} = ${quote(value.text)}`]
    : [`${quote(name)} = ${bare(value.text, isLast)}`];
  return [...whole, ...half, `${quote(name)} = ${quote(value.text)}`];
}

/** Backslashes in front of a comma, of one in the text or of the one behind it, mean something. */
function bare(text: string, isLast: boolean): string {
  const escaped = text.replace(/(?<!\\)(\\*),/g, '$1$1\\,');
  return isLast ? escaped : escaped.replace(/(?<!\\)(\\+)$/, '$1$1');
}

function means(form: string, value: Text | Pair, depth: number, behind: string): boolean {
  // The space keeps a byte order mark in the text from being taken for the file's.
  const reader = new Reader(` ${form}${behind}`);
  reader.skipSpace();
  try {
    const read = readValue(reader, depth);
    reader.skipSpace();
    return reader.text.slice(reader.offset) === behind.trimStart() && isSame(read, value);
  } catch (error) {
    if (error instanceof Unexpected) return false;
    throw error;
  }
}

function isSame(read: Value, value: Text | Pair): boolean {
  if (read.type === 'text') return value.type === 'text' && read.text === value.text;
  if (read.type !== 'pair' || value.type !== 'pair') return false;
  return read.name === value.name && read.value.text === value.value.text;
}
