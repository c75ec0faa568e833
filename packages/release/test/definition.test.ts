import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import type { z } from 'zod';
import type { configSchema } from '../src/definition/schema.ts';
import {
  configurationSchema,
  findProject,
  listReleases,
  loadRelease,
  type SarmaConfig,
} from '../src/index.ts';
import { project, release, write } from './support/project.ts';

afterEach(() => vi.unstubAllEnvs());

const service = {
  'package.json': { name: '@me/kv', version: '1.2.3', sarma: { application: './application.js' } },
  'application.js': 'export default {};',
};

function configured(config: object, more: Parameters<typeof project>[0] = {}): string {
  return project({ ...service, 'sarma.config.json': config, ...more });
}

test('several releases that are published in one repository have tags of their own', async () => {
  const tagged = async (config: object, name?: string) => {
    const { tag, isMain } = (await loadRelease({ project: configured(config), name })).options.publish;
    return [tag, isMain];
  };
  const github = 'me/kv';
  const releases = { api: {}, worker: {}, own: { publish: { github: 'me/own' } } };
  expect(await tagged({ publish: { github } })).toEqual(['v{version}', true]);
  expect(await tagged({ releases: { api: { publish: { github } } } })).toEqual(['v{version}', true]);
  const config = { publish: { github }, releases };
  expect(await tagged(config, 'api')).toEqual(['api-v{version}', true]);
  expect(await tagged(config, 'worker')).toEqual(['worker-v{version}', false]);
  expect(await tagged(config, 'own')).toEqual(['v{version}', true]);
  expect(await tagged({ ...config, defaultRelease: 'worker' })).toEqual(['worker-v{version}', true]);
  const slashed = { ...config, publish: { github, tag: '{name}/{version}' } };
  expect(await tagged(slashed, 'worker')).toEqual(['worker/{version}', false]);
});

describe('without a configuration', () => {
  test('a project with a lifecycle module is a service, and needs no entry', async () => {
    const root = project(service);
    expect(await loadRelease({ project: root })).toMatchObject({
      name: 'kv',
      version: '1.2.3',
      kind: 'service',
      environment: 'prod',
      entries: {},
      applications: [],
      steps: ['assemble', 'wrap'],
      path: path.join(root, '_build/prod/rel/kv'),
      notes: ['kv 1.2.3 from package.json: sarma.application → ./application.js'],
      options: { configFile: undefined, shutdownTimeout: 10_000, mode: 'embedded' },
    });
  });

  test('a program named on the command line is one, whatever else the project is', async () => {
    const root = project({ ...service, 'tool.js': '' });
    const entries = { kv: path.join(root, 'tool.js') };
    expect(await loadRelease({ project: root, entry: 'tool.js' })).toMatchObject({ kind: 'cli', entries });
    expect(await loadRelease({ project: entries.kv })).toMatchObject({ kind: 'cli', entries });
  });

  test("a stranger's config/ and rel/ are left alone", async () => {
    const files = { 'config/config.js': '', 'rel/vm.args': '--no-warnings', 'index.js': '' };
    const stranger = await loadRelease({ project: project({ ...files, 'package.json': { name: 'x' } }) });
    expect(stranger.options).toMatchObject({ buildConfig: undefined, vmArgs: undefined });
    const root = project({ ...files, ...service });
    expect((await loadRelease({ project: root })).options).toMatchObject({
      buildConfig: path.join(root, 'config/config.js'),
      vmArgs: path.join(root, 'rel/vm.args'),
    });
  });
});

describe('the configuration is found', () => {
  const cases: readonly [string, string][] = [
    [
      'sarma.config.ts',
      "import { defineConfig } from 'sarma'; export default defineConfig({ cookie: 'c' as string });",
    ],
    ['sarma.config.mts', "enum E { A = 'c' } export default { cookie: E.A };"],
    ['sarma.config.js', "module.exports = { cookie: 'c' };"],
    ['sarma.config.mjs', "export default async () => ({ cookie: 'c' });"],
    [
      'sarma.config.cjs',
      "const { defineConfig } = require('@sarma/release'); module.exports = defineConfig({ cookie: 'c' });",
    ],
    ['sarma.config.json', '{ "$schema": "x", "cookie": "c" }'],
  ];
  test.each(cases)('in %s', async (name, text) => {
    const root = project({ ...service, [name]: text });
    const { options } = await loadRelease({ project: root });
    expect(options).toMatchObject({ cookie: 'c', configFile: path.join(root, name) });
  });

  test('in package.json', async () => {
    const root = project({ 'package.json': { name: 'x', main: 'x.js', sarma: { cookie: 'c' } }, 'x.js': '' });
    const { options, kind } = await loadRelease({ project: root });
    expect(options).toMatchObject({ cookie: 'c', configFile: path.join(root, 'package.json') });
    expect(kind).toBe('cli');
  });

  test('but not in both', async () => {
    const root = project({ 'package.json': { sarma: { cookie: 'c' } }, 'sarma.config.json': {} });
    await expect(loadRelease({ project: root })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/sarma\.config\.json and the key sarma in .*package\.json/),
    });
  });

  test('with sources and packages of its own, and nothing is written beside it or left anywhere', async () => {
    const root = project({
      ...service,
      'sarma.config.ts': `
        import { cookie } from './shared/cookie';
        import { endings } from 'letters';
        export default {
          cookie: cookie + endings,
          overlayVars: { here: import.meta.dirname, url: import.meta.url, ran: new Error('where').stack },
        };`,
      'shared/cookie.ts': "export const cookie: string = 'c';",
      'node_modules/letters/package.json': {
        name: 'letters',
        type: 'module',
        exports: { import: './in.js', require: './re.js' },
      },
      'node_modules/letters/in.js': "export const endings = 'd' + import.meta.filename.slice(-5);",
    });
    const temporary = path.join(path.dirname(root), 'tmp');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const { options, overlayVars } = await loadRelease({ project: root });
    expect(options.cookie).toBe('cdin.js');
    expect(overlayVars).toEqual({
      here: root,
      url: pathToFileURL(path.join(root, 'sarma.config.ts')).href,
      ran: expect.stringContaining(temporary),
    });
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('a mistake in the configuration says where it is, what was found and what was expected:', () => {
  const cases: readonly [string, object, RegExp][] = [
    [
      'a key nobody knows',
      { aplications: {} },
      /: "aplications" is no key here; did you mean "applications"\?$/,
    ],
    [
      'one far from all',
      { runtime: { qqqqq: 1 } },
      /: runtime: "qqqqq" is no key here; the keys are version, include, perTarget, strip$/,
    ],
    [
      'an unknown mode',
      { releases: { kv: { applications: { 'kv-server': 'permanant' } } } },
      /: releases\.kv\.applications\["kv-server"\]: expected one of "permanent", .*, found "permanant"; did you mean "permanent"\?$/,
    ],
    [
      'a value of another type',
      { environments: { dev: { devMode: 'yes' } } },
      /: environments\.dev\.devMode: expected true or false, found "yes"$/,
    ],
    [
      'a form that is none',
      { version: { from: 'a', git: 'short' } },
      /: version: expected exactly one of the keys from, git, file, command, found \{"from":"a","git":"short"\}$/,
    ],
    [
      'a key of a form',
      { version: { form: 'kv' } },
      /: version: "form" is no key here; did you mean "from"\?$/,
    ],
    [
      'a phase nobody knows',
      { wrap: { extraSteps: { pack: {} } } },
      /: wrap\.extraSteps: "pack" is no key here; did you mean "patch"\?$/,
    ],
    [
      'steps of a phase',
      { wrap: { extraSteps: { patch: { pre: 'files' } }, phases: { fetch: 'runtime' } } },
      /wrap\.extraSteps\.patch\.pre: expected a list, found "files"\n {2}wrap\.phases\.fetch: expected a list, found "runtime"$/,
    ],
    [
      'a part of a form',
      { overlays: ['a', { copy: ['x'] }] },
      /: overlays\[1\]\.copy: expected \[from, to\], found \["x"\]$/,
    ],
    [
      'a step',
      { steps: ['assemble', 'warp'] },
      /: steps\[1\]: expected "assemble", "appup", "relup", "tar", "wrap" or a function, found "warp"$/,
    ],
    ['what is not there yet', { code: 'trace' }, /: code: "trace" does not exist yet; take "copy"/],
    ['a name', { releases: { 'Kv!': {} } }, /"Kv!" cannot name a release.*"kv" would do/],
  ];
  test.each(cases)('%s', async (_, config, message) => {
    await expect(loadRelease({ project: configured(config) })).rejects.toThrow(message);
  });

  test('several at once, a line for each', async () => {
    const root = configured({ preload: 'x', shutdownTimeout: -1, upgrade: { drainTimeout: -1 } });
    await expect(loadRelease({ project: root })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message:
        `${root}/sarma.config.json:\n` +
        '  preload: expected a list, found "x"\n' +
        '  shutdownTimeout: expected more than 0, found -1\n' +
        '  upgrade.drainTimeout: expected 0 or more, found -1',
    });
  });

  test('the key sarma of package.json is part of the path', async () => {
    const misspelt = project({ 'package.json': { sarma: { aplication: './a.ts' } } });
    await expect(loadRelease({ project: misspelt })).rejects.toThrow(
      /package\.json: sarma: "aplication" is no key here; did you mean "application"\?$/,
    );
    const root = project({ 'package.json': { sarma: { kind: 'x' } } });
    await expect(loadRelease({ project: root })).rejects.toThrow(
      /package\.json: sarma\.kind: expected one of/,
    );
  });

  const code: readonly [string, string, string, RegExp][] = [
    [
      'syntax',
      'export default {\n  cookie: ,\n};',
      'IMPORT_FAILED',
      /sarma\.config\.ts:2:\d+ .*Unexpected ","/,
    ],
    [
      'an import',
      "\nimport './no.ts';",
      'IMPORT_FAILED',
      /sarma\.config\.ts:2:\d+ .*Could not resolve "\.\/no\.ts"/,
    ],
    ['what it throws', "throw new Error('no luck');", 'CONFIG_FAILED', /sarma\.config\.ts failed: no luck/],
    ['no default export', 'export const a = 1;', 'CONFIG_INVALID', /sarma\.config\.ts has no default export/],
    [
      'what is no configuration',
      'export default () => 3;',
      'CONFIG_INVALID',
      /sarma\.config\.ts: expected an object, found 3/,
    ],
    [
      'a value JSON has not',
      "export default { configProviders: [{ module: 'm', options: { at: new Date(0) } }] };",
      'CONFIG_INVALID',
      /configProviders\[0\]\.options\.at: expected JSON, found a Date/,
    ],
    [
      'what a lazy release throws',
      "export default { releases: { kv: () => { throw new Error('late'); } } };",
      'CONFIG_FAILED',
      /releases\.kv in .*sarma\.config\.ts failed: late/,
    ],
    [
      'what a lazy release returns',
      'export default { releases: { kv: () => ({ kind: 1 }) } };',
      'CONFIG_INVALID',
      /releases\.kv\.kind: expected one of "cli", "service", found 1/,
    ],
  ];
  test.each(code)('%s', async (_, text, code, message) => {
    const root = project({ ...service, 'sarma.config.ts': text });
    await expect(loadRelease({ project: root })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('JSON, with its line', async () => {
    const root = project({ ...service, 'sarma.config.json': '{\n "cookie": oops\n}' });
    await expect(loadRelease({ project: root })).rejects.toThrow(/sarma\.config\.json:2/);
  });
});

describe('releases', () => {
  const two = { releases: { kv: { cookie: 'kv' }, kv_admin: { cookie: 'admin' } } };

  test('the only one is meant', async () => {
    const root = configured({ releases: { store: { cookie: 'c' } } });
    expect(await loadRelease({ project: root })).toMatchObject({ name: 'store', options: { cookie: 'c' } });
  });

  test('of several, one has to be named or be the default', async () => {
    const root = configured(two);
    await expect(loadRelease({ project: root })).rejects.toMatchObject({
      code: 'SEVERAL_RELEASES',
      message: expect.stringMatching(/several releases: kv, kv_admin\. Choose with --release kv/),
    });
    expect((await loadRelease({ project: root, name: 'kv_admin' })).options.cookie).toBe('admin');
    const withDefault = configured({ ...two, defaultRelease: 'kv' });
    expect((await loadRelease({ project: withDefault })).name).toBe('kv');
    expect(await listReleases({ project: root })).toEqual(['kv', 'kv_admin']);
    expect(await listReleases({ project: project(service) })).toEqual([]);
  });

  test('one that is not there is answered with those that are', async () => {
    await expect(loadRelease({ project: configured(two), name: 'kv_amdin' })).rejects.toMatchObject({
      code: 'UNKNOWN_RELEASE',
      message: expect.stringMatching(
        /no release "kv_amdin"; the releases are kv, kv_admin\. Did you mean "kv_admin"\?/,
      ),
    });
    await expect(loadRelease({ project: configured({ ...two, defaultRelease: 'x' }) })).rejects.toThrow(
      /defaultRelease in .*: there is no release "x"/,
    );
  });

  test('a function is called only if its release is wanted, with the environment', async () => {
    const root = project({
      ...service,
      'sarma.config.js': `export default { releases: {
        kv: async ({ environment }) => ({ cookie: environment }),
        other: () => { throw new Error('called'); },
      } };`,
    });
    expect((await loadRelease({ project: root, name: 'kv', environment: 'dev' })).options.cookie).toBe('dev');
  });

  test('one extends another', async () => {
    const base = { cookie: 'base', applications: ['kv'], overlayVars: { a: { b: 1, c: 1 } } };
    const more = { extend: 'base', applications: { metrics: 'load' }, overlayVars: { a: { c: 2 } } };
    const root = configured({ releases: { base, more } });
    expect(await loadRelease({ project: root, name: 'more' })).toMatchObject({
      applications: [
        { name: 'kv', mode: 'permanent' },
        { name: 'metrics', mode: 'load' },
      ],
      overlayVars: { a: { b: 1, c: 2 } },
      options: { cookie: 'base' },
    });
    const circle = configured({ releases: { a: { extend: 'b' }, b: { extend: 'a' } } });
    await expect(loadRelease({ project: circle, name: 'a' })).rejects.toThrow(/a → b → a extend each other/);
    const gap = configured({ releases: { a: { extend: 'c' } } });
    await expect(loadRelease({ project: gap })).rejects.toThrow(/extend of a in .*: there is no release "c"/);
  });

  test('the only program of one is named like it, and options override what it says', async () => {
    const root = configured(
      { releases: { tool: { kind: 'cli', entry: 'a.js', version: '9.9.9', code: 'bundle', path: 'out' } } },
      { 'a.js': '', 'b.js': '' },
    );
    expect(await loadRelease({ project: root })).toMatchObject({
      name: 'tool',
      kind: 'cli',
      version: '9.9.9',
      code: 'bundle',
      path: path.join(root, 'out'),
      entries: { tool: path.join(root, 'a.js') },
    });
    const options = {
      entry: 'b.js',
      version: '1.0.0',
      code: 'copy',
      releaseDirectory: path.join(root, 'x'),
    } as const;
    expect(await loadRelease({ project: root, ...options })).toMatchObject({
      version: '1.0.0',
      code: 'copy',
      path: path.join(root, 'x'),
      entries: { tool: path.join(root, 'b.js') },
    });
  });

  test('an entry that is not there is named with its configuration', async () => {
    const root = configured({ releases: { tool: { kind: 'cli', entry: 'no.js' } } });
    await expect(loadRelease({ project: root })).rejects.toThrow(
      /^entry in .*sarma\.config\.json, release tool says no\.js, but .*no\.js does not exist/,
    );
  });

  test('at a workspace root without code need only applications', async () => {
    const root = project({
      'package.json': { private: true, workspaces: ['apps/*'] },
      'apps/kv/package.json': { name: 'kv', version: '0.3.0', sarma: { application: './a.js' } },
      'sarma.config.json': { releases: { kv: { version: { from: 'kv' }, applications: ['kv'] } } },
    });
    expect(await loadRelease({ project: root })).toMatchObject({
      name: 'kv',
      version: '0.3.0',
      kind: 'service',
      entries: {},
    });
  });
});

test('what a build needs is known before a release can be loaded', async () => {
  const root = project({
    'package.json': { name: 'x', main: 'dist/not-built.js', engines: { node: '>=22' } },
    'sarma.config.json': {
      runtime: { version: '24.21.0' },
      releases: { a: { targets: ['linux-x64'] }, b: { runtime: { version: '22' } } },
    },
  });
  expect(await findProject({ project: root, name: 'a' })).toEqual({
    directory: root,
    engines: '>=22',
    targets: ['linux-x64'],
    runtime: { version: '24.21.0', include: true, perTarget: false, strip: true },
  });
  expect((await findProject({ project: root, name: 'b' })).runtime.version).toBe('22');
  await expect(findProject({ project: root })).rejects.toMatchObject({ code: 'SEVERAL_RELEASES' });
});

describe('environments', () => {
  const config = {
    cookie: 'shared',
    shutdownTimeout: 1,
    defaultEnvironment: 'staging',
    releases: { kv: { cookie: 'kv', runtime: { version: '24', perTarget: true } } },
    environments: { dev: { devMode: true, runtime: { include: false } }, staging: { cookie: 'staging' } },
  };

  test('lie over the release, and that over what is shared', async () => {
    const root = configured(config);
    const dev = await loadRelease({ project: root, environment: 'dev' });
    expect(dev).toMatchObject({ environment: 'dev', path: path.join(root, '_build/dev/rel/kv') });
    expect(dev.options).toMatchObject({
      cookie: 'kv',
      shutdownTimeout: 1,
      devMode: true,
      runtime: { version: '24', include: false, perTarget: true },
    });
  });

  test('come from the option, SARMA_ENV, the default, and are prod', async () => {
    const root = configured(config);
    expect(await loadRelease({ project: root })).toMatchObject({
      environment: 'staging',
      options: { cookie: 'staging' },
    });
    vi.stubEnv('SARMA_ENV', 'prod');
    expect((await loadRelease({ project: root })).environment).toBe('prod');
    expect((await loadRelease({ project: root, environment: 'dev' })).environment).toBe('dev');
  });

  test('what a command means by default needs no configuration', async () => {
    const root = configured({ environments: { staging: {} } });
    for (const environment of ['prod', 'dev'])
      expect((await loadRelease({ project: root, environment })).environment).toBe(environment);
  });

  test('one that is not configured is refused, and so is one that is no name', async () => {
    await expect(loadRelease({ project: configured(config), environment: 'prdo' })).rejects.toMatchObject({
      code: 'UNKNOWN_ENVIRONMENT',
      message: expect.stringMatching(/no environment "prdo" in .*; it has dev, staging/),
    });
    expect((await loadRelease({ project: project(service), environment: 'test' })).environment).toBe('test');
    await expect(loadRelease({ project: project(service), environment: '../x' })).rejects.toMatchObject({
      code: 'UNKNOWN_ENVIRONMENT',
    });
  });
});

describe('paths', () => {
  test('are absolute, and packages stay packages', async () => {
    const files = {
      'telemetry.ts': '',
      'rel/overlays/a': '',
      'own/hooks/pre_start.sh': '',
      'nodes/node': '',
      'p.ts': '',
    };
    const root = configured(
      {
        preload: ['./telemetry.ts', '@some/telemetry'],
        hooks: 'own/hooks',
        runtime: { include: 'nodes/node' },
        configProviders: ['p.ts', { module: '@sarma/conform', options: { schema: 's' } }],
        overlays: [{ mkdir: 'x' }, './rel/overlays'],
      },
      files,
    );
    const loaded = await loadRelease({ project: root });
    const at = (name: string) => path.join(root, name);
    expect(loaded.options).toMatchObject({
      preload: [at('telemetry.ts'), '@some/telemetry'],
      hooks: at('own/hooks'),
      runtime: { include: true, strip: true, version: at('nodes/node') },
    });
    expect(loaded.configProviders).toEqual([
      { module: at('p.ts'), options: {} },
      { module: '@sarma/conform', options: { schema: 's' } },
    ]);
    expect(loaded.overlays).toEqual(['rel/overlays', { mkdir: 'x' }]);
  });

  const missing: readonly [string, object][] = [
    ['vmArgs', { vmArgs: 'rel/vm.args' }],
    ['preload[0]', { preload: ['./no.ts'] }],
    ['configProviders[0].module', { configProviders: ['./no.ts'] }],
    ['runtime.include', { runtime: { include: '/no/node' } }],
    ['buildConfig', { buildConfig: 'config/no.ts' }],
  ];
  test.each(missing)('%s that is not there is named', async (key, config) => {
    await expect(loadRelease({ project: configured(config) })).rejects.toMatchObject({
      code: 'CONFIG_PATH',
      message: expect.stringContaining(`sarma.config.json: ${key} says `),
    });
  });
});

test('exclude leaves files out as .gitignore would, and the definition is not in the release', async () => {
  const root = project({
    'package.json': { name: 'x', main: 'x.js', sarma: { exclude: ['docs/', '*.map', '!keep.map'] } },
    ...Object.fromEntries(
      ['x.js', 'docs/a.md', 'src/docs.js', 'src/a.map', 'src/keep.map', 'rel/vm.args'].map((file) => [
        file,
        '',
      ]),
    ),
  });
  const { path: assembled } = await release(root);
  const files = readdirSync(path.join(assembled, 'lib/x-0.0.0'), { recursive: true });
  expect(files).toEqual(expect.arrayContaining(['x.js', 'src/docs.js', 'src/keep.map']));
  for (const gone of ['docs', 'docs/a.md', 'src/a.map', 'rel/vm.args']) expect(files).not.toContain(gone);
});

test('what was made of a service earlier is not in it again', async () => {
  const made = ['dist/kv_linux-x64', 'dist/kv-1.0.0-linux-x64.tar.gz'];
  const files = Object.fromEntries(
    [...made, 'dist/kv.js', 'dist/notes.tar.gz'].map((file) => [file, 'x = 1']),
  );
  const root = project({ ...service, ...files });
  const { path: assembled } = await release(root, { output: path.join(root, 'dist') });
  expect(readdirSync(path.join(assembled, 'lib/@me/kv-1.2.3/dist')).sort()).toEqual([
    'kv.js',
    'notes.tar.gz',
  ]);
});

test('devMode makes a release of links, which sees changes at once', async () => {
  const root = project({
    'package.json': {
      name: 'x',
      type: 'module',
      main: 'x.js',
      dependencies: { lib: '1' },
      sarma: { devMode: true },
    },
    'node_modules/lib/package.json': { name: 'lib', type: 'module', main: 'lib.js', version: '1.0.0' },
    'node_modules/lib/lib.js': "export const word = 'one';",
    'x.js': "import { word } from 'lib'; console.log(word);",
  });
  const { path: assembled, entries } = await release(root);
  const say = () => execFileSync(process.execPath, [path.join(assembled, entries.x!)], { encoding: 'utf8' });
  expect(say()).toBe('one\n');
  write(root, { 'node_modules/lib/lib.js': "export const word = 'two';" });
  expect(say()).toBe('two\n');
});

describe('the schema', () => {
  // npm run build:schema writes it.
  test('is published as JSON Schema', async () => {
    const file = new URL('../schema/sarma.schema.json', import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(await configurationSchema());
  });

  test('has the keys of the type', () => {
    expectTypeOf<keyof z.input<typeof configSchema>>().toEqualTypeOf<keyof SarmaConfig>();
    expectTypeOf<SarmaConfig['shutdownTimeout']>().toEqualTypeOf<number | undefined>();
  });
});

test('a file on the command line is none of the releases', async () => {
  const root = configured({ cookie: 'shared', releases: { a: {}, b: {} } }, { 'tool.js': '' });
  expect(await loadRelease({ project: path.join(root, 'tool.js') })).toMatchObject({
    name: 'kv',
    kind: 'cli',
    options: { cookie: 'shared' },
  });
});
