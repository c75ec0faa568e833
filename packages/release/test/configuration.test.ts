import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { project, release, text, write } from './support/project.ts';

const files = {
  'package.json': {
    name: 'kv',
    version: '1.0.0',
    type: 'module',
    sarma: { application: './application.ts' },
  },
  'application.ts': 'export default { async start() {} };',
};

function sys(assembled: Parameters<typeof text>[0]): unknown {
  return JSON.parse(text(assembled, `releases/${assembled.version}/sys.config.json`));
}

function configuration(assembled: Parameters<typeof text>[0]) {
  const boot = JSON.parse(text(assembled, `releases/${assembled.version}/boot.json`));
  return boot.configuration as Readonly<Record<string, unknown>>;
}

function setVariable(name: string, value: string): void {
  process.env[name] = value;
  onTestFinished(() => {
    delete process.env[name];
  });
}

test('config/config.ts is evaluated when the release is assembled, that of the environment over it', async () => {
  const root = project({
    ...files,
    'config/config.ts': `
      import { limits } from './limits.ts';
      export default { kv: { port: 1, ...limits, tags: ['a', 'b'], nested: { below: 1, kept: 2 } } };`,
    'config/limits.ts': 'export const limits: { max: number } = { max: 7 };',
    'config/prod.ts':
      'export default ({ environment }) => ({ kv: { tags: ["c"], nested: { below: environment } } });',
    'config/dev.mjs': 'export default { kv: { port: 2 } };',
  });
  const base = { port: 1, max: 7 };
  expect(sys(await release(root))).toEqual({
    kv: { ...base, tags: ['c'], nested: { below: 'prod', kept: 2 } },
  });
  expect(sys(await release(root, { environment: 'dev' }))).toEqual({
    kv: { ...base, port: 2, tags: ['a', 'b'], nested: { below: 1, kept: 2 } },
  });
  expect((await release(root)).warnings).toEqual([]);
});

test('markers of env() stay markers, with @sarma/app as it comes with Sarma', async () => {
  const root = project({
    ...files,
    'config/config.ts': `
      import { env } from '@sarma/app';
      export default { kv: { port: env('PORT', 'integer', 4000), name: env('NAME') } };`,
  });
  expect(sys(await release(root))).toEqual({
    kv: {
      port: { $env: { name: 'PORT', type: 'integer', default: 4000 } },
      name: { $env: { name: 'NAME', type: 'string' } },
    },
  });
});

test('a variable that is read at build time is warned of, with what to write, unless it is meant', async () => {
  setVariable('KV_PORT', '4000');
  const root = project({
    ...files,
    'config/config.ts': `
      const { KV_NAME } = process.env;
      export default { kv: { port: process.env.KV_PORT, name: KV_NAME, stage: process.env['STAGE'] } };`,
  });
  const advice = (name: string, marker: string) =>
    `${name} was read at build time by config/config.ts; move it to config/runtime.ts or write ${marker}. ` +
    `If it is meant to be read now: buildEnv: ['${name}']`;
  const { warnings } = await release(root);
  expect([...warnings].sort()).toEqual([
    advice('KV_NAME', "env('KV_NAME')"),
    advice('KV_PORT', "env('KV_PORT', 'integer')"),
    advice('STAGE', "env('STAGE')"),
  ]);
  write(root, { 'sarma.config.json': { buildEnv: ['KV_NAME', 'STAGE', 'KV_PORT'] } });
  const meant = await release(root);
  expect(meant.warnings).toEqual([]);
  expect(sys(meant)).toEqual({ kv: { port: '4000' } });
});

test('what packages read for themselves is nobody’s mistake', async () => {
  const root = project({
    ...files,
    'node_modules/reader/package.json': { name: 'reader', version: '1.0.0', main: 'index.js' },
    'node_modules/reader/index.js': 'module.exports = process.env.DEBUG ?? "none";',
    'config/config.ts': 'import debug from "reader"; export default { kv: { debug } };',
  });
  const assembled = await release(root);
  expect(assembled.warnings).toEqual([]);
  expect(sys(assembled)).toEqual({ kv: { debug: 'none' } });
});

test.each([
  ['{ kv: { on: () => 1 } }', 'the key on of the application kv is a function'],
  [
    '{ kv: { deep: { at: [1, new Date()] } } }',
    'the key deep.at.1 of the application kv is an instance of Date',
  ],
  ['{ kv: { many: new Map() } }', 'the key many of the application kv is an instance of Map'],
  ['{ kv: { size: 10n } }', 'the key size of the application kv is a bigint'],
  ['{ kv: { size: NaN } }', 'the key size of the application kv is NaN'],
  ['{ kv: { list: [undefined] } }', 'the key list.0 of the application kv is undefined'],
  [
    '(() => { const a = {}; a.self = a; return { kv: { a } }; })()',
    'a.self of the application kv is an object that contains itself',
  ],
  ['{ kv: 3 }', 'expected an object of keys for the application kv, found 3'],
  ['[1]', 'expected an object of keys per application, found [1]'],
])('%s cannot be configured at build time, and says why', async (value, message) => {
  const root = project({ ...files, 'config/config.ts': `export default ${value};` });
  const failure = release(root);
  await expect(failure).rejects.toMatchObject({ code: 'BUILD_CONFIGURATION' });
  await expect(failure).rejects.toThrow(message);
});

test('a configuration that throws, or cannot be read, says which and where', async () => {
  const root = project({ ...files, 'config/config.ts': 'throw new Error("no such thing");' });
  await expect(release(root)).rejects.toThrow(/config\/config\.ts failed: no such thing/);
  write(root, { 'config/config.ts': 'export default {\n  kv: { port: },\n};' });
  await expect(release(root)).rejects.toThrow(/config\/config\.ts:2:\d+ cannot be read: Unexpected/);
});

test('configuration of an application that is not there reaches nobody, and is warned of', async () => {
  const root = project({ ...files, 'config/config.ts': 'export default { kw: { port: 1 } };' });
  expect((await release(root)).warnings).toEqual([
    'The configuration names the application "kw", which is no package of the release kv. Did you mean "kv"?',
  ]);
});

test('config/runtime.ts and providers of the project are compiled in place', async () => {
  const root = project({
    ...files,
    'sarma.config.json': {
      configProviders: [{ module: './config/vault.ts', options: { path: 'secret' } }],
      requiredEnv: ['KV_HOST', ['A', 'B']],
    },
    'config/runtime.ts': 'const port: number = 1; export default { kv: { port } };',
    'config/vault.ts': `
      import { defineProvider } from '@sarma/app';
      export default defineProvider({
        init: ({ path }: { path: string }) => ({ at: path.toUpperCase() }),
        load: (_configuration, state) => ({ kv: { state } }),
      });`,
    'node_modules/@sarma/app/package.json': { name: '@sarma/app', version: '0.0.0', main: 'index.js' },
    'node_modules/@sarma/app/index.js': 'exports.defineProvider = (one) => one;',
  });
  write(root, {
    'package.json': { ...files['package.json'], dependencies: { '@sarma/app': '*' } },
  });
  const assembled = await release(root);
  expect(configuration(assembled)).toMatchObject({
    sys: 'releases/1.0.0/sys.config.json',
    runtime: 'lib/kv-1.0.0/config/runtime.js',
    providers: [
      {
        module: 'lib/kv-1.0.0/config/vault.js',
        state: { at: 'SECRET' },
      },
    ],
    requiredEnv: ['KV_HOST', ['A', 'B']],
  });
  expect(text(assembled, 'lib/kv-1.0.0/config/runtime.js')).toContain('const port = 1');
});

test('a provider of Sarma’s own needs no installation', async () => {
  const root = project({
    ...files,
    'sarma.config.json': {
      configProviders: [{ module: '@sarma/app/providers/env', options: { prefix: 'KV', application: 'kv' } }],
    },
  });
  const assembled = await release(root);
  const [provider] = configuration(assembled).providers as { module: string; state: unknown }[];
  expect(provider).toMatchObject({ module: 'releases/1.0.0/providers/env.mjs' });
  expect(text(assembled, provider!.module)).not.toMatch(/from ?["']@sarma/);
});

test.each(['copy', 'bundle'] as const)(
  'a module that a provider’s options name is compiled into the release with all it imports, beside the provider’s files (%s)',
  async (code) => {
    const root = project({
      ...files,
      'sarma.config.json': {
        code,
        configProviders: [{ module: './conf.ts', options: { schema: 'config/kv.schema.ts', other: 'x.ts' } }],
      },
      'conf.ts': `
        export default {
          modules: ['schema', 'missing'],
          files: (options, { project, environment, modules }) => ({
            'kv.conf': [environment, modules.schema[0].default.limit, modules.missing.length, typeof project].join(),
          }),
          load: () => ({}),
        };`,
      'config/kv.schema.ts':
        "import { limit } from './limit.ts'; export default { limit, env: import.meta.url };",
      'config/limit.ts': 'export const limit: number = 3;',
      'config/kv.prod.conf': 'password = of this machine',
    });
    const assembled = await release(root);
    expect(text(assembled, 'releases/1.0.0/config/kv.conf')).toBe('prod,3,0,string');
    const compiled = text(assembled, 'releases/1.0.0/config/kv.schema.mjs');
    expect(compiled).toContain('limit:3');
    expect(compiled).not.toMatch(/from ?["']\.|: ?number/);
    expect(compiled).not.toContain(path.basename(path.dirname(root)));
    const names = readdirSync(assembled.path, { recursive: true }) as string[];
    expect(names.filter((name) => /schema|conf$/.test(name)).sort()).toEqual([
      'releases/1.0.0/config/kv.conf',
      'releases/1.0.0/config/kv.schema.mjs',
    ]);
  },
);

test.each([
  ['kv.txt', 'expects options.schema to be the path of a module (.ts, .js), found "kv.txt"'],
  [7, 'found 7'],
  ['kv.schema.ts', "is given schema: 'kv.schema.ts', but"],
])('an option of a provider that names no module is named: %s', async (schema, message) => {
  const root = project({
    ...files,
    'sarma.config.json': { configProviders: [{ module: './conf.ts', options: { schema } }] },
    'conf.ts': "export default { modules: ['schema'], load: () => ({}) };",
  });
  const failure = release(root);
  await expect(failure).rejects.toMatchObject({ code: 'CONFIG_PROVIDER' });
  await expect(failure).rejects.toThrow(message);
});

test('two providers may not have different files of one name', async () => {
  const source = (text: string) =>
    `export default { files: () => ({ 'kv.conf': '${text}' }), load: () => ({}) };`;
  const root = project({
    ...files,
    'sarma.config.json': { configProviders: ['./one.ts', './two.ts'] },
    'one.ts': source('a'),
    'two.ts': source('b'),
  });
  await expect(release(root)).rejects.toThrow(
    /two\.ts has a file kv\.conf .* there is another one of that name/,
  );
});

test('one provider may not have two modules of one file name, of which the second would replace the first', async () => {
  const root = project({
    ...files,
    'sarma.config.json': {
      configProviders: [{ module: './conf.ts', options: { schema: ['a/kv.schema.ts', 'b/kv.schema.ts'] } }],
    },
    'conf.ts': "export default { modules: ['schema'], load: () => ({}) };",
    'a/kv.schema.ts': "export default 'a';",
    'b/kv.schema.ts': "export default 'b';",
  });
  await expect(release(root)).rejects.toThrow(
    /conf\.ts has a file kv\.schema\.mjs .* there is another one of that name/,
  );
});

test.each([
  ['export default {};', 'exports no function load(configuration, state)'],
  ['export default { init: () => { throw new Error("no vault"); }, load: () => ({}) };', 'failed: no vault'],
  [
    'export default { init: () => ({ read() {} }), load: () => ({}) };',
    'what is no JSON: read is a function',
  ],
])('a provider that is wrong is named: %s', async (source, message) => {
  const root = project({
    ...files,
    'sarma.config.json': { configProviders: [{ module: './vault.ts' }] },
    'vault.ts': source,
  });
  const failure = release(root);
  await expect(failure).rejects.toMatchObject({ code: 'CONFIG_PROVIDER' });
  await expect(failure).rejects.toThrow(message);
  await expect(failure).rejects.toThrow('vault.ts');
});

test.each(['copy', 'bundle'] as const)('define is inlined and remembered (%s)', async (code) => {
  const root = project({
    ...files,
    'application.ts': 'export default { start: () => [kv.max, __BUILD__] };',
    'sarma.config.json': { code, define: { 'kv.max': 12, __BUILD__: 'tonight' } },
  });
  const assembled = await release(root);
  expect(configuration(assembled)).toMatchObject({ compiled: { 'kv.max': 12 }, validateCompileEnv: true });
  expect(text(assembled, 'lib/kv-1.0.0/application.js')).toMatch(/\[12, "tonight"\]/);
});
