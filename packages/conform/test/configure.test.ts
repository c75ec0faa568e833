import { expect, test } from 'vitest';
import { configure, defineSchema, parse, type Schema, translate } from '../src/index.ts';

const schema: Schema = defineSchema({
  mappings: {
    'kv.port': {
      datatype: 'integer',
      default: 4000,
      envVar: 'KV_PORT',
      doc: 'Where clients connect.\nAny port above 1023.',
    },
    'kv.level': { datatype: { enum: ['quiet', 'loud'] }, default: 'quiet', see: 'kv.port' },
    'kv.cookie': { required: true, doc: 'Shared by all nodes.' },
    'kv.buckets.*.size': {
      datatype: 'bytes',
      default: 10_000_000,
      includeDefault: 'main',
      doc: 'How large.',
    },
    'kv.names': { datatype: { list: 'string' }, default: ['a b', 'c,d', '#e'] },
    'kv.shown': { default: 'yes', commented: false },
    'kv.hidden': { hidden: true, default: 'secretly', doc: 'Nobody is told.' },
  },
});

test('a generated .conf has the words of the schema, what is allowed, and defaults that are commented out', () => {
  const text = configure(schema, { name: 'kv' });
  expect(text).toContain(`
## Where clients connect.
## Any port above 1023.
## Allowed: a whole number
## Default: 4000
## Where it is not set here, the variable KV_PORT counts.
# kv.port = 4000
`);
  expect(text).toMatch(
    /## See kv\.port\.\n## Allowed: .*quiet.*loud.*\n## Default: quiet\n# kv\.level = quiet\n/,
  );
  expect(text).toMatch(/## Shared by all nodes\.\n(## .*\n)*## It has to be set\.\n# kv\.cookie =\n/);
  expect(text).toMatch(/\n# kv\.buckets\.main\.size = .+\n/);
  expect(text).toContain('\nkv.shown = "yes"\n');
  expect(text).not.toMatch(/hidden|secretly|Nobody/);
});

test('a generated .conf says nothing by itself, and what the defaults say once nothing is commented out', () => {
  const text = configure(schema, { name: 'kv' });
  const env = { KV_PORT: '' };
  const below = { kv: { cookie: 'x' } };
  const nothing = translate(parse(text), schema, { env, below });
  expect([...nothing.sources.values()].filter(({ from }) => from === 'file')).toMatchObject([
    { key: 'kv.shown' },
  ]);
  const all = translate(parse(text.replaceAll(/^# (.* = .+)$/gm, '$1')), schema, { env, below });
  expect(all.configuration).toEqual({
    kv: { ...(nothing.configuration as { kv?: object }).kv, buckets: { main: { size: 10_000_000 } } },
  });
});

test('a default of several lines is not in a generated .conf, whose second line would count', () => {
  const motd = defineSchema({ mappings: { 'kv.motd': { default: 'one\nkv.motd = two' } } });
  const text = configure(motd, { name: 'kv' });
  expect(text).toContain('\n## Default: "one\n## kv.motd = two"\n# kv.motd =\n');
  expect(parse(text).lines.filter(({ type }) => type === 'setting')).toEqual([]);
});

test('written again, a .conf keeps what a person has set and noted, and nothing is there twice', () => {
  const before = `
# We moved in May.
kv.port = 5000 # not 4000
# kv.level = loud, when we look for something
kv.buckets.photos.size = 1MB
kv.buckets.films.size = 9MB
kv.hidden = known
kv.gone = old
# the end
`;
  const once = configure(schema, { name: 'kv', there: parse(before) });
  const settings = (text: string) => text.split('\n').filter((line) => /^[^#]/.test(line));
  expect(settings(once)).toEqual([
    'kv.port = 5000 # not 4000',
    'kv.buckets.photos.size = 1MB',
    'kv.buckets.films.size = 9MB',
    'kv.shown = "yes"',
    'kv.hidden = known',
    'kv.gone = old',
  ]);
  expect(once).toContain('\n# We moved in May.\nkv.port = 5000');
  expect(once).toContain('\n# kv.level = loud, when we look for something\n');
  expect(once).toContain('\n# the end\n');
  expect(once).not.toContain('# kv.port = 4000');
  expect(once).toContain('## These settings are not known (any more).\nkv.gone = old\n');
  expect(configure(schema, { name: 'kv', there: parse(once) })).toBe(once);
});

test('a default that the schema has changed is changed in the .conf, too', () => {
  const before = configure(schema, { name: 'kv' });
  const changed = {
    mappings: { ...schema.mappings, 'kv.port': { ...schema.mappings['kv.port'], default: 4001 } },
  };
  const after = configure(changed, { name: 'kv', there: parse(before) });
  expect(after).toBe(before.replaceAll('4000', '4001'));
});

test('whatever the schema says with line breaks in it, nothing of it counts in a generated .conf', () => {
  const color = { convert: () => 1, format: () => 'a\nkv.b = 1', toDoc: () => 'a\r\nkv.b = 2' };
  const lines = defineSchema({
    mappings: {
      'kv.color': { datatype: color, default: 1, doc: 'Yes.\rkv.b = 3\n\nkv.b = 4', see: 'kv."b\nkv.b = 5"' },
      'kv.one': { datatype: { enum: ['a\nkv.b = 6'] }, default: 'a\nkv.b = 6' },
      'kv.$x.y': { includeDefault: 'a\nkv.b = 7', datatype: 'integer', default: 1 },
      'kv."c\nkv.b = 8"': {},
    },
  });
  const text = configure(lines, { name: 'kv' });
  expect(parse(text).lines.filter(({ type }) => type === 'setting')).toEqual([]);
  expect(configure(lines, { name: 'kv', there: parse(text) })).toBe(text);
});

test('a comment stays with the setting that it stands with, also where that one is commented out', () => {
  const before = configure(schema, { name: 'kv' })
    .replace('# kv.port = 4000', '# Ask Ada first.\n# kv.port = 5000\n# 6000 is taken.')
    .replace('# kv.level = quiet', '# Until May.\n# kv.level = quiet')
    .replace('# kv.cookie =', 'kv.cookie = x\n# Not y.');
  const after = configure(schema, { name: 'kv', there: parse(before) });
  expect(after).toContain(
    'counts.\n# Ask Ada first.\n# kv.port = 5000\n# 6000 is taken.\n# kv.port = 4000\n\n',
  );
  expect(after).toContain('## Default: quiet\n# Until May.\n# kv.level = quiet\n\n');
  expect(after).toContain('kv.cookie = x\n# Not y.\n\n');
  expect(configure(schema, { name: 'kv', there: parse(after) })).toBe(after);
});

test('a setting that two mappings fit stands where the more exact one is', () => {
  const exact = defineSchema({
    mappings: {
      'kv.*.size': { datatype: 'bytes' },
      'kv.main.size': { datatype: 'bytes', doc: 'Of the main one.' },
    },
  });
  const text = configure(exact, { name: 'kv', there: parse('kv.main.size = 1MB\nkv.b.size = 2MB') });
  expect(text).toMatch(
    /## kv\.\*\.size\n## .*\nkv\.b\.size = 2MB\n\n## Of the main one\.\n## .*\nkv\.main\.size = 1MB\n/,
  );
});

test('white space of other alphabets at the end of a value is a part of it', () => {
  const there = parse('kv.cookie = x\u00a0\nkv.names = a, b\u3000');
  const after = parse(configure(schema, { name: 'kv', there }));
  const values = (conf: typeof there) =>
    conf.lines.flatMap((line) =>
      line.type === 'setting' ? [[line.key, line.values.map((value) => 'text' in value && value.text)]] : [],
    );
  expect(values(after)).toEqual(expect.arrayContaining(values(there)));
});
