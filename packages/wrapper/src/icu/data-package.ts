import { unknownData } from './errors.ts';
import { BIG_ENDIAN, LITTLE_ENDIAN, type Numbers } from './numbers.ts';
import { BUNDLE_FORMAT, bundleSize } from './resource-bundle.ts';

/**
 * The package of all data that ICU has in one piece: a header (UDataInfo of unicode/udata.h), a table of contents (struct
 * UDataOffsetTOC of ucmndata.h), names, and the items.
 */
export interface DataPackage {
  /** Where it begins in the file it was found in. */
  readonly offset: number;
  /** In bytes, header and items included. */
  readonly length: number;
  readonly header: Buffer;
  /** What every name begins with: `icudt78l/`. */
  readonly prefix: string;
  readonly numbers: Numbers;
  /** Sorted by name, which ICU's search relies on. */
  readonly items: readonly DataItem[];
}

export interface DataItem {
  /** Without the prefix: `coll/de.res`. */
  readonly name: string;
  readonly content: Buffer;
}

const MAGIC = [0xda, 0x27];
const PACKAGE_FORMAT = Buffer.from('CmnD');
/** Of the format's name in the header, behind headerSize, magic and the first fields of UDataInfo. */
const FORMAT_AT = 12;
/** Size of UDataInfo. */
const INFO_SIZE = 20;
const ITEM_ALIGNMENT = 16;

/** Finds the one package in an executable. Throws IcuDataError where there is none, more than one, or one of another form. */
export function readDataPackage(file: Buffer): DataPackage {
  const offsets: number[] = [];
  for (let at = file.indexOf(PACKAGE_FORMAT); at !== -1; at = file.indexOf(PACKAGE_FORMAT, at + 1)) {
    if (at >= FORMAT_AT && isHeader(file, at - FORMAT_AT)) offsets.push(at - FORMAT_AT);
  }
  const [offset, ...others] = offsets;
  if (offset === undefined) throw unknownData('is not in it');
  if (others.length > 0) throw unknownData('is in it more than once');
  return readPackage(file, offset);
}

/** The package with other items, in their order, and zeros up to its old length. Throws IcuDataError if they need more. */
export function writeDataPackage(old: DataPackage, items: readonly DataItem[]): Buffer {
  const { header, numbers, prefix, length } = old;
  const names = items.map(({ name }) => Buffer.from(`${prefix}${name}\0`));
  const namesSize = names.reduce((sum, name) => sum + name.length, 0);
  const contents = Buffer.alloc(length - header.length);
  numbers.write32(contents, 0, items.length);
  let nameAt = 4 + items.length * 8;
  let at = align(nameAt + namesSize);
  for (const [index, { content }] of items.entries()) {
    if (at + content.length > contents.length) throw unknownData('does not fit its own place');
    numbers.write32(contents, 4 + index * 8, nameAt);
    numbers.write32(contents, 8 + index * 8, at);
    names[index]!.copy(contents, nameAt);
    content.copy(contents, at);
    nameAt += names[index]!.length;
    at = align(at + content.length);
  }
  return Buffer.concat([header, contents]);
}

function isHeader(file: Buffer, at: number): boolean {
  if (file[at + 2] !== MAGIC[0] || file[at + 3] !== MAGIC[1]) return false;
  const numbers = file[at + 8] === 1 ? BIG_ENDIAN : LITTLE_ENDIAN;
  return numbers.read16(file, at + 4) === INFO_SIZE && file[at + 10] === 2;
}

function readPackage(file: Buffer, offset: number): DataPackage {
  const numbers = file[offset + 8] === 1 ? BIG_ENDIAN : LITTLE_ENDIAN;
  if (file[offset + 9] !== 0 || file[offset + FORMAT_AT + 4] !== 1)
    throw unknownData('is of a form that is not known');
  const base = offset + numbers.read16(file, offset);
  const count = numbers.read32(file, base);
  if (count === 0 || base + 4 + count * 8 > file.length) throw unknownData('has a damaged table of contents');
  const entries = Array.from({ length: count }, (_, index) => ({
    fullName: nameAt(file, base + numbers.read32(file, base + 4 + index * 8)),
    at: base + numbers.read32(file, base + 8 + index * 8),
  }));
  const prefix = /^[^/]+\//.exec(entries[0]!.fullName)?.[0] ?? '';
  const items = entries.map(({ fullName, at }, index) => {
    const end = entries[index + 1]?.at ?? lastEnd(file, at, numbers);
    if (!(base < at && at < end && end <= file.length && fullName.startsWith(prefix)))
      throw unknownData(`has an entry "${fullName}" that is out of order`);
    return { name: fullName.slice(prefix.length), content: file.subarray(at, end) };
  });
  const length = lastEnd(file, entries.at(-1)!.at, numbers) - offset;
  return { offset, length, header: file.subarray(offset, base), prefix, numbers, items };
}

function nameAt(file: Buffer, at: number): string {
  const end = file.indexOf(0, at);
  return file.toString('latin1', at, Math.min(end, at + 200));
}

/** Nothing says where the last item ends but itself. */
function lastEnd(file: Buffer, at: number, numbers: Numbers): number {
  if (at + 32 > file.length || file.toString('latin1', at + FORMAT_AT, at + FORMAT_AT + 4) !== BUNDLE_FORMAT)
    throw unknownData('does not end with a resource bundle');
  return at + bundleSize(file.subarray(at), numbers);
}

function align(at: number): number {
  return Math.ceil(at / ITEM_ALIGNMENT) * ITEM_ALIGNMENT;
}
