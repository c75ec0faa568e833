type PlainObject = Readonly<Record<string, unknown>>;

/**
 * Lays one configuration over another: plain objects are merged key by key, everything else (lists too) is
 * replaced. Neither is changed. A key `__proto__` stays an ordinary key of the result, whatever it holds.
 */
export function deepMerge<Value>(below: Value, above: unknown): Value {
  if (!isPlainObject(below) || !isPlainObject(above)) return above as Value;
  const merged = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    merged.set(key, merged.has(key) ? deepMerge(merged.get(key), value) : value);
  }
  // fromEntries defines properties and never assigns, so that `__proto__` changes no prototype.
  return Object.fromEntries(merged) as Value;
}

export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Also objects of another realm (vm, vitest), whose Object.prototype is not ours.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
