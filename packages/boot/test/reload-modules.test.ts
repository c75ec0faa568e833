import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { TestRelease } from './support/release.ts';
import {
  firstVersion,
  laterVersion,
  reload,
  type TestPackage,
  type VersionParts,
} from './support/reloadable.ts';

// What `reload` takes from the new version and what it leaves: seen by how often each module is evaluated.

/** ES modules and CommonJS, with exports, imports and a JSON file; every module says that it is evaluated. */
const store: TestPackage = {
  version: '1.0.0',
  files: {
    'package.json': JSON.stringify({
      name: 'store',
      version: '1.0.0',
      exports: {
        '.': './index.mjs',
        './late': './late.mjs',
        './classic': './classic.cjs',
        './data.json': './data.json',
        './which': { import: './which.mjs', require: './which.cjs' },
      },
      imports: { '#inner': './inner.mjs' },
    }),
    'index.mjs': evaluated('store/index', "export { inner } from '#inner'; export const state = new Map();"),
    'inner.mjs': evaluated('store/inner', 'export const inner = {};'),
    'late.mjs': evaluated('store/late', "export { state } from 'store';"),
    'classic.cjs': evaluated('store/classic', "exports.part = require('./part.cjs');"),
    'part.cjs': evaluated('store/part', 'exports.numbers = [];'),
    'which.mjs': evaluated('store/which.mjs', "export const which = 'import';"),
    'which.cjs': evaluated('store/which.cjs', "exports.which = 'require';"),
    'data.json': '{"kept":true}',
  },
};

/** Imports the store in all ways, and hands out what it got. */
const application = (version: string) => `
import { createRequire } from 'node:module';
import { inner, state } from 'store';
import classic from 'store/classic';
import data from 'store/data.json' with { type: 'json' };
import { which } from 'store/which';
import { passed } from 'between';
const require = createRequire(import.meta.url);
const used = async () => ({
  version: '${version}',
  state, inner, passed, data, which,
  classic: classic.part.numbers,
  required: require('store/classic').part.numbers,
  requiredWhich: require('store/which').which,
  requiredData: require('store/data.json'),
  requiredModule: require('store').state,
  resolved: import.meta.resolve('store'),
  requireResolved: require.resolve('store'),
  late: (await import('store/late')).state,
});
export default {
  start: async () => ({ first: await used() }),
  codeChange: async (before) => ({ ...before, second: await used() }),
};`;

/** Between the application and the store. */
const between: TestPackage = {
  files: {
    'package.json': JSON.stringify({ name: 'between', main: './index.cjs' }),
    'index.cjs': evaluated('between', "exports.passed = require('store').state;"),
  },
  imports: ['store'],
};

function versionOf(version: string, more: Readonly<Record<string, TestPackage>> = {}): VersionParts {
  return {
    version,
    packages: {
      app: { version, files: { 'application.mjs': application(version) }, imports: ['store', 'between'] },
      store,
      between,
      ...more,
    },
    own: ['store'],
    applications: ['app'],
  };
}

/** The state of the application: `first` is what the old code got, `second` what the new one did. */
const WAYS = {
  import: 'first.state === second.state && evaluated["store/index"] === 1',
  'import()': 'first.late === second.late && evaluated["store/late"] === 1',
  require: 'first.passed === second.passed && second.passed === second.state && evaluated.between === 1',
  createRequire: 'first.required === second.required && second.required === second.classic',
  'a relative require': 'evaluated["store/part"] === 1 && evaluated["store/classic"] === 1',
  exports: 'second.which + second.requiredWhich === "importrequire" && evaluated["store/which.mjs"] === 1',
  imports: 'first.inner === second.inner && evaluated["store/inner"] === 1',
  JSON: 'first.data === second.data && first.requiredData === second.requiredData',
  'import.meta.resolve': 'first.resolved === second.resolved',
  'require.resolve': 'first.requireResolved === second.requireResolved',
};

test('a package that is unchanged is the one that is loaded, by whatever way it is imported', async () => {
  const release = await firstVersion(versionOf('0.1.0'));
  await started(release);
  await reload(release, await laterVersion(release, versionOf('0.2.0')));
  const found = await rpc(
    release,
    `(({ first, second }) => ({ versions: [first.version, second.version], ${Object.entries(WAYS)
      .map(([way, expression]) => `${JSON.stringify(way)}: ${expression}`)
      .join(', ')} }))(stateOf("app"))`,
  );
  expect(found).toEqual({
    versions: ['0.1.0', '0.2.0'],
    ...Object.fromEntries(Object.keys(WAYS).map((way) => [way, true])),
  });
});

test('what rpc imports from the new main package leads to what is loaded, too', async () => {
  const release = await firstVersion(versionOf('0.1.0'));
  await started(release);
  await reload(release, await laterVersion(release, versionOf('0.2.0')));
  const same = '(await import("store")).state === stateOf("app").first.state';
  expect(
    await rpc(release, `[${same}, require("store/classic").part.numbers === stateOf("app").first.classic]`),
  ).toEqual([true, true]);
});

test('what imports a package that has changed is new as well, however far away, and nothing else', async () => {
  const changed = {
    ...store,
    files: { ...store.files, 'inner.mjs': evaluated('store/inner', 'export const inner = 2;') },
  };
  const apart: TestPackage = {
    files: { 'package.json': '{"name":"apart","main":"./index.cjs"}', 'index.cjs': evaluated('apart', '') },
  };
  const app: TestPackage = {
    files: { 'application.mjs': `import 'apart';\n${application('any')}` },
    imports: ['store', 'between', 'apart'],
  };
  const release = await firstVersion(versionOf('0.1.0', { app, apart }));
  await started(release);
  await reload(release, await laterVersion(release, versionOf('0.2.0', { app, apart, store: changed })));
  expect(
    await rpc(
      release,
      `(({ first, second }) => [first.state !== second.state, second.passed === second.state, second.inner])(stateOf("app"))`,
    ),
  ).toEqual([true, true, 2]);
  expect(await rpc(release, '[evaluated.between, evaluated["store/index"], evaluated.apart]')).toEqual([
    2, 2, 1,
  ]);
});

test('old code that imports something late gets what belongs to it', async () => {
  const late = (version: string): TestPackage => ({
    version,
    files: {
      'application.mjs': `export default {
  start: () => ({ late: () => import('./late.mjs') }),
  codeChange: (state) => ({ old: state.late, late: () => import('./late.mjs') }),
};`,
      'late.mjs': `export const version = '${version}';`,
    },
  });
  const parts = (version: string) => ({ version, packages: { app: late(version) }, applications: ['app'] });
  const release = await firstVersion(parts('0.1.0'));
  await started(release);
  await reload(release, await laterVersion(release, parts('0.2.0')));
  const both = '[(await stateOf("app").old()).version, (await stateOf("app").late()).version]';
  expect(await rpc(release, both)).toEqual(['0.1.0', '0.2.0']);
});

test('over several versions each package is the one of its last change', async () => {
  const of = (version: string, inner: number) =>
    versionOf(version, {
      store: {
        ...store,
        files: { ...store.files, 'inner.mjs': evaluated('store/inner', `export const inner = ${inner};`) },
      },
    });
  const release = await firstVersion(of('0.1.0', 1));
  await started(release);
  for (const [version, inner] of [
    ['0.2.0', 1],
    ['0.3.0', 2],
    ['0.4.0', 2],
  ] as const)
    await reload(release, await laterVersion(release, of(version, inner)));
  expect(await rpc(release, '[evaluated["store/inner"], stateOf("app").second.inner]')).toEqual([2, 2]);
  // 0.1.0 again: its own modules are there, linked to each other.
  await reload(release, release.root);
  expect(await rpc(release, '[evaluated["store/inner"], evaluated["store/index"]]')).toEqual([2, 2]);
});

function evaluated(name: string, code: string): string {
  return `globalThis.evaluated ??= {};\nevaluated['${name}'] = (evaluated['${name}'] ?? 0) + 1;\n${code}\n`;
}

async function started(release: TestRelease): Promise<void> {
  const child = release.spawn(['start']);
  let printed = '';
  child.stderr!.on('data', (chunk) => (printed += chunk));
  void once(child, 'close').then(() => printed !== '' && console.error(printed));
  await expect.poll(() => release.run(['ping']), { timeout: 10_000 }).toMatchObject({ code: 0 });
}

async function done(release: TestRelease, ...args: readonly string[]) {
  const ended = await release.run(args);
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return ended;
}

async function rpc(release: TestRelease, expression: string): Promise<unknown> {
  return JSON.parse((await done(release, 'rpc', '--json', expression)).stdout);
}
