import { unknownData } from './errors.ts';
import type { Numbers } from './numbers.ts';

// The binary form of a resource bundle, as ICU's uresdata.h describes it. A resource is a word: four bits of type, and
// an offset.
export const BUNDLE_FORMAT = 'ResB';
const TABLE = 2;
const TABLE_16 = 5;
/** Numbers of `indexes`, which follow the root resource. */
const INDEX = { length: 0, keysTop: 1, bundleTop: 3, attributes: 5 };
const USES_POOL_BUNDLE = 4;

/** In bytes, with its header. */
export function bundleSize(bundle: Buffer, numbers: Numbers): number {
  const root = numbers.read16(bundle, 0);
  return root + 4 * indexOf(bundle, root, INDEX.bundleTop, numbers);
}

/**
 * A copy of `res_index.res`, which lists the locales that a tree has data for, with those that `keep` wants. Throws
 * IcuDataError for one of another form.
 */
export function filterIndex(bundle: Buffer, numbers: Numbers, keep: (locale: string) => boolean): Buffer {
  const filtered = Buffer.from(bundle);
  const root = numbers.read16(bundle, 0);
  const index = (number: number) => indexOf(bundle, root, number, numbers);
  const hasAttributes = (index(INDEX.length) & 0xff) > INDEX.attributes;
  if (hasAttributes && index(INDEX.attributes) & USES_POOL_BUNDLE)
    throw unknownData('has an index whose keys lie elsewhere');
  const read = (word: number) => tableAt(filtered, root, word, index(INDEX.keysTop), numbers);
  const top = read(numbers.read32(bundle, root));
  let found = false;
  for (let entry = 0; entry < top.count; entry++) {
    if (!/^(InstalledLocales|AliasLocales)$/.test(top.key(entry))) continue;
    read(top.value(entry)).filter(keep);
    found = true;
  }
  if (!found) throw unknownData('has an index without locales');
  return filtered;
}

function indexOf(bundle: Buffer, root: number, number: number, numbers: Numbers): number {
  return numbers.read32(bundle, root + 4 + number * 4);
}

interface Table {
  readonly count: number;
  key(entry: number): string;
  value(entry: number): number;
  /** Leaves the others out: they move together, and what lies behind the table stays where it is. */
  filter(keep: (key: string) => boolean): void;
}

const EMPTY_TABLE: Table = {
  count: 0,
  key: () => '',
  value: () => 0,
  filter: () => {},
};

/** Count and key offsets have 16 bits; the values as many in a table of 16 bits, else 32, at a multiple of four. */
function tableAt(bundle: Buffer, root: number, word: number, keysTop: number, numbers: Numbers): Table {
  const type = word >>> 28;
  const offset = word & 0x0fffffff;
  if (type !== TABLE && type !== TABLE_16) throw unknownData('has an index that is no table');
  if (offset === 0) return EMPTY_TABLE;
  const at = type === TABLE ? root + offset * 4 : root + keysTop * 4 + offset * 2;
  const width = type === TABLE ? 4 : 2;
  const count = numbers.read16(bundle, at);
  const valuesAt = (length: number) => {
    const behind = at + 2 + length * 2;
    return type === TABLE ? root + Math.ceil((behind - root) / 4) * 4 : behind;
  };
  if (valuesAt(count) + count * width > bundle.length) throw unknownData('has an index that is cut off');
  const keyOffset = (entry: number) => numbers.read16(bundle, at + 2 + entry * 2);
  const key = (entry: number) => {
    const start = root + keyOffset(entry);
    return bundle.toString('latin1', start, bundle.indexOf(0, start));
  };
  const value = (entry: number) =>
    width === 4
      ? numbers.read32(bundle, valuesAt(count) + entry * 4)
      : numbers.read16(bundle, valuesAt(count) + entry * 2);
  const filter = (keep: (key: string) => boolean) => {
    const kept = Array.from({ length: count }, (_, entry) => entry)
      .filter((entry) => keep(key(entry)))
      .map((entry) => ({ keyOffset: keyOffset(entry), value: value(entry) }));
    bundle.fill(0, at, valuesAt(count) + count * width);
    numbers.write16(bundle, at, kept.length);
    for (const [entry, { keyOffset: moved, value }] of kept.entries()) {
      numbers.write16(bundle, at + 2 + entry * 2, moved);
      if (width === 4) numbers.write32(bundle, valuesAt(kept.length) + entry * 4, value);
      else numbers.write16(bundle, valuesAt(kept.length) + entry * 2, value);
    }
  };
  return { count, key, value, filter };
}
