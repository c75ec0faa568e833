import type { List, Value } from '../conf-file.ts';
import type { Converted, CustomDatatype, Datatype, Input } from './datatype.ts';
import { describeDatatype } from './describe.ts';
import { isCustom, isListed, isSimple, itemTypes, type Listed } from './kinds.ts';
import { SIMPLE } from './simple.ts';

/** Makes what a datatype means of the values of a setting. */
export function convert(values: readonly Value[], datatype: Datatype): Converted {
  if (isListed(datatype)) return convertItems(itemsOf(values, datatype), datatype);
  if (isCustom(datatype)) return convertCustom(values, datatype);
  const [value, second] = values;
  if (second === undefined) return convertOne(value!, datatype);
  return {
    wrong: second,
    expected: `one value, without a comma or in quotes: ${describeDatatype(datatype)}`,
  };
}

/**
 * The items of a setting that has several. Brackets around all of them may be there: `[a, b]` is `a, b`. But where each
 * item has brackets of its own, `[1, 2]` is one item; a list in a list, `[[1, 2]]`, is all of them again.
 */
export function itemsOf(values: readonly Value[], datatype: Datatype): readonly Value[] {
  const [only, second] = values;
  if (second !== undefined || only?.type !== 'list') return values;
  const isOneItem =
    typeof datatype === 'object' &&
    'list' in datatype &&
    itemTypes(datatype).some(isListed) &&
    !only.items.every(isList);
  return isOneItem ? values : only.items;
}

const isList = (value: Value): value is List => value.type === 'list';

function convertOne(value: Value, datatype: Datatype): Converted {
  if (isSimple(datatype)) return convertText(value, datatype, SIMPLE[datatype].read);
  if (isCustom(datatype)) return convertCustom([value], datatype);
  if ('enum' in datatype)
    return convertText(value, datatype, (text) => (datatype.enum.includes(text) ? text : undefined));
  if ('pair' in datatype) return convertPair(value, datatype);
  return isList(value) ? convertItems(value.items, datatype) : wrong(value, datatype);
}

function convertText(value: Value, datatype: Datatype, read: (text: string) => unknown): Converted {
  const text = value.type === 'list' ? undefined : value.text;
  const result = text === undefined ? undefined : read(text);
  return result === undefined ? wrong(value, datatype) : { value: result };
}

function convertPair(value: Value, datatype: { readonly pair: Datatype }): Converted {
  if (value.type !== 'pair') return wrong(value, datatype);
  const inner = convertOne(value.value, datatype.pair);
  return 'value' in inner ? { value: [value.name, inner.value] } : inner;
}

function convertItems(items: readonly Value[], datatype: Listed): Converted {
  if ('list' in datatype) return all(items, (item) => convertItem(item, datatype));
  if ('tuple' in datatype) {
    const { length } = datatype.tuple;
    if (items.length !== length) return wrong(items[length], datatype);
    return all(items, (item, index) => convertOne(item, datatype.tuple[index]!));
  }
  const names = new Set<string>();
  const pairs = all(items, (item) => {
    if (item.type !== 'pair') return wrong(item, datatype);
    if (names.has(item.name)) return { wrong: item, expected: 'each name once' };
    names.add(item.name);
    return convertPair(item, { pair: datatype.pairs });
  });
  return 'value' in pairs ? { value: Object.fromEntries(pairs.value as Iterable<[string, unknown]>) } : pairs;
}

/** The first type of the list that the item fits. */
function convertItem(item: Value, datatype: Datatype & { readonly list: unknown }): Converted {
  const types = itemTypes(datatype as Extract<Datatype, { readonly list: unknown }>);
  const [first, second] = types;
  if (second === undefined) return convertOne(item, first!);
  const expected = types.map((type) => describeDatatype(type) ?? 'a value').join(', or ');
  return (
    types.map((type) => convertOne(item, type)).find((made) => 'value' in made) ?? { wrong: item, expected }
  );
}

function all(items: readonly Value[], make: (item: Value, index: number) => Converted): Converted {
  const values: unknown[] = [];
  for (const [index, item] of items.entries()) {
    const made = make(item, index);
    if (!('value' in made)) return made;
    values.push(made.value);
  }
  return { value: values };
}

function convertCustom(values: readonly Value[], datatype: CustomDatatype): Converted {
  const [value, second] = values;
  try {
    return { value: datatype.convert(second === undefined ? inputOf(value!) : values.map(inputOf)) };
  } catch (cause) {
    return { wrong: value, message: cause instanceof Error ? cause.message : String(cause) };
  }
}

function inputOf(value: Value): Input {
  if (value.type === 'list') return value.items.map(inputOf);
  if (value.type === 'text') return value.text;
  return value.text ?? { name: value.name, value: value.value.text };
}

const wrong = (value: Value | undefined, datatype: Datatype): Converted => ({
  wrong: value,
  expected: describeDatatype(datatype) ?? 'another value',
});
