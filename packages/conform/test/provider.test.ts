import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import provider from '../src/index.ts';

let root = '';

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'sarma-conform-'));
  put({
    'release/kv.schema.mjs': schema({
      'kv.port': { datatype: 'integer', default: 4040, envVar: 'KV_TEST_PORT' },
    }),
    'release/store.schema.mjs': schema({ 'store.path': {} }),
    'host/nothing': '',
  });
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});

const schema = (mappings: object) => `export default ${JSON.stringify({ mappings })};`;
const at = (...names: readonly string[]) => path.join(root, ...names);

function put(files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(at(name)), { recursive: true });
    writeFileSync(at(name), content);
  }
}

const state = (schema: string | readonly string[]) =>
  provider.init!({ schema }) as ReturnType<typeof JSON.parse>;

/** What goes into a release whose schema module exports this. */
const files = (module: object) =>
  provider.files!(
    { schema: 'config/kv.schema.ts' },
    { project: root, environment: 'prod', modules: { schema: [module as never] } },
  );

async function load(from = state('config/kv.schema.ts'), below = {}) {
  const sources: string[] = [];
  const configuration = await provider.load(below, from, {
    configDirectory: at('host'),
    directory: at('release'),
    onSource: (keys, where) => sources.push(`${keys.join('.')}: ${where}`),
  });
  return { configuration, sources };
}

test('what a boot needs to know are the names of files', () => {
  expect(state('config/kv.schema.ts')).toEqual({ schemas: ['kv.schema.mjs'], confs: ['kv.conf'] });
  expect(state(['a/kv.schema.ts', 'b/store.ts'])).toEqual({
    schemas: ['kv.schema.mjs', 'store.mjs'],
    confs: ['kv.conf', 'store.conf'],
  });
  for (const options of [undefined, {}, { schema: '' }, { schema: [1] }, { schema: [] }])
    expect(() => provider.init!(options as never)).toThrow(
      "the provider needs options: { schema: 'config/kv.schema.ts' }",
    );
});

test('two schemas may not have one .conf', () => {
  expect(() => state(['a/kv.schema.ts', 'b/kv.ts'])).toThrow(
    'two schemas would have the file kv.conf; call one of them differently',
  );
});

test('the host’s file counts, else the one of the release; without any, environment and defaults', async () => {
  expect(await load()).toEqual({ configuration: { kv: { port: 4040 } }, sources: ['kv.port: default'] });
  vi.stubEnv('KV_TEST_PORT', '4041');
  expect(await load()).toEqual({
    configuration: { kv: { port: 4041 } },
    sources: ['kv.port: $KV_TEST_PORT'],
  });
  put({ 'release/kv.conf': 'kv.port = 4042' });
  expect((await load()).sources).toEqual([`kv.port: ${at('release', 'kv.conf')}:1`]);
  put({ 'host/kv.conf': '\nkv.port = 4043' });
  expect(await load()).toEqual({
    configuration: { kv: { port: 4043 } },
    sources: [`kv.port: ${at('host', 'kv.conf')}:2`],
  });
});

test('a file is read anew each time', async () => {
  put({ 'host/kv.conf': 'kv.port = 1' });
  expect((await load()).configuration).toEqual({ kv: { port: 1 } });
  put({ 'host/kv.conf': 'kv.port = 2' });
  expect((await load()).configuration).toEqual({ kv: { port: 2 } });
});

test('several schemas have a file each, and count as one', async () => {
  put({ 'host/kv.conf': 'kv.port = 1', 'host/store.conf': 'store.path = /data' });
  const both = state(['config/kv.schema.ts', 'config/store.schema.ts']);
  expect((await load(both)).configuration).toEqual({ kv: { port: 1 }, store: { path: '/data' } });
});

test('CONFORM_CONF_PATH and CONFORM_SCHEMA_PATH name other files, several as in PATH', async () => {
  put({
    'host/kv.conf': 'kv.port = 1',
    'a.conf': 'kv.port = 2',
    'b.conf': 'kv.port = 3',
    'other.mjs': schema({ 'kv.port': { to: 'kv.other' } }),
  });
  vi.stubEnv('CONFORM_CONF_PATH', [at('a.conf'), at('b.conf')].join(path.delimiter));
  expect((await load()).configuration).toEqual({ kv: { port: 3 } });
  vi.stubEnv('CONFORM_SCHEMA_PATH', at('other.mjs'));
  expect((await load()).configuration).toEqual({ kv: { other: '3' } });
  vi.stubEnv('CONFORM_CONF_PATH', at('missing.conf'));
  await expect(load()).rejects.toMatchObject({
    code: 'CONFORM_FILE',
    message: `${at('missing.conf')}: there is no such file`,
  });
});

test('what is required may be in the configuration that it lies over', async () => {
  put({ 'release/kv.schema.mjs': schema({ 'kv.secret': { required: true } }) });
  await expect(load()).rejects.toThrow(`${at('host', 'kv.conf')}: kv.secret: is missing; set it here`);
  expect((await load(undefined, { kv: { secret: 's' } })).configuration).toEqual({});
});

test('a release brings along the .conf of its environment, else the common one, else a documented one', async () => {
  const kv = { mappings: { 'kv.port': { doc: 'Where clients connect.' } } };
  expect(files({ default: kv })).toEqual({
    'kv.conf': expect.stringContaining('## Where clients connect.\n# kv.port =\n'),
  });
  put({ 'config/kv.conf': 'kv.port = 1\n', 'config/kv.dev.conf': 'kv.port = 2\n' });
  expect(files({ default: kv })).toEqual({ 'kv.conf': 'kv.port = 1\n' });
  put({ 'config/kv.prod.conf': '\ufeffkv.port = 3\n' });
  expect(files({ default: kv })).toEqual({ 'kv.conf': 'kv.port = 3\n' });
});

test('a build fails for a module without a schema, a schema that is none, and a .conf that cannot be read', () => {
  put({ 'config/kv.conf': 'kv.port = 1' });
  expect(() => files({ schema: {} })).toThrow(
    `${at('config', 'kv.schema.ts')}: the schema has no default export; write: export default defineSchema({ … })`,
  );
  expect(() => files({ default: { mappings: { 'kv.port': { datatype: 'number' } } } })).toThrow(
    `${at('config', 'kv.schema.ts')}: kv.port: datatype: there is no 'number'`,
  );
  put({ 'config/kv.conf': Buffer.from('kv.port = \xff', 'latin1') });
  expect(() => files({ default: { mappings: {} } })).toThrow(
    `${at('config', 'kv.conf')}:1: the text is not in UTF-8`,
  );
});

test('a warning goes to stderr', async () => {
  const written: unknown[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(text) > 0);
  put({ 'host/kv.conf': 'kv.port = 1\nkv.port = 2' });
  await load();
  expect(written).toEqual([
    `warning: ${at('host', 'kv.conf')}:2:1: kv.port: stands in line 1 already; the later one counts\n`,
  ]);
});

test('a file in another encoding is refused, with its first line that is not in UTF-8', async () => {
  put({ 'host/kv.conf': Buffer.from('# gr\u00fcn\n', 'utf8') });
  expect((await load()).configuration).toEqual({ kv: { port: 4040 } });
  const problem = { file: at('host', 'kv.conf'), message: expect.stringContaining('not in UTF-8') };
  put({ 'host/kv.conf': Buffer.from('kv.port = 1\n# gr\u00fcn\n', 'latin1') });
  await expect(load()).rejects.toMatchObject({ code: 'CONFORM_FILE', problems: [{ ...problem, line: 2 }] });
  put({ 'host/kv.conf': Buffer.from('\ufeffkv.port = 1\n', 'utf16le') });
  await expect(load()).rejects.toMatchObject({ code: 'CONFORM_FILE', problems: [{ ...problem, line: 1 }] });
});

test('a byte order mark and line breaks of Windows change nothing', async () => {
  put({ 'host/kv.conf': '\ufeffkv.port = 4041\r\n# end\r\n' });
  expect((await load()).configuration).toEqual({ kv: { port: 4041 } });
});

test('a file that cannot be read is named', async () => {
  mkdirSync(at('host/kv.conf'));
  await expect(load()).rejects.toMatchObject({ code: 'CONFORM_FILE' });
});

test('a schema that cannot be used is named', async () => {
  vi.stubEnv('CONFORM_SCHEMA_PATH', at('missing.mjs'));
  await expect(load()).rejects.toThrow(`${at('missing.mjs')}: the schema cannot be loaded: `);
  put({ 'none.mjs': 'export const schema = {};' });
  vi.stubEnv('CONFORM_SCHEMA_PATH', at('none.mjs'));
  await expect(load()).rejects.toThrow(
    `${at('none.mjs')}: the schema has no default export; write: export default defineSchema({ … })`,
  );
});
