import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { assemble, loadRelease } from '../src/index.ts';
import { install, project, release, text, write } from './support/project.ts';

const lifecycle = 'export default { async start() {} };';

interface Boot {
  readonly applications: readonly {
    name: string;
    mode: string;
    module: string | null;
    dependencies: string[];
  }[];
  readonly instructions: readonly Record<string, unknown>[];
}

function boot(assembled: Parameters<typeof text>[0]): Boot {
  return JSON.parse(text(assembled, `releases/${assembled.version}/boot.json`)) as Boot;
}

/** Workspaces, by name; each has a lifecycle module unless it says otherwise. */
function umbrella(
  applications: object,
  packages: Readonly<Record<string, { readonly needs?: readonly string[]; readonly sarma?: object | null }>>,
  root: object = {},
): string {
  const files = Object.entries(packages).flatMap(
    ([name, { needs = [], sarma = { application: './application.ts' } }]) => [
      [
        `apps/${name}/package.json`,
        {
          name,
          version: '1.0.0',
          ...(sarma === null ? {} : { sarma }),
          dependencies: Object.fromEntries(needs.map((one) => [one, '*'])),
        },
      ],
      [`apps/${name}/application.ts`, lifecycle],
    ],
  );
  const directory = project({
    'package.json': { name: 'umbrella', private: true, workspaces: ['apps/*'], ...root },
    'sarma.config.json': { releases: { all: { applications, kind: 'service' } } },
    ...Object.fromEntries(files),
  });
  install(directory, 'npm');
  return directory;
}

test('applications start in the order of their dependencies, whatever the configuration says first', async () => {
  const root = umbrella({ web: 'permanent', store: 'permanent' }, { web: { needs: ['store'] }, store: {} });
  const assembled = await release(root);
  expect(boot(assembled).instructions).toMatchObject([
    { do: 'configure' },
    { do: 'load', application: 'store' },
    { do: 'load', application: 'web' },
    { do: 'start', application: 'store' },
    { do: 'start', application: 'web' },
  ]);
  expect(assembled.applications.map(({ name, dependencies }) => [name, dependencies])).toEqual([
    ['store', []],
    ['web', ['store']],
  ]);
  expect(boot(assembled).applications[0]).toMatchObject({
    path: 'lib/store-1.0.0',
    module: 'lib/store-1.0.0/application.js',
  });
});

test('a dependency that nobody names gets the mode of the one that needs it, of several the highest', async () => {
  const packages = {
    one: { needs: ['deep'] },
    two: { needs: ['library'] },
    // No application itself, but what it needs is needed.
    library: { needs: ['deep'], sarma: null },
    deep: {},
  };
  const modes = async (one: string, two: string) => {
    const assembled = await release(umbrella({ one, two }, packages));
    return Object.fromEntries(boot(assembled).applications.map(({ name, mode }) => [name, mode]));
  };
  expect(await modes('temporary', 'transient')).toEqual({
    one: 'temporary',
    two: 'transient',
    deep: 'transient',
  });
  expect(await modes('load', 'none')).toEqual({ one: 'load', two: 'none', deep: 'load' });
});

test('what is only loaded is not started, and what has the mode none is not even imported', async () => {
  const root = umbrella({ one: 'load', two: 'none', three: 'permanent' }, { one: {}, two: {}, three: {} });
  const assembled = await release(root);
  expect(boot(assembled).instructions).toEqual([
    { do: 'configure' },
    { do: 'load', application: 'one' },
    { do: 'load', application: 'three' },
    { do: 'start', application: 'three' },
  ]);
  expect(boot(assembled).applications.find(({ name }) => name === 'two')).toMatchObject({ module: null });
  expect(assembled.warnings).toEqual([
    expect.stringContaining('two is an application in the release all, but nobody'),
  ]);
});

test('the main package with a lifecycle module is permanent without being named', async () => {
  const root = project({
    'package.json': { name: 'solo', version: '2.0.0', sarma: { application: './application.js' } },
    'application.js': lifecycle,
  });
  const assembled = await release(root);
  expect(assembled).toMatchObject({
    kind: 'service',
    entries: { solo: 'releases/2.0.0/boot.cjs' },
    applications: [
      { name: 'solo', version: '2.0.0', mode: 'permanent', module: 'lib/solo-2.0.0/application.js' },
    ],
  });
});

test('an application that is started cannot need one that is not, unless it is said to be meant', async () => {
  const root = umbrella({ web: 'permanent', store: 'load' }, { web: { needs: ['store'] }, store: {} });
  await expect(release(root)).rejects.toThrow(
    'web is permanent, but it depends on store, which has the mode "load" and is never started.',
  );
  write(root, {
    'sarma.config.json': {
      releases: {
        all: { applications: { web: 'permanent', store: 'load' }, skipModeValidationFor: ['store'] },
      },
    },
  });
  expect((await release(root)).applications.map(({ mode }) => mode)).toEqual(['load', 'permanent']);
});

test('a mode that a step made up is an error that lists the modes', async () => {
  const root = project({
    'package.json': { name: 'app', sarma: { application: './a.js' } },
    'a.js': lifecycle,
  });
  const loaded = await loadRelease({ project: root });
  const applications = [{ name: 'app', mode: 'always' as never }];
  await expect(assemble({ ...loaded, applications })).rejects.toThrow(
    'The application app has the mode "always"; expected one of permanent, transient, temporary, load, none.',
  );
});

test('a circle is shown, with a way out of it', async () => {
  const root = umbrella(
    { a: 'permanent' },
    { a: { needs: ['b'] }, b: { needs: ['c'] }, c: { needs: ['a'] } },
  );
  const failure = release(root);
  await expect(failure).rejects.toMatchObject({ code: 'APPLICATION_CYCLE' });
  await expect(failure).rejects.toThrow('in a circle, so none can start first: a → b → c → a.');
});

test('an application that is not there is an error that names the nearest one', async () => {
  const root = umbrella({ stroe: 'permanent' }, { store: {} });
  const failure = release(root);
  await expect(failure).rejects.toMatchObject({ code: 'UNKNOWN_APPLICATION' });
  await expect(failure).rejects.toThrow(/"stroe".*Did you mean "store"\?/s);
});

test('a lifecycle module that is not built says so', async () => {
  const root = project({
    'package.json': {
      name: 'app',
      sarma: { application: './dist/application.js' },
      scripts: { build: 'tsc' },
    },
  });
  const failure = release(root);
  await expect(failure).rejects.toMatchObject({ code: 'APPLICATION_MODULE' });
  await expect(failure).rejects.toThrow(
    `${path.join(root, 'dist/application.js')} does not exist. Build app first: npm run build`,
  );
});

test('an application of a package from the registry is started from where it lies', async () => {
  const root = project({
    'package.json': {
      name: 'app',
      version: '1.0.0',
      sarma: { application: './application.js' },
      dependencies: { metrics: 'file:metrics.tgz' },
    },
    'application.js': lifecycle,
    'node_modules/metrics/package.json': {
      name: 'metrics',
      version: '3.0.0',
      sarma: { application: './lib/application.js' },
    },
    'node_modules/metrics/lib/application.js': 'module.exports = { start() {} };',
  });
  const assembled = await release(root);
  expect(assembled.applications).toMatchObject([
    { name: 'metrics', mode: 'permanent', module: 'lib/app-1.0.0/node_modules/metrics/lib/application.js' },
    { name: 'app' },
  ]);
  rmSync(path.join(root, 'node_modules'), { recursive: true });
  expect(text(assembled, assembled.applications[0]!.module!)).toContain('module.exports');
});

test('a workspace that is named is taken though the main one does not depend on it', async () => {
  const root = umbrella(
    { main: 'permanent', other: 'permanent' },
    { main: {}, other: { sarma: { application: './application.ts' } } },
  );
  write(root, {
    'apps/main/sarma.config.json': { applications: { main: 'permanent', other: 'permanent' } },
  });
  const assembled = await release(root, { workspace: 'main' });
  expect(assembled.applications.map(({ name }) => name)).toEqual(['main', 'other']);
  expect(text(assembled, 'lib/other-1.0.0/application.js')).toContain('start');
});

test('TypeScript is linked ahead as the JavaScript it became, in the mode embedded alone', async () => {
  const files = {
    'package.json': {
      name: 'app',
      version: '1.0.0',
      type: 'module',
      sarma: { application: './src/application.ts' },
    },
    'src/application.ts': "export default { start: () => import('./late.ts') };",
    'src/late.ts': 'export const late: number = 1;',
    'src/unused.ts': 'export const unused: number = 1;',
  };
  const link = async (more: object) => {
    const assembled = await release(project({ ...files, 'sarma.config.json': more }));
    return boot(assembled).instructions.find((one) => one.do === 'link');
  };
  expect(await link({})).toEqual({ do: 'link', modules: ['lib/app-1.0.0/src/late.js'] });
  expect(await link({ mode: 'interactive' })).toBeUndefined();
});

test('what lies in the root of an umbrella imports its applications, as in the project', async () => {
  const root = umbrella({ store: 'permanent' }, { store: {} });
  write(root, {
    'config/runtime.ts':
      'import * as store from "store/application.ts"; export default { store: { ...store } };',
  });
  const assembled = await release(root);
  const runtime = path.join(path.dirname(root), 'away/lib/umbrella-0.0.0/config/runtime.js');
  cpSync(assembled.path, path.join(path.dirname(root), 'away'), { recursive: true, verbatimSymlinks: true });
  rmSync(root, { recursive: true });
  const configuration = (await import(/* @vite-ignore */ pathToFileURL(runtime).href)) as { default: object };
  expect(configuration.default).toMatchObject({ store: { default: { start: expect.any(Function) } } });
});
