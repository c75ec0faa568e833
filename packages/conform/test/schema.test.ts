import { describe, expect, test } from 'vitest';
import { allMappings, ConformError, defineSchema } from '../src/index.ts';

function problems(schema: unknown): readonly string[] {
  try {
    defineSchema(schema as never);
  } catch (error) {
    if (error instanceof ConformError && error.code === 'CONFORM_SCHEMA') return error.message.split('\n');
    throw error;
  }
  return [];
}

const mapping = (fields: unknown) => problems({ mappings: { 'kv.a': fields } });

describe('a schema is refused', () => {
  test('that is none', () => {
    for (const none of [undefined, [], {}, { mappings: [] }])
      expect(problems(none)).toEqual([
        "expected a schema such as { mappings: { 'kv.port': { datatype: 'integer' } } }",
      ]);
  });

  test('with the spelling of the original, and told ours', () => {
    expect(mapping({ env_var: 'A', include_default: 'x', persist: false })).toEqual([
      'kv.a: there is no env_var here; write envVar',
      'kv.a: there is no include_default here; write includeDefault',
      'kv.a: there is no persist here; leave it out',
    ]);
    expect(problems({ import: ['x'], translations: {}, mappings: {} })).toEqual([
      'there is no import here; import modules at the top of the file, as in any other',
      'there is no translations here; write transforms',
    ]);
    expect(['binary', 'charlist', 'atom'].map((datatype) => mapping({ datatype })[0])).toEqual([
      "kv.a: datatype: there is no 'binary'; write 'string'",
      "kv.a: datatype: there is no 'charlist'; write 'string'",
      "kv.a: datatype: there is no 'atom'; write 'string', or { enum: […] }",
    ]);
    expect(mapping({ datatype: { list: 'complex' } })[0]).toMatch(
      "a group is the whole datatype of a mapping: 'complex'",
    );
  });

  test('with a misspelt word, and told the one that was meant', () => {
    expect(mapping({ datatyp: 'integer' })).toEqual([
      'kv.a: there is no datatyp here; did you mean datatype?',
    ]);
    expect(mapping({ datatype: 'interger' })).toEqual([
      "kv.a: datatype: there is no 'interger'; did you mean 'integer'?",
    ]);
  });

  test('with a field of another type', () => {
    expect(mapping({ required: 'yes', doc: 1, envVar: 'A-B', validators: 'port' })).toEqual([
      'kv.a: envVar: expected the name of a variable',
      'kv.a: doc: expected text',
      'kv.a: required: expected true or false',
      'kv.a: validators: expected a list',
    ]);
    expect(mapping('integer')).toEqual(["kv.a: expected a mapping such as { datatype: 'integer' }"]);
    expect(problems({ mappings: {}, transforms: { 'kv.a': 1 }, validators: [] })).toEqual([
      'transforms: kv.a: expected a function',
      'validators: expected { name: function }',
    ]);
  });

  test('with a datatype that is none', () => {
    expect(mapping({ datatype: { enum: [] } })).toEqual(['kv.a: datatype: enum: expected a list of texts']);
    expect(mapping({ datatype: { list: 'string', pair: 'string' } })).toEqual([
      'kv.a: datatype: expected one of enum, list, tuple, pair, pairs, found list, pair',
    ]);
    expect(mapping({ datatype: { pairs: { list: 'string' } } })).toEqual([
      'kv.a: datatype: the value of a pair cannot be a list or a pair',
    ]);
    for (const datatype of [null, 1, {}, { list: [] }, { tuple: 'string' }, { list: [{}] }])
      expect(mapping({ datatype })).toHaveLength(1);
  });

  test('with a default that is none of the datatype', () => {
    expect(mapping({ datatype: 'duration', default: '10s' })).toEqual([
      'kv.a: default: expected what the datatype gives, milliseconds',
    ]);
    expect(mapping({ datatype: { list: 'integer' }, default: [1, 'x'] })).toHaveLength(1);
    expect(mapping({ default: 1 })).toEqual(['kv.a: default: expected what the datatype gives, text']);
    expect(
      problems({ mappings: { 'kv.a.*': { datatype: 'complex', default: [] }, 'kv.a.*.b': {} } }),
    ).toEqual(['kv.a.*: default: expected an object, name → what is in the group']);
  });

  test('with keys and paths that go nowhere', () => {
    expect(problems({ mappings: { 'kv..a': {}, port: {} } })).toEqual([
      'kv..a: the key kv..a: expected a name: letters, digits, _ and -, or anything in "quotes", found "."',
      'port: to: expected the application and a key at least, such as kv.port',
    ]);
    expect(mapping({ to: 'kv.*' })).toEqual(['kv.a: to: kv.* has a wildcard that the key does not have']);
    expect(problems({ mappings: { '*.a': {} } })).toHaveLength(1);
    expect(problems({ mappings: { 'kv.$x.a': { to: 'kv.all' } } })).toEqual([
      'kv.$x.a: to: every wildcard of the key must be in it, or two settings go to one place; or leave it out',
    ]);
    expect(problems({ mappings: {}, transforms: { kv: () => 1, 'kv.*': () => 1 } })).toHaveLength(2);
    expect(mapping({ includeDefault: 'x' })).toEqual([
      'kv.a: includeDefault: there is no wildcard in the key',
    ]);
  });

  test('where two values go to one place, or one below the other', () => {
    expect(problems({ mappings: { 'kv.a': {}, 'kv.b': { to: 'kv.a' } } })).toEqual([
      'kv.b: to: kv.a is where kv.a goes',
    ]);
    expect(problems({ mappings: { 'kv.a.b': {}, 'kv.a': {} } })).toEqual([
      'kv.a.b: to: kv.a.b is where kv.a goes',
    ]);
  });

  test('with a group that has no wildcard at its end, or nothing in it', () => {
    expect(problems({ mappings: { 'kv.a': { datatype: 'complex' } } })).toEqual([
      'kv.a: a complex key ends in a wildcard, such as kv.buckets.*',
    ]);
    expect(problems({ mappings: { 'kv.a.*': { datatype: 'complex' } } })).toEqual([
      'kv.a.*: complex: there is no mapping for what is in it, such as kv.a.*.size',
    ]);
  });

  test('with a group that goes where its names are', () => {
    const group = (to: string) =>
      problems({ mappings: { 'kv.*.b.*': { datatype: 'complex', to }, 'kv.*.b.*.c': {} } });
    expect(group('kv.*.all')).toEqual([]);
    expect(group('kv.*.all.*')).toEqual([
      'kv.*.b.*: to: the names of the group are in its value; leave its own wildcard out of the path',
    ]);
  });

  test('with a validator that nobody has defined', () => {
    expect(
      problems({ mappings: { 'kv.a': { validators: ['port'] } }, validators: { url: () => {} } }),
    ).toEqual(['kv.a: validators: there is no port; there are url']);
  });

  test('with anything wrong in a schema that it extends', () => {
    expect(problems({ extends: [{ mappings: { 'kv.a': { persist: true } } }], mappings: {} })).toHaveLength(
      1,
    );
    expect(problems({ extends: ['store'], mappings: {} })).toHaveLength(1);
  });
});

test('a schema extends others, and what it says itself counts more', () => {
  const store = defineSchema({
    mappings: { 'store.size': { datatype: 'integer' }, 'store.path': { doc: 'theirs' } },
  });
  const kv = defineSchema({
    extends: [store],
    mappings: { 'kv.port': {}, 'store.path': { doc: 'ours', default: '/data' } },
  });
  expect(allMappings(kv)).toMatchObject([
    { key: 'store.size', datatype: 'integer', path: ['store', 'size'] },
    { key: 'store.path', doc: 'ours', default: '/data' },
    { key: 'kv.port', datatype: 'string' },
  ]);
});

test('a value goes where `to` says, what is in a group where the group goes', () => {
  const mappings = {
    'kv.x': { to: 'store."a b".y' },
    'kv.$node.$disk.size': { to: 'store.$disk.$node' },
    'kv.*.a.*': { to: 'kv.all.*.*' },
    'kv.buckets.*': { datatype: 'complex', to: 'store.stores' },
    'kv.buckets.*.size': {},
    'kv.buckets.*.keys.*': { datatype: 'complex' },
    'kv.buckets.*.keys.*.ttl': {},
  } as const;
  expect(allMappings({ mappings }).map(({ path }) => path)).toEqual([
    ['store', 'a b', 'y'],
    ['store', 1, 0],
    ['kv', 'all', 0, 1],
    ['store', 'stores'],
    ['store', 'stores', 0, 'size'],
    ['store', 'stores', 0, 'keys'],
    ['store', 'stores', 0, 'keys', 1, 'ttl'],
  ]);
});
