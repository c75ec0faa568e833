import type { Text, Value } from '../conf-file.ts';
import { ConformError } from '../error.ts';
import { itemsOf } from './convert.ts';
import type { Datatype } from './datatype.ts';
import { describeDatatype } from './describe.ts';
import { isCustom, isListed, isSimple, itemTypes, type Listed } from './kinds.ts';
import { SIMPLE } from './simple.ts';

/**
 * A value, such as a default, as it is written in a .conf file. Throws ConformError CONFORM_SCHEMA for one that is none
 * of the datatype.
 */
export function formatValue(value: unknown, datatype: Datatype): readonly Value[] {
  const values = formatted(value, datatype);
  if (values !== undefined) return values;
  const expected = describeDatatype(datatype) ?? 'a value of the datatype';
  throw new ConformError('CONFORM_SCHEMA', [
    { expected, message: `the value is none of the datatype: ${expected}` },
  ]);
}

/** Undefined: it is none of the datatype. */
export function formatted(value: unknown, datatype: Datatype): readonly Value[] | undefined {
  if (!isListed(datatype)) return together([formatOne(value, datatype)]);
  const items = formatItems(value, datatype);
  // `[]`, and `[[1, 2]]` where `[1, 2]` would be read as two items.
  const isReadAlike = items !== undefined && items.length > 0 && itemsOf(items, datatype) === items;
  return items === undefined || isReadAlike ? items : [{ type: 'list', items }];
}

function formatOne(value: unknown, datatype: Datatype): Value | undefined {
  if (isSimple(datatype)) return text(SIMPLE[datatype].write(value), datatype === 'string');
  if (isCustom(datatype)) return text((datatype.format ?? String)(value), true);
  if ('enum' in datatype) return text(datatype.enum.find((choice) => choice === value));
  if ('pair' in datatype) {
    const [name, inner] = Array.isArray(value) ? value : [];
    return pair(name, inner, datatype.pair);
  }
  const items = formatItems(value, datatype);
  return items && { type: 'list', items };
}

function formatItems(value: unknown, datatype: Listed): readonly Value[] | undefined {
  if ('pairs' in datatype) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return together(Object.entries(value).map(([name, inner]) => pair(name, inner, datatype.pairs)));
  }
  if (!Array.isArray(value)) return undefined;
  if ('list' in datatype) return together(value.map((item) => formatItem(item, itemTypes(datatype))));
  if (value.length !== datatype.tuple.length) return undefined;
  return together(value.map((item, index) => formatOne(item, datatype.tuple[index]!)));
}

/** As the first type that it is of. */
function formatItem(item: unknown, types: readonly Datatype[]): Value | undefined {
  return types.map((type) => formatOne(item, type)).find((written) => written !== undefined);
}

function pair(name: unknown, value: unknown, datatype: Datatype): Value | undefined {
  const inner = formatOne(value, datatype);
  if (typeof name !== 'string' || inner?.type !== 'text') return undefined;
  const whole = inner.isQuoted ? {} : { text: `${name} = ${inner.text}` };
  return { type: 'pair', name, value: inner, ...whole };
}

function text(written: string | undefined, isQuoted = false): Text | undefined {
  return written === undefined ? undefined : { type: 'text', text: written, isQuoted };
}

function together(values: readonly (Value | undefined)[]): readonly Value[] | undefined {
  return values.every((value) => value !== undefined) ? values : undefined;
}
