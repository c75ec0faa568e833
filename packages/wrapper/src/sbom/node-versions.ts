import { readFile, writeFile } from 'node:fs/promises';
import type { BuildCache } from '../build-cache.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import { VERSION_KEYS } from './version-keys.ts';

/** `process.versions` of a runtime that is only looked at, never executed: it may be one for another machine. */
export interface NodeVersions {
  /** False where only those are known that say so themselves: a Node built without a start-up snapshot. */
  readonly complete: boolean;
  /** Key of `process.versions` → its value; without `node`, and without keys whose value could not be read. */
  readonly versions: Readonly<Record<string, string>>;
  /** Address of the source that it says it was built from. */
  readonly source?: string;
}

/** Raised when this module reads the same runtime differently. */
const READING = 2;

/** Reads them, or takes them from the build cache: the file has a hundred megabytes. */
export async function nodeVersionsOf(runtime: Runtime, cache: BuildCache): Promise<NodeVersions> {
  const entry = await cache.produce(`node-versions:${READING}:${runtime.sha256}`, async (temporaryPath) => {
    const bytes = await readFile(runtime.file);
    const source = `https://nodejs.org/download/release/v${runtime.version}/node-v${runtime.version}.tar.gz`;
    const found: NodeVersions = {
      ...readNodeVersions(bytes, runtime.version),
      ...(bytes.includes(source) && { source }),
    };
    await writeFile(temporaryPath, JSON.stringify(found));
  });
  return JSON.parse(await readFile(entry, 'utf8')) as NodeVersions;
}

/**
 * Node's executable holds V8's start-up snapshot, and in it the object `process.versions`: its values are strings that
 * lie one behind the other, first those in the object's property array (from the fifth on), then those inside the object.
 * Which names belong to them follows from the order of the names (sorted, `node` before all), and is believed only if
 * there is one way to give every value a name that it can have, V8 and OpenSSL those that they say of themselves elsewhere.
 */
export function readNodeVersions(bytes: Buffer, version: string): NodeVersions {
  const own = ownWords(bytes);
  for (const at of own.v8 === undefined ? [] : occurrences(bytes, own.v8)) {
    const values = stringsAround(bytes, at, own.v8!, version);
    const snapshot = bytes.subarray(Math.max(0, at - NEARBY), at + NEARBY);
    const versions = values && named(values, version, snapshot, own);
    if (versions) return { complete: true, versions };
  }
  return {
    complete: false,
    versions: Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)),
  };
}

/** What V8 and OpenSSL carry in a form that nothing else has. Undefined where there is none, or more than one. */
interface OwnWords {
  readonly v8: string | undefined;
  readonly openssl: string | undefined;
}

function ownWords(bytes: Buffer): OwnWords {
  return {
    v8: only(bytes, '-node.', /\0(\d+\.\d+\.\d+\.\d+-node\.\d+)\0/g),
    openssl: only(
      bytes,
      'OpenSSL ',
      /OpenSSL (\d+\.\d+\.\d+[a-z]?(?:\+\w+)?) +\d{1,2} [A-Z][a-z]{2} \d{4}\0/g,
    ),
  };
}

function only(bytes: Buffer, needle: string, form: RegExp): string | undefined {
  const found = new Set<string>();
  for (const at of occurrences(bytes, needle)) {
    const text = bytes.toString('latin1', Math.max(0, at - 40), at + 60);
    for (const match of text.matchAll(form)) found.add(match[1]!);
  }
  return found.size === 1 ? [...found][0] : undefined;
}

function* occurrences(bytes: Buffer, needle: string): Generator<number> {
  for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) yield at;
}

/** A snapshot has one to three megabytes; names and values lie half a megabyte from each other. */
const NEARBY = 4 * 1024 * 1024;

/** How V8 writes strings: it depends on the target's byte order and on the size of its pointers. */
interface Layout {
  readonly bigEndian: boolean;
  readonly pointer: 4 | 8;
}

const LAYOUTS: readonly Layout[] = [
  { bigEndian: false, pointer: 8 },
  { bigEndian: false, pointer: 4 },
  { bigEndian: true, pointer: 8 },
];

/** The strings in a row with the one at `at`, if that is one, in the order of their names: `node`'s first. */
function stringsAround(
  bytes: Buffer,
  at: number,
  text: string,
  version: string,
): readonly string[] | undefined {
  for (const layout of LAYOUTS) {
    if (stringAt(bytes, at - 8, layout)?.text !== text) continue;
    const row = rowWith(bytes, at - 8, layout);
    const node = row.indexOf(version);
    if (node === -1) continue;
    // `process.version` may lie before.
    const begin = row[0] === `v${version}` ? 1 : 0;
    return [...row.slice(node, node + IN_OBJECT), ...row.slice(begin, node)];
  }
  return undefined;
}

/** Properties that lie inside an object that was made empty; the others are in its property array. */
const IN_OBJECT = 4;

/** Between two strings V8 writes what kind of object follows, its size and its map. */
const GAP = 10;

function rowWith(bytes: Buffer, at: number, layout: Layout): readonly string[] {
  let row: string[] = [];
  let end = 0;
  for (let position = Math.max(0, at - 4096); position < at + 4096; ) {
    const string = stringAt(bytes, position, layout);
    if (string === undefined) {
      position++;
      continue;
    }
    if (position - end > GAP) {
      if (position > at) break;
      row = [];
    }
    row.push(string.text);
    end = string.end;
    position = end;
  }
  return row;
}

/** A sequential one-byte string that nobody has hashed yet: 3, its length, its letters, zeros to a whole pointer. */
function stringAt(
  bytes: Buffer,
  at: number,
  { bigEndian, pointer }: Layout,
): { readonly text: string; readonly end: number } | undefined {
  if (at < 0 || at + 8 > bytes.length) return undefined;
  const number = (position: number) =>
    bigEndian ? bytes.readUInt32BE(position) : bytes.readUInt32LE(position);
  if (number(at) !== 3) return undefined;
  const length = number(at + 4);
  if (length === 0 || length > 80 || at + 8 + length > bytes.length) return undefined;
  const text = bytes.toString('latin1', at + 8, at + 8 + length);
  const whole = Math.ceil((pointer + 8 + length) / pointer) * pointer;
  const end = at + whole - pointer;
  const padding = bytes.subarray(at + 8 + length, end);
  return /^[\x21-\x7e]+$/.test(text) && padding.every((byte) => byte === 0) ? { text, end } : undefined;
}

/** The one way to give the values names; undefined where there is none or several. */
function named(
  [node, ...values]: readonly string[],
  version: string,
  snapshot: Buffer,
  own: OwnWords,
): Readonly<Record<string, string>> | undefined {
  if (node !== version) return undefined;
  const fits = (text: string, key: string, form: RegExp) =>
    form.test(text) && text === (own[key as keyof OwnWords] ?? text);
  const keys = Object.entries(VERSION_KEYS).filter(([key]) => holdsWord(snapshot, key));
  const ways: Record<string, string>[] = [];
  const walk = (at: number, value: number, found: Readonly<Record<string, string>>): void => {
    if (at === keys.length) {
      if (value === values.length) ways.push(found);
      return;
    }
    const [key, { form, mayLack }] = keys[at]!;
    const text = values[value];
    if (text !== undefined && fits(text, key, form)) walk(at + 1, value + 1, { ...found, [key]: text });
    if (mayLack) walk(at + 1, value, found);
  };
  walk(0, 0, {});
  return ways.length === 1 ? ways[0] : undefined;
}

/** Whether a string of the snapshot, of either byte order, is just this word. */
function holdsWord(snapshot: Buffer, word: string): boolean {
  const length = Buffer.alloc(4);
  return [true, false].some((bigEndian) => {
    if (bigEndian) length.writeUInt32BE(word.length);
    else length.writeUInt32LE(word.length);
    return snapshot.includes(Buffer.concat([length, Buffer.from(word)]));
  });
}
