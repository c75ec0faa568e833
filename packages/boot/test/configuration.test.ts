// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is what is tested.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BootConfiguration } from '../src/boot-file.ts';
import { type RunOptions, testRelease } from './support/release.ts';

interface Parts {
  readonly sys?: unknown;
  readonly boot?: Partial<BootConfiguration>;
  readonly files?: Readonly<Record<string, string>>;
}

/** The release whose application prints the whole configuration it finds, and ends. */
async function configured({ sys = {}, boot = {}, files = {} }: Parts) {
  return await testRelease({
    applications: ['web'],
    config: sys,
    boot: { configuration: boot as BootConfiguration },
    files: {
      'lib/web/application.mjs': `
        console.log(JSON.stringify(globalThis[Symbol.for('sarma.release')].configuration));
        export default { start({ exit }) { exit(); } };`,
      ...files,
    },
  });
}

/** What the applications get. */
async function configurationOf(parts: Parts, options: RunOptions = {}): Promise<unknown> {
  const { stdout, stderr, code } = await (await configured(parts)).run(['start'], options);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return JSON.parse(stdout);
}

/** What is said where there is no configuration; nothing is started then, and the exit code is 1. */
async function failureOf(parts: Parts, options: RunOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await (await configured(parts)).run(['start'], options);
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  return stderr;
}

const provider = (body: string) => `export default { load(configuration, state) { ${body} } };`;

describe('what is laid over what', () => {
  test('sys.config.json, vm.args, providers in order, config/runtime: objects are merged, all else is replaced', async () => {
    const configuration = await configurationOf({
      sys: { web: { port: 1, tls: { cert: 'a', ciphers: ['x', 'y'] }, from: 'sys' }, store: { path: '/a' } },
      boot: {
        providers: [
          { name: 'first', module: 'lib/demo/first.mjs', state: { add: 'first' } },
          { name: 'second', module: 'lib/demo/second.mjs', state: null },
        ],
        runtime: 'lib/demo/runtime.mjs',
      },
      files: {
        'releases/0.1.0/vm.args':
          '# memory\n--max-old-space-size=100\n-web port 2\n-web from vm.args of\n-store limits {"files": 3}\n',
        'lib/demo/first.mjs': provider(
          'return { web: { port: configuration.web.port + 1, from: state.add } };',
        ),
        'lib/demo/second.mjs': provider(
          `return { web: { tls: { ciphers: ['z'] }, seen: configuration.web.from } };`,
        ),
        'lib/demo/runtime.mjs': `export default async ({ environment, configuration, release, env }) => ({
          web: { environment, port: configuration.web.port * 10, name: release.name, home: env.HOME === process.env.HOME },
        });`,
      },
    });
    expect(configuration).toEqual({
      web: {
        port: 30,
        tls: { cert: 'a', ciphers: ['z'] },
        from: 'first',
        seen: 'first',
        environment: 'prod',
        name: 'demo',
        home: true,
      },
      store: { path: '/a', limits: { files: 3 } },
    });
  });

  test('config/runtime may be an object, and __proto__ in any of them is a key like others', async () => {
    const sys = JSON.parse('{"web":{"__proto__":{"polluted":true},"a":1}}');
    const configuration = await configurationOf({
      sys,
      boot: { runtime: 'lib/demo/runtime.mjs' },
      files: {
        'lib/demo/runtime.mjs': `export default { web: JSON.parse('{"__proto__":{"more":1}}'), x: { is: {}.polluted === undefined } };`,
      },
    });
    expect(JSON.stringify(configuration)).toBe(
      '{"web":{"__proto__":{"polluted":true,"more":1},"a":1},"x":{"is":true}}',
    );
  });

  test('RELEASE_SYS_CONFIG names another file', async () => {
    const release = await configured({ sys: { web: { port: 1 } } });
    await writeFile(path.join(release.root, 'other.json'), '{"web":{"port":2}}');
    const { stdout } = await release.run(['start'], { env: { RELEASE_SYS_CONFIG: 'other.json' } });
    expect(stdout).toBe('{"web":{"port":2}}\n');
  });
});

describe('the environment', () => {
  const marker = (name: string, type: string, fallback?: unknown) => ({
    $env: { name, type, default: fallback },
  });

  test('markers are read as their type says, and an empty variable counts as not set', async () => {
    const sys = {
      web: {
        port: marker('PORT', 'integer'),
        ratio: marker('RATIO', 'number'),
        on: marker('ON', 'boolean'),
        hosts: marker('HOSTS', 'list'),
        rules: marker('RULES', 'json'),
        deep: [{ name: marker('NAME', 'string', 'nobody') }],
        none: marker('EMPTY', 'integer', null),
      },
    };
    const env = { PORT: '4040', RATIO: '-0.5', ON: 'yes', HOSTS: ' a, b,,c', RULES: '{"a":[1]}', EMPTY: '' };
    expect(await configurationOf({ sys }, { env })).toEqual({
      web: {
        port: 4040,
        ratio: -0.5,
        on: true,
        hosts: ['a', 'b', 'c'],
        rules: { a: [1] },
        deep: [{ name: 'nobody' }],
        none: null,
      },
    });
  });

  test('all that cannot be read is named with key, variable, type and what was found; secrets are not shown', async () => {
    const sys = {
      web: { port: marker('PORT', 'integer'), tls: { on: marker('ON', 'boolean') } },
      store: {
        url: marker('STORE', 'string'),
        key: marker('KEY', 'string'),
        pool: marker('POOL_TOKEN', 'json'),
      },
    };
    const stderr = await failureOf(
      { sys },
      { env: { PORT: '80a', ON: 'maybe', POOL_TOKEN: 'hunter2', KEY: '' } },
    );
    expect(stderr).toBe(
      [
        'demo: web.port is read from the variable PORT, which should be a whole number; found "80a".',
        'web.tls.on is read from the variable ON, which should be true or false (also 1, yes, on and 0, no, off); found "maybe".',
        'store.url needs the variable STORE (string), which is not set.',
        'store.key needs the variable KEY (string), which is empty.',
        'store.pool is read from the variable POOL_TOKEN, which should be JSON; found something else.',
        '',
      ].join('\n'),
    );
  });

  test('${VAR} and ${VAR:-default} are replaced in texts with REPLACE_OS_VARS=true, and only then', async () => {
    const parts: Parts = {
      sys: { web: { url: 'http://${HOST:-localhost}:${PORT}/${NONE}', list: ['${HOST:-a}'], port: 1 } },
      files: { 'releases/0.1.0/vm.args': '-web root ${ROOT}\n' },
    };
    const env = { HOST: '', PORT: '80"}, {"', ROOT: '${HOME} "x"' };
    expect(await configurationOf(parts, { env: { ...env, REPLACE_OS_VARS: 'true' } })).toEqual({
      web: { url: 'http://localhost:80"}, {"/', list: ['a'], port: 1, root: '${HOME} "x"' },
    });
    expect(await configurationOf(parts, { env })).toMatchObject({
      web: { url: 'http://${HOST:-localhost}:${PORT}/${NONE}', root: '${ROOT}' },
    });
  });

  test('all required variables that are missing are one sentence; of a group one is enough', async () => {
    const boot = { requiredEnv: ['DB', ['TOKEN', 'TOKEN_FILE'], 'SET', ['A', 'B']] };
    const stderr = await failureOf({ boot }, { env: { SET: '1', B: '2' } });
    expect(stderr).toBe('demo: DB and one of TOKEN, TOKEN_FILE must be set in the environment of demo.\n');
    await configurationOf({ boot }, { env: { SET: '1', B: '2', DB: '3', TOKEN: '4' } });
    expect(await failureOf({ boot }, { env: { SET: '', A: '', B: '2', DB: '3', TOKEN: '4' } })).toBe(
      'demo: SET must be set in the environment of demo. Set, but empty: SET.\n',
    );
  });

  test('a missing required variable is what is said, also where config/runtime fails for want of it', async () => {
    const parts = {
      boot: { requiredEnv: ['DB'], runtime: 'lib/demo/runtime.mjs' },
      files: { 'lib/demo/runtime.mjs': `export default ({ env }) => ({ web: { host: env.DB.length } });` },
    };
    expect(await failureOf(parts)).toBe('demo: DB must be set in the environment of demo.\n');
  });
});

describe('failures', () => {
  test('a provider that throws is named with its stack, and nothing starts', async () => {
    const stderr = await failureOf({
      boot: { providers: [{ name: './vault.ts', module: 'lib/demo/vault.mjs', state: null }] },
      files: { 'lib/demo/vault.mjs': provider(`throw new Error('sealed');`) },
    });
    expect(stderr).toMatch(
      /^demo: Config provider \.\/vault\.ts failed\.\nError: sealed\n {4}at .*vault\.mjs/,
    );
  });

  test.each([
    ['nothing', 'return;', 'What config provider p returned is no object of applications.'],
    ['a list', 'return [];', 'What config provider p returned is no object of applications.'],
    [
      'a value for an application',
      'return { web: 1 };',
      'What config provider p returned has no object of keys for application web.',
    ],
  ])('a provider that returns %s is named', async (_what, body, message) => {
    const stderr = await failureOf({
      boot: { providers: [{ name: 'p', module: 'lib/demo/p.mjs', state: null }] },
      files: { 'lib/demo/p.mjs': provider(body) },
    });
    expect(stderr).toBe(`demo: ${message}\n`);
  });

  test.each([
    ['a provider without load', 'export default {};', 'Config provider p exports no load function.'],
    [
      'a provider that is not there',
      undefined,
      /^demo: Config provider p could not be loaded\.\nError.*p\.mjs/,
    ],
  ])('%s is named', async (_what, text, message) => {
    const stderr = await failureOf({
      boot: { providers: [{ name: 'p', module: 'lib/demo/p.mjs', state: null }] },
      files: text === undefined ? {} : { 'lib/demo/p.mjs': text },
    });
    if (typeof message === 'string') expect(stderr).toBe(`demo: ${message}\n`);
    else expect(stderr).toMatch(message);
  });

  test('a value that was compiled in cannot be configured otherwise', async () => {
    const compiled = { 'web.theme': 'dark', 'web.limits.size': 1 };
    const sys = { web: { theme: 'dark', limits: { size: 2 } } };
    expect(await failureOf({ sys, boot: { compiled } })).toMatch(
      /^demo: web\.limits\.size was compiled into the release with another value than it is configured with now\./,
    );
    expect(await configurationOf({ sys, boot: { compiled, validateCompileEnv: false } })).toEqual(sys);
    expect(await configurationOf({ sys: {}, boot: { compiled } })).toEqual({});
  });

  test('a sys.config.json that is none is named', async () => {
    const stderr = await failureOf({ files: { 'releases/0.1.0/sys.config.json': '{"web": ' } });
    expect(stderr).toMatch(/^demo: .*sys\.config\.json cannot be read: .*JSON/);
  });
});
