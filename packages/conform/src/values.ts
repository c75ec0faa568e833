import { isPlainObject } from '@sarma/app/internal';
import { ConformError } from './error.ts';
import { type KeyPart, parsePattern, printKey } from './key.ts';
import type { Source } from './source.ts';
import type { Conf, Entry } from './transforms.ts';

type Tree = Map<string, unknown>;

/** The values of a configuration on their way, by where they go. Transforms see it as their `Conf`. */
export class Values implements Conf {
  readonly #values = new Map<string, { readonly value: unknown; readonly source: Source }>();
  /** Made when it is asked for: thousands of groups, and transforms, ask one after the other. */
  #tree: Tree | undefined;

  set(value: unknown, source: Source): void {
    const place = printKey(source.path);
    const there = this.#values.get(place);
    if (there !== undefined) throw collision(source, `where ${keyOf(there.source)} goes, too`);
    this.#values.set(place, { value, source });
    this.#tree = undefined;
  }

  /** The value stands for everything that went there or below there. */
  replace(value: unknown, source: Source): void {
    this.#removeAll(this.#below(source.path));
    if (value !== undefined) this.set(value, source);
  }

  get(path: string): unknown {
    return this.at(parsePattern(path));
  }

  at(path: readonly KeyPart[]): unknown {
    let value: unknown = this.#wholeTree();
    for (const part of path)
      value = value instanceof Map ? value.get(nameOf(part)) : propertyOf(value, nameOf(part));
    return toObject(value);
  }

  find(query: string): readonly Entry[] {
    const parts = parsePattern(query);
    return this.#below(parts).map(({ value, source: { path } }) => ({
      path,
      wildcards: boundIn(parts, path),
      value,
    }));
  }

  remove(query: string): void {
    this.#removeAll(this.#below(parsePattern(query)));
  }

  /** Where each value goes → where it comes from. */
  get sources(): ReadonlyMap<string, Source> {
    return new Map([...this.#values].map(([path, { source }]) => [path, source]));
  }

  configuration(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
    return toObject(this.#wholeTree()) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }

  #below(query: readonly KeyPart[]) {
    const goesThere = (path: readonly string[]) =>
      query.length <= path.length &&
      query.every((part, index) => typeof part !== 'string' || part === path[index]);
    return [...this.#values.values()].filter(({ source }) => goesThere(source.path));
  }

  #removeAll(values: readonly { readonly source: Source }[]): void {
    for (const { source } of values) this.#values.delete(printKey(source.path));
    this.#tree = undefined;
  }

  #wholeTree(): Tree {
    if (this.#tree !== undefined) return this.#tree;
    const tree: Tree = new Map();
    for (const { value, source } of this.#values.values()) put(tree, source.path, value, source);
    this.#tree = tree;
    return tree;
  }
}

function put(tree: Tree, path: readonly string[], value: unknown, source: Source): void {
  const [name, ...rest] = path as [string, ...string[]];
  const there = tree.get(name);
  if (rest.length === 0 && there === undefined) {
    tree.set(name, value);
    return;
  }
  // What a transform or a default gave as an object may get more keys.
  const branch: unknown = isPlainObject(there) ? new Map(Object.entries(there)) : (there ?? new Map());
  if (!(branch instanceof Map) || rest.length === 0)
    throw collision(source, 'where another value goes, or goes through');
  tree.set(name, branch);
  put(branch, rest, value, source);
}

/** Mappings with wildcards meet only when they have names. */
function collision(source: Source, what: string): ConformError {
  const message = `goes to ${printKey(source.path)}, ${what}`;
  return new ConformError('CONFORM_SCHEMA', [{ key: keyOf(source), message }]);
}

const keyOf = (source: Source) => ('key' in source ? source.key : printKey(source.path));

// From entries, so that a name like __proto__ is one among others.
function toObject(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([name, inner]) => [name, toObject(inner)]));
}

function propertyOf(value: unknown, name: string): unknown {
  return isPlainObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

const nameOf = (part: KeyPart) => (typeof part === 'string' ? part : part.wildcard);

function boundIn(query: readonly KeyPart[], path: readonly string[]): Readonly<Record<string, string>> {
  let stars = 0;
  return Object.fromEntries(
    query.flatMap((part, index) => {
      if (typeof part === 'string') return [];
      return [[part.wildcard === '*' ? String(++stars) : part.wildcard.slice(1), path[index]!]];
    }),
  );
}
