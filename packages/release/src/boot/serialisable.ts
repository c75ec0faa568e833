/** Where a value lies that JSON cannot hold, and what it is. */
export interface Place {
  readonly keys: readonly string[];
  readonly found: string;
}

/**
 * The value as JSON gives it back, less keys whose value is undefined. Throws what `refuse` makes of anything that
 * would come back as something else.
 */
export function serialisable(value: unknown, refuse: (place: Place) => Error): unknown {
  const open = new Set<object>();
  const copy = (inner: unknown, keys: readonly string[]): unknown => {
    const found = unserialisable(inner);
    if (found !== undefined) throw refuse({ keys, found });
    if (typeof inner !== 'object' || inner === null) return inner;
    if (open.has(inner)) throw refuse({ keys, found: 'an object that contains itself' });
    open.add(inner);
    const result = Array.isArray(inner)
      ? Array.from(inner as readonly unknown[], (item, index) => copy(item, [...keys, String(index)]))
      : Object.fromEntries(
          Object.entries(inner)
            .filter(([, item]) => item !== undefined)
            .map(([key, item]) => [key, copy(item, [...keys, key])]),
        );
    open.delete(inner);
    return result;
  };
  return copy(value, []);
}

/** What a value is, if it is nothing that JSON can hold. */
function unserialisable(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : String(value);
    case 'object':
      return value === null || Array.isArray(value) ? undefined : instance(value);
    case 'function':
      return /^class\b/.test(Function.prototype.toString.call(value)) ? 'a class' : 'a function';
    case 'undefined':
      return 'undefined';
    default:
      return `a ${typeof value}`;
  }
}

/** The class of anything but a plain object. */
function instance(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined;
  return `an instance of ${prototype.constructor?.name || 'a class'}`;
}
