import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { deepMerge } from '../src/deep-merge.ts';

test('plain objects are merged at every level, everything else is replaced', () => {
  const below = { a: { b: 1, c: { d: [1, 2], e: 'x' } }, f: null, g: { h: 1 }, i: [{ j: 1 }] };
  const above = { a: { c: { d: [3], k: 2 } }, f: { l: 1 }, g: 5, i: [{ m: 1 }] };
  expect(deepMerge(below, above)).toEqual({
    a: { b: 1, c: { d: [3], e: 'x', k: 2 } },
    f: { l: 1 },
    g: 5,
    i: [{ m: 1 }],
  });
});

test('what is laid over may be undefined, a date, a map: a value like others', () => {
  const date = new Date(0);
  const map = new Map();
  expect(deepMerge({ a: { x: 1 }, b: { x: 1 }, c: 1 }, { a: date, b: map, c: undefined })).toEqual({
    a: date,
    b: map,
    c: undefined,
  });
});

test('objects of another realm are plain too', () => {
  expect(deepMerge({ a: { b: 1 } }, runInNewContext('({ a: { c: 2 } })'))).toEqual({ a: { b: 1, c: 2 } });
});

test('neither side is changed', () => {
  const below = Object.freeze({ a: Object.freeze({ b: 1 }) });
  const above = Object.freeze({ a: Object.freeze({ c: 2 }) });
  deepMerge(below, above);
  expect([below, above]).toEqual([{ a: { b: 1 } }, { a: { c: 2 } }]);
});

test('a key __proto__ or constructor changes nothing but the result', () => {
  const evil = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
  const merged = deepMerge(deepMerge({}, evil), evil);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  expect(Object.keys(merged)).toEqual(['__proto__', 'constructor']);
});
