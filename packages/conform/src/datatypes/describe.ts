import type { Datatype } from './datatype.ts';
import { isCustom, isSimple, itemTypes } from './kinds.ts';
import { SIMPLE } from './simple.ts';

/** What may be written for a datatype, for people: `a whole number`, `one of: debug, info`. Undefined: it does not say. */
export function describeDatatype(datatype: Datatype): string | undefined {
  if (isSimple(datatype)) return SIMPLE[datatype].is;
  if (isCustom(datatype)) return datatype.toDoc?.();
  if ('enum' in datatype) return `one of: ${datatype.enum.join(', ')}`;
  if ('list' in datatype)
    return `a list with commas; each ${itemTypes(datatype).map(described).join(', or ')}`;
  if ('pair' in datatype) return `name = value; the value ${described(datatype.pair)}`;
  if ('pairs' in datatype)
    return `name = value, with commas between several; each value ${described(datatype.pairs)}`;
  return `${datatype.tuple.length} values with commas: ${datatype.tuple.map(described).join('; ')}`;
}

function described(datatype: Datatype): string {
  const text = describeDatatype(datatype) ?? 'a value';
  return isSimple(datatype) || isCustom(datatype) || 'enum' in datatype ? text : `in brackets: ${text}`;
}
