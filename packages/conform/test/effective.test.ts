import { expect, test } from 'vitest';
import { effective, parse } from '../src/index.ts';

const found = (input: Partial<Parameters<typeof effective>[0]>) => {
  const { entries } = effective({ build: {}, schemas: [], confs: [], env: {}, ...input });
  return Object.fromEntries(entries.map(({ key, value, source }) => [key, [value, source]]));
};

test('every value has the place that it comes from', () => {
  const build = {
    kv: {
      kept: 1,
      name: { $env: { name: 'KV_NAME', type: 'string' } },
      host: { $env: { name: 'KV_HOST', type: 'string', default: 'here' } },
      pool: { size: 1, idle: 2 },
      none: {},
    },
  };
  const schemas = [
    {
      mappings: {
        'kv.pool.size': { datatype: 'integer' },
        'kv.level': { default: 'quiet', envVar: 'KV_LEVEL' },
        'kv.limits': { datatype: { pairs: 'integer' } },
        'kv.*.quota': { datatype: 'bytes' },
      },
      transforms: { 'kv.sum': () => 3 },
    } as const,
  ];
  const confs = [parse('kv.pool.size = 9\nkv.limits = a = 1, b = 2\n\nkv.films.quota = 1KiB', 'kv.conf')];
  expect(found({ build, schemas, confs, env: { KV_LEVEL: 'loud', KV_HOST: 'there' } })).toEqual({
    'kv.kept': [1, 'build'],
    'kv.name': [undefined, '$KV_NAME, which is not set'],
    'kv.host': ['there', '$KV_HOST'],
    'kv.pool.size': [9, 'kv.conf:1'],
    'kv.pool.idle': [2, 'build'],
    'kv.none': [{}, 'build'],
    'kv.level': ['loud', '$KV_LEVEL'],
    'kv.limits': [{ a: 1, b: 2 }, 'kv.conf:2'],
    'kv.films.quota': [1024, 'kv.conf:4'],
    'kv.sum': [3, 'transform'],
  });
  expect(found({ build, schemas })).toMatchObject({
    'kv.host': ['here', 'build'],
    'kv.level': ['quiet', 'default'],
  });
});

test('a secret is masked, wherever it comes from, and its place is told', () => {
  const schemas = [
    { mappings: { 'kv.credentials.user': {}, 'kv.credentials.pin': {}, 'kv.token': { envVar: 'T' } } },
  ];
  const confs = [parse('kv.credentials.user = me\nkv.credentials.pin = 1234', 'kv.conf')];
  const shown = found({
    build: { kv: { url: 'http://me:hunter2@host' } },
    schemas,
    confs,
    env: { T: 'hunter2' },
  });
  expect(shown).toEqual({
    'kv.url': ['http://me:********@host', 'build'],
    'kv.credentials': ['********', 'kv.conf:1, kv.conf:2'],
    'kv.token': ['********', '$T'],
  });
});
