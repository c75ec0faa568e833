import { expect, test } from 'vitest';
import { defineSchema, newSchema } from '../src/index.ts';

const marker = (name: string, type: string, more: object = {}) => ({ $env: { name, type, ...more } });

test.each([
  ['text', "it's", "datatype: 'string',\ndefault: 'it\\'s',"],
  ['a whole number', 3, "datatype: 'integer',\ndefault: 3,"],
  ['a number', 0.5, "datatype: 'float',\ndefault: 0.5,"],
  ['a switch', false, "datatype: 'boolean',\ndefault: false,"],
  ['nothing', null, "datatype: 'string',"],
  ['an empty list', [], "datatype: { list: 'string' },\ndefault: [],"],
  ['numbers', [1, 2.5], "datatype: { list: 'float' },\ndefault: [1, 2.5],"],
  [
    'numbers and words',
    [1, 'a', true],
    "datatype: { list: ['integer', 'boolean', 'string'] },\ndefault: [1, 'a', true],",
  ],
  [
    'lists in lists',
    [[1, 2], [], [0.5]],
    "datatype: { list: { list: 'float' } },\ndefault: [[1, 2], [], [0.5]],",
  ],
  ['a variable', marker('PORT', 'integer', { default: null }), "datatype: 'integer',\nenvVar: 'PORT',"],
  [
    'a variable with a default',
    marker('TAGS', 'list', { default: ['a'] }),
    "datatype: { list: 'string' },\ndefault: ['a'],\nenvVar: 'TAGS',",
  ],
])('a schema made of a configuration has the type of what is there: %s', (_what, value, expected) => {
  const source = newSchema({ kv: { it: value } }, 'config/config.ts');
  expect(source.replaceAll(/^ +/gm, '')).toContain(`'kv.it': {\n${expected}\ndoc: '',\n},`);
  // It is one: what defineSchema throws for a default of another type.
  const define = source.slice(source.indexOf('defineSchema('), source.lastIndexOf(';'));
  new Function('defineSchema', `return ${define}`)(defineSchema);
});

test('a schema made of a configuration goes into objects, quotes odd keys, and leaves out what no setting can say', () => {
  const text = newSchema(
    {
      kv: {
        pool: { size: 5, 'odd key': 'x' },
        nothing: {},
        rules: [{}],
        half: [[1], 2],
        gap: [null],
        more: marker('MORE', 'json'),
      },
    },
    'config/config.ts',
  );
  expect(text).toContain("'kv.pool.size': {");
  expect(text).toContain(`'kv.pool."odd key"': {`);
  expect(text.match(/\/\/ kv\.\w+ is .*/g)).toEqual([
    expect.stringContaining('kv.nothing is an empty object'),
    expect.stringContaining('kv.rules is a list of more than single values'),
    expect.stringContaining('kv.half is a list of more than single values'),
    expect.stringContaining('kv.gap is a list of more than single values'),
    expect.stringContaining('kv.more is JSON in a variable'),
  ]);
});

test('a variable that the configuration needs is needed before a .conf is read, and that is said', () => {
  const text = newSchema(
    { kv: { url: marker('KV_URL', 'string'), port: marker('KV_PORT', 'integer', { default: 1 }) } },
    'config/config.ts',
  );
  expect(text.match(/needs \w+ before/g)).toEqual(['needs KV_URL before']);
});

test('a secret gets no default, wherever it stands', () => {
  const text = newSchema(
    {
      kv: {
        password: 'hunter2',
        url: 'postgres://me:hunter2@host/db',
        credentials: { user: 'me', pin: 'hunter2' },
        token: marker('KV_TOKEN', 'string', { default: 'hunter2' }),
      },
    },
    'config/config.ts',
  );
  expect(text).not.toContain('hunter2');
  expect(text.match(/A secret/g)).toHaveLength(5);
  expect(text).toContain("envVar: 'KV_TOKEN',");
});
