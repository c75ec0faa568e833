import type { CustomDatatype, Datatype, SimpleValues } from './datatype.ts';

type Simple = keyof SimpleValues;
export type Listed = Extract<
  Datatype,
  { readonly list: unknown } | { readonly pairs: unknown } | { readonly tuple: unknown }
>;

export const isSimple = (datatype: Datatype): datatype is Simple => typeof datatype === 'string';

export const isCustom = (datatype: Datatype): datatype is CustomDatatype =>
  typeof datatype === 'object' && 'convert' in datatype;

/** Whether it is made of several values. */
export const isListed = (datatype: Datatype): datatype is Listed =>
  typeof datatype === 'object' && ('list' in datatype || 'pairs' in datatype || 'tuple' in datatype);

/** The types that an item of a list may have. */
export function itemTypes({ list }: { readonly list: Datatype | readonly Datatype[] }): readonly Datatype[] {
  return Array.isArray(list) ? (list as readonly Datatype[]) : [list as Datatype];
}
