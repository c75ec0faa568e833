import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import {
  type ConfFile,
  ConformError,
  configure,
  defineSchema,
  parse,
  print,
  translate,
} from '../src/index.ts';
import { anyText, damaged } from './support/documents.ts';
import { holds, Random, SEED } from './support/random.ts';

const FILES = 1500;

const schema = defineSchema({
  mappings: {
    'kv.port': { datatype: 'integer', default: 4000, envVar: 'KV_PORT', doc: 'Where clients\nconnect.' },
    'kv.name': { required: true },
    'kv.motd': { default: 'one\nkv.port = 2' },
    'kv.hosts': { datatype: { list: 'ip' }, default: [{ host: '::1', port: 80 }] },
    'kv.ttl': { datatype: 'duration', default: 60_000, commented: false },
    'kv.match': { datatype: 'regex' },
    'kv.level': { datatype: { enum: ['quiet', 'loud'] }, default: 'quiet' },
    'kv.zones': { datatype: { list: { tuple: ['integer', 'string'] } } },
    'kv.grid': { datatype: { list: { list: ['integer', 'string'] } } },
    'kv.labels': { datatype: { pairs: 'string' }, default: { a: 'b, c' } },
    'kv.odd': { datatype: { list: [{ pair: 'float' }, 'boolean', 'string'] } },
    'kv.buckets.*': { datatype: 'complex' },
    'kv.buckets.*.size': { datatype: 'bytes', required: true },
    'kv.buckets.main.size': { datatype: 'bytes', default: 1, doc: 'Of the main one.' },
    'kv.$from.to.$there': { to: 'kv.ways.$there.$from', includeDefault: 'x' },
  },
  transforms: { 'kv.sum': (conf) => conf.find('kv.buckets.*.size').length },
});

const PERSONS = `# ours
kv.port = 5000 # not 4000
kv.name = "a \\" b"
# kv.level = loud
kv.motd = "Welcome,
both of you"
kv.hosts = 127.0.0.1:8001, [::1]:8001
kv.match = "/^a=b,? c$/i"
kv.zones = [1, Front door], [2, "Garage, left"]
kv.grid = [[1, 2], [x]]
kv.labels = site = north, "rack no" = 7
kv.odd = a = 1.5, yes, http://host/?a=b&c=d, C:\\\\, x\\, y
kv.buckets.films.size = 10MB
kv.buckets."my files".size = 4KiB
kv.a\\.b.to."c d" = there
`;

function* files(): Generator<string> {
  const random = new Random(SEED);
  const generated = configure(schema, { name: 'kv', there: parse(PERSONS) });
  for (let count = 0; count < FILES; count++) yield damaged(random.pick([PERSONS, generated]), random);
}

/** What a service makes of a file: its configuration, or the errors that its person reads. */
function meaning(text: string | ConfFile): { readonly configuration: unknown } | ConformError {
  try {
    const conf = typeof text === 'string' ? parse(text, 'kv.conf') : text;
    return { configuration: translate(conf, schema, { env: {} }).configuration };
  } catch (error) {
    if (error instanceof ConformError) return error;
    throw error;
  }
}

test('a damaged file is taken, or refused with sentences that have a place and no rubbish in them', () => {
  const seen = { taken: 0, syntax: 0, value: 0 };
  holds(files(), (text) => {
    const made = meaning(text);
    if (!(made instanceof ConformError)) {
      seen.taken++;
      return undefined;
    }
    seen[made.code === 'CONFORM_SYNTAX' ? 'syntax' : 'value']++;
    const lines = text.split(/\r?\n/).length;
    const wrong = made.problems.find(
      ({ line, message }) => !/missing/.test(message) && (line === undefined || line < 1 || line > lines),
    );
    if (wrong !== undefined) return `there is no such line: ${JSON.stringify(wrong)}`;
    return /undefined|\[object|NaN/.test(made.message) ? made.message : undefined;
  });
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(FILES / 20);
});

test('`configure` takes nothing away from what a person has set, whatever the file looks like', () => {
  let set = 0;
  holds(files(), (text) => {
    let there: ConfFile;
    try {
      there = parse(text);
    } catch {
      return undefined;
    }
    set++;
    const once = configure(schema, { name: 'kv', there });
    const again = configure(schema, { name: 'kv', there: parse(once) });
    if (again !== once)
      return `the second time it wrote ${JSON.stringify(again)}, after ${JSON.stringify(once)}`;
    const [before, after] = [meaning(print(there)), meaning(once)].map((made) =>
      made instanceof ConformError
        ? made.problems.map(({ key, message }) => `${key} ${message}`).sort()
        : made,
    );
    return isDeepStrictEqual(after, before)
      ? undefined
      : `${JSON.stringify(before)} has become ${JSON.stringify(after)}`;
  });
  expect(set).toBeGreaterThan(FILES / 5);
});

test('any text in a variable is itself, or a list of the syntax, or refused with the name of the variable', () => {
  const lists = { mappings: { 'kv.list': { datatype: { list: 'string' }, envVar: 'KV_LIST' } } } as const;
  const texts = { mappings: { 'kv.text': { envVar: 'KV_TEXT' } } } as const;
  const random = new Random(SEED);
  const variables = Array.from({ length: FILES }, () => anyText(random)).filter((text) => text !== '');
  holds(variables, (text) => {
    const { configuration } = translate({ lines: [] }, texts, { env: { KV_TEXT: text } });
    if (configuration.kv.text !== text) return `it has become ${JSON.stringify(configuration)}`;
    try {
      const list = translate({ lines: [] }, lists, { env: { KV_LIST: text } }).configuration.kv.list;
      return list?.length || text.includes('[') ? undefined : 'nothing is left of it';
    } catch (error) {
      if (!(error instanceof ConformError)) throw error;
      return /^the variable KV_LIST: kv\.list: expected /.test(error.message) ? undefined : error.message;
    }
  });
});

// What grows with the square of its length would take hours.
const many = (text: string) => text.repeat(1_000_000 / text.length);
const quarter = (text: string) => text.repeat(250_000 / text.length);

test.each([
  ['opening brackets', `kv.grid = ${many('[')}`],
  ['brackets in each other', `kv.grid = ${'['.repeat(500_000)}${']'.repeat(500_000)}`],
  ['lists that begin', `kv.grid = ${many('[a,')}`],
  ['addresses that begin', `kv.hosts = ${many('[::1')}`],
  ['quotes', `kv.name = ${many('"')}`],
  ['quotes that are left open', many('kv.name = "\n')],
  ['dots', many('.')],
  ['carriage returns', many('\r')],
])('a megabyte of %s is refused, and nothing overflows', (_, text) => {
  expect(() => parse(text)).toThrow(ConformError);
});

test('ten thousand groups in groups are read', () => {
  const groups = defineSchema({
    mappings: {
      'kv.b.*': { datatype: 'complex' },
      'kv.b.*.keys.*': { datatype: 'complex' },
      'kv.b.*.keys.*.size': { datatype: 'integer' },
    },
  });
  const lines = Array.from({ length: 10_000 }, (_, index) => `kv.b.n${index}.keys.a.size = ${index}`);
  const { configuration } = translate(parse(lines.join('\n')), groups, { env: {} });
  expect(configuration).toMatchObject({ kv: { b: { n9999: { keys: { a: { size: 9999 } } } } } });
});

test.each([
  ['quoted values', `kv.odd = ${quarter('"x", ')}`],
  ['quoted parts of a key', `${quarter('"x".')}x = 1`],
  ['items', `kv.odd = ${quarter('x,')}`],
  ['pairs', `kv.labels = ${quarter('x = y, ')}`],
  ['lists', `kv.grid = ${quarter('[1, 2], ')}`],
  ['backslashes', `kv.name = ${quarter('\\')}`],
  ['equals signs', `kv.labels = ${quarter('=')}`],
  ['words', `kv.name = ${quarter('x ')}`],
  ['spaces', `kv.name = x${quarter(' ')}y`],
  ['lines in quotes', `kv.motd = "${quarter('\n')}"`],
  ['blank lines', quarter('\r\n')],
  ['comments', quarter('# kv.port = 1\n')],
])('a quarter of a megabyte of %s is read, and written as it was meant', (_, text) => {
  const printed = print(parse(text));
  expect(print(parse(printed))).toBe(printed);
});
