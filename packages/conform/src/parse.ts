import type { ConfFile, ConfLine, List, Pair, Position, Setting, Text, Value } from './conf-file.ts';
import { ConformError, MOST_PROBLEMS, type Problem } from './error.ts';
import { printKey, readKey } from './key.ts';
import { backslashesBefore, Reader, Unexpected } from './reader.ts';

// The syntax is conform's (bitwalker/conform, src/conform_parse.peg at 3fcf3dc), but for what
// docs/decisions/0038-conform.md lists:
//
//   line    = [ setting | comment ]          comment = "#" …
//   setting = key "=" value { "," value } [ "," ] [ comment ]
//   key     = part { "." part }              part    = ( A-Z a-z 0-9 _ - or "\." )+ | quoted
//   value   = list | pair | quoted | bare    list    = "[" [ value { "," value } [ "," ] ] "]"
//   pair    = name "=" ( quoted | bare )     quoted  = '"' … '"', with \" for a quote

const DEEPEST_LIST = 16;

/**
 * Reads a .conf file; `file` is its name in messages. Throws ConformError CONFORM_SYNTAX that names every line that is
 * wrong (the first 20).
 */
export function parse(text: string, file?: string): ConfFile {
  const reader = new Reader(text);
  const lines: ConfLine[] = [];
  const problems: Problem[] = [];
  while (!reader.isAtEnd && problems.length < MOST_PROBLEMS) {
    try {
      lines.push(readLine(reader));
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      problems.push(problemOf(error, file));
      reader.nextLine();
    }
  }
  if (problems.length > 0) throw new ConformError('CONFORM_SYNTAX', problems);
  return { file, lines };
}

function problemOf({ at, key, expected, found, message }: Unexpected, file: string | undefined): Problem {
  return { file, ...at, key, expected, found, message };
}

/** Leaves the reader at the beginning of the next line. */
function readLine(reader: Reader): ConfLine {
  reader.skipSpace();
  const line = reader.isAtLineEnd ? BLANK : (readComment(reader) ?? readSetting(reader));
  reader.nextLine();
  return line;
}

const BLANK: ConfLine = { type: 'blank' };

function readComment(reader: Reader): ConfLine | undefined {
  const text = readCommentText(reader);
  return text === undefined ? undefined : { type: 'comment', text };
}

/** Leaves the reader at the end of the line. */
function readCommentText(reader: Reader): string | undefined {
  if (!reader.skip('#')) return undefined;
  reader.skip(' ');
  return reader.restOfLine().trimEnd();
}

function readSetting(reader: Reader): Setting {
  const at = reader.position;
  const key = readKey(reader);
  try {
    reader.skipSpace();
    if (!reader.skip('=')) throw reader.unexpected('a dot or = behind the key');
    reader.skipSpace();
    const values = readValues(reader);
    const comment = readCommentText(reader);
    return { type: 'setting', key, values, at, ...(comment === undefined ? {} : { comment }) };
  } catch (error) {
    throw error instanceof Unexpected ? error.within(printKey(key), at.line) : error;
  }
}

/** The text of a variable as the values of a setting. Throws Unexpected. */
export function parseValues(text: string): readonly Value[] {
  const reader = new Reader(text);
  reader.skipSpace();
  const values = readValues(reader);
  if (!reader.isAtEnd) throw reader.unexpected('one line without a comment');
  return values;
}

function readValues(reader: Reader): readonly Value[] {
  const values: Value[] = [];
  do {
    values.push(readValue(reader));
    reader.skipSpace();
    if (!reader.skip(',')) break;
    reader.skipSpace();
  } while (!isAtValuesEnd(reader));
  if (!isAtValuesEnd(reader)) throw reader.unexpected('a comma, a comment or the end of the line');
  return values;
}

const isAtValuesEnd = (reader: Reader) => reader.isAtLineEnd || reader.starts('#');

/** Reads one value; `depth` is how many lists it lies in. Throws Unexpected. */
export function readValue(reader: Reader, depth = 0): Value {
  const at = reader.position;
  const quoted = reader.quoted();
  if (quoted !== undefined)
    return readPairOf(reader, quoted, at, depth) ?? { type: 'text', text: quoted, isQuoted: true, at };
  if (reader.starts('[') && !reader.match(BRACKETED)) return readList(reader, depth);
  return readBarePair(reader, depth) ?? readBare(reader, depth);
}

/** What begins like a list and goes on behind it is none: `[::1]:8001`. */
const BRACKETED = /\[[^\][,"=#\s]*\](?=[^\s,\]#])/y;

function readList(reader: Reader, depth: number): List {
  const at = reader.position;
  if (depth === DEEPEST_LIST) throw reader.unexpected(`at most ${DEEPEST_LIST} lists in each other`);
  reader.skip('[');
  reader.skipSpace();
  const items: Value[] = [];
  while (!reader.skip(']')) {
    items.push(readValue(reader, depth + 1));
    reader.skipSpace();
    if (reader.skip(',')) reader.skipSpace();
    else if (!reader.starts(']')) throw reader.unexpected('a comma or ] in the same line');
  }
  return { type: 'list', items, at };
}

const NAME = /[^\p{Cc}\s=,"[\]#]+(?=[ \t]*=)/uy;

/** `name = value`, where the name is bare. Reads nothing where there is none. */
function readBarePair(reader: Reader, depth: number): Pair | undefined {
  const { offset: start, position: at } = reader;
  const name = reader.match(NAME)?.[0];
  if (name === undefined) return undefined;
  reader.skipTo(start + name.length);
  const pair = readPairOf(reader, name, at, depth);
  if (pair === undefined) {
    reader.skipTo(start);
    return undefined;
  }
  if (pair.value.isQuoted) return pair;
  const end = reader.offset;
  reader.skipTo(start);
  const { text } = readBare(reader, depth);
  if (reader.offset === end) return { ...pair, text };
  reader.skipTo(end);
  return pair;
}

/** The `= value` of a pair. Reads nothing where there is no `=`, or nothing behind it. */
function readPairOf(reader: Reader, name: string, at: Position, depth: number): Pair | undefined {
  const start = reader.offset;
  reader.skipSpace();
  if (reader.skip('=')) {
    reader.skipSpace();
    const isEmpty = depth === 0 ? isAtValuesEnd(reader) : reader.isAtLineEnd || reader.starts(']');
    if (!isEmpty && !reader.starts(',')) return { type: 'pair', name, value: readText(reader, depth), at };
  }
  reader.skipTo(start);
  return undefined;
}

function readText(reader: Reader, depth: number): Text {
  const at = reader.position;
  const text = reader.quoted();
  return text === undefined ? readBare(reader, depth) : { type: 'text', text, isQuoted: true, at };
}

/**
 * Reads to the comma, the comment or the end of the line; in a list also to `]`. A backslash is itself, except in front
 * of a comma: `\,` is a comma, `\\,` a backslash and the end of the value.
 */
function readBare(reader: Reader, depth: number): Text {
  const { text, offset: start, position: at } = reader;
  if (reader.match(OTHER_QUOTE)) throw reader.unexpected('a value, with " where it has quotes');
  const pieces: string[] = [];
  let from = start;
  for (let end = start + (reader.match(BRACKETED)?.[0].length ?? 0); ; end++) {
    reader.skipTo(end);
    const isComma = reader.starts(',');
    const backslashes = isComma ? backslashesBefore(text, end, from) : 0;
    if (backslashes % 2 === 1) {
      pieces.push(text.slice(from, end - (backslashes + 1) / 2));
      from = end;
    } else if (isComma || isBareEnd(reader, start, depth)) {
      pieces.push(text.slice(from, end - backslashes / 2));
      break;
    }
  }
  const bare = withoutSpaceBehind(pieces.join(''));
  if (bare === '') throw reader.unexpected('a value; one without any text is ""');
  return { type: 'text', text: bare, isQuoted: false, at };
}

function isBareEnd(reader: Reader, start: number, depth: number): boolean {
  if (reader.isAtLineEnd) return true;
  const { text, offset } = reader;
  const character = text[offset]!;
  if (character === ']') return depth > 0;
  if (character === '#') {
    if (offset === start) return depth === 0;
    // Nobody should lose the end of a password: where it may be one, neither reading is taken.
    if (isSpace(text[offset - 1])) {
      if (depth === 0 && /\s/.test(text.slice(start, offset).trim()))
        throw reader.unexpected(
          'quotes around several words with # behind them, or the comment in a line above',
        );
      return true;
    }
    if (depth === 0)
      throw reader.unexpected('a space in front of a comment, or quotes around a value with # in it');
    return false;
  }
  if (isControl(character)) throw reader.unexpected('text, or quotes around what is none');
  return false;
}

/** Word processors write them, and shells have them: as part of a value that nobody may see they would not be noticed. */
const OTHER_QUOTE = /['‘’‚‛“”„‟«»‹›]/y;

const isSpace = (character: string | undefined) => character === ' ' || character === '\t';
const isControl = (character: string) => character !== '\t' && /\p{Cc}/u.test(character);

function withoutSpaceBehind(text: string): string {
  let end = text.length;
  while (isSpace(text[end - 1])) end--;
  return text.slice(0, end);
}
