import { ConformError } from './error.ts';
import { Reader, Unexpected } from './reader.ts';

/** A part of a setting's name in a schema that stands for any name: `*`, or `$name`. */
export interface Wildcard {
  readonly wildcard: string;
}

export type KeyPart = string | Wildcard;

const WORD = /(?:\\\.|[A-Za-z0-9_-])+/y;
const WILDCARD = /\*|\$[A-Za-z_]\w*/y;

/** Reads the key of a setting, `kv."a b".c`: the parts between the dots, without quotes and escapes. */
export function readKey(reader: Reader): readonly string[] {
  return readParts(reader, readWord);
}

/** A key as it is written in a .conf file → its parts. Throws ConformError CONFORM_SYNTAX. */
export function parseKey(text: string): readonly string[] {
  return whole(text, readWord);
}

/** A key as it is written in a schema, with wildcards. Throws ConformError CONFORM_SYNTAX. */
export function parsePattern(text: string): readonly KeyPart[] {
  return whole(text, (reader) => readWildcard(reader) ?? readWord(reader));
}

/** Parts → the key as it is written. */
export function printKey(parts: readonly KeyPart[]): string {
  return parts.map((part) => (typeof part === 'string' ? printWord(part) : part.wildcard)).join('.');
}

function readParts<Part>(reader: Reader, read: (reader: Reader) => Part): readonly Part[] {
  const parts = [read(reader)];
  while (reader.skip('.')) parts.push(read(reader));
  return parts;
}

function whole<Part>(text: string, read: (reader: Reader) => Part): readonly Part[] {
  const reader = new Reader(text);
  try {
    const parts = readParts(reader, read);
    if (!reader.isAtEnd) throw reader.unexpected('a dot or the end of the key');
    return parts;
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    const { expected, found, message } = error;
    throw new ConformError('CONFORM_SYNTAX', [{ expected, found, message: `the key ${text}: ${message}` }]);
  }
}

function readWord(reader: Reader): string {
  const quoted = reader.quoted();
  if (quoted !== undefined) return quoted;
  const word = reader.match(WORD)?.[0];
  if (word === undefined)
    throw reader.unexpected('a name: letters, digits, _ and -, or anything in "quotes"');
  reader.skipTo(reader.offset + word.length);
  return word.replaceAll('\\.', '.');
}

function readWildcard(reader: Reader): Wildcard | undefined {
  const wildcard = reader.match(WILDCARD)?.[0];
  if (wildcard === undefined) return undefined;
  reader.skipTo(reader.offset + wildcard.length);
  return { wildcard };
}

function printWord(word: string): string {
  return /^[A-Za-z0-9_.-]+$/.test(word) ? word.replaceAll('.', '\\.') : quote(word);
}

/** A text in quotes, as Reader.quoted() reads it. */
export function quote(text: string): string {
  return `"${text.replace(/(?<!\\)(\\*)("|$)/g, (_, backslashes: string, end: string) => backslashes + backslashes + (end && '\\"'))}"`;
}
