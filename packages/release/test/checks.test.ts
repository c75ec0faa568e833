import { existsSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { assemble, loadRelease, type Release } from '../src/index.ts';
import { project, release, write } from './support/project.ts';

const service = {
  'package.json': {
    name: 'kv',
    version: '1.0.0',
    type: 'module',
    sarma: { application: './application.ts' },
  },
  'application.ts': 'export default { async start() {} };',
};

describe('an import that no package.json names', () => {
  const installed = (name: string) => ({
    [`node_modules/${name}/package.json`]: { name, version: '1.0.0', main: 'index.js' },
    [`node_modules/${name}/index.js`]: 'module.exports = 1;',
  });

  test('is named with its file and what to do', async () => {
    const root = project({
      ...service,
      ...installed('lucky'),
      ...installed('tool'),
      'package.json': { ...service['package.json'], devDependencies: { tool: '1' } },
      'application.ts': 'import "./deep/inner.ts"; export default { start: () => import("tool/sub") };',
      'deep/inner.ts': 'import lucky from "lucky"; export const inner = lucky;',
    });
    expect([...(await release(root)).warnings].sort()).toEqual([
      `kv imports lucky in deep/inner.ts, which is in no package.json, so that the release may lack it. Run in ${root}: npm install lucky`,
      `kv imports tool in application.ts, which is a development dependency, which is not in the release. Run in ${root}: npm install --save-prod tool`,
    ]);
  });

  test('is none where only a type is taken, where it may be missing, or where it is a comment', async () => {
    const root = project({
      ...service,
      'application.ts': `
        import type { A } from 'typed';
        import { B } from 'erased';
        // import c from 'commented';
        const text = "import d from 'quoted'";
        export default {
          async start(): Promise<A | B> {
            try { require('tried'); } catch {}
            return import('caught').catch(() => text);
          },
        };`,
      'tool.ts': 'import unreached from "unreached"; export default unreached;',
    });
    expect((await release(root)).warnings).toEqual([]);
  });

  test('is none where the package names itself, a built-in, an alias or an inner import', async () => {
    const root = project({
      ...service,
      'package.json': {
        ...service['package.json'],
        exports: { './part': './part.ts' },
        imports: { '#inner': './part.ts' },
      },
      'tsconfig.json': { compilerOptions: { paths: { '~/*': ['./*'] } } },
      'application.ts': `
        import 'node:fs'; import 'path'; import 'kv/part'; import '#inner'; import '~/part';
        export default { start() {} };`,
      'part.ts': 'export {};',
    });
    expect((await release(root)).warnings).toEqual([]);
  });
});

describe('a cookie of the configuration', () => {
  const warnings = async (cookie: string) =>
    (await release(project({ ...service, 'sarma.config.json': { cookie } }))).warnings;

  test('is said to be published', async () => {
    expect(await warnings('x'.repeat(16))).toEqual([
      expect.stringContaining(
        'The cookie of kv is in the release, so everybody who gets it can control its nodes.',
      ),
    ]);
  });

  test('is said to be too short', async () => {
    expect(await warnings('monster')).toEqual([
      'The cookie of kv has 7 characters; one that cannot be guessed has at least 16.',
      expect.stringContaining('is in the release'),
    ]);
  });
});

test('an application that is meant to start and has no lifecycle module is warned of', async () => {
  const root = project({
    'package.json': { name: 'kv', version: '1.0.0' },
    'sarma.config.json': { applications: ['kv'] },
  });
  expect((await release(root)).warnings).toEqual([
    `kv is permanent, but ${root}/package.json names no lifecycle module, so there is nothing to start. ` +
      'Add "sarma": { "application": "./src/application.ts" } there, or give it the mode none.',
  ]);
});

test('an application in the release of a program, that nobody starts, is warned of', async () => {
  const root = project({
    'package.json': { name: 'tool', version: '1.0.0', main: 'main.js', dependencies: { store: '1' } },
    'main.js': '',
    'node_modules/store/package.json': {
      name: 'store',
      version: '1.0.0',
      sarma: { application: './a.js' },
    },
    'node_modules/store/a.js': '',
  });
  expect((await release(root)).warnings).toEqual([
    "store is an application in the release tool, but nobody starts it. Add it to the applications: { 'store': 'permanent' }, or leave it out of the release.",
  ]);
});

test('a command that every release has already cannot be written', async () => {
  const root = project({ ...service, 'commands/stop.ts': 'export default {};', 'commands/seed.ts': '' });
  const failure = release(root);
  await expect(failure).rejects.toMatchObject({ code: 'CHECK_FAILED' });
  await expect(failure).rejects.toThrow('commands/stop.ts: every release has a command "stop" already.');
});

test('applications that share a module are warned of where each is bundled', async () => {
  const root = project({
    'package.json': { name: 'all', version: '1.0.0', private: true, workspaces: ['apps/*'], type: 'module' },
    'sarma.config.json': { applications: ['web', 'store'], code: 'bundle' },
    'apps/web/package.json': {
      name: 'web',
      version: '1.0.0',
      type: 'module',
      sarma: { application: './application.ts' },
      dependencies: { store: '1' },
    },
    'apps/web/application.ts':
      'import { table } from "../store/table.ts"; export default { start: () => table };',
    'apps/store/package.json': {
      name: 'store',
      version: '1.0.0',
      type: 'module',
      sarma: { application: './application.ts' },
    },
    'apps/store/application.ts': 'import { table } from "./table.ts"; export default { start: () => table };',
    'apps/store/table.ts': 'export const table = new Map();',
    'node_modules/.keep': '',
  });
  for (const name of ['web', 'store']) symlinkSync(`../apps/${name}`, `${root}/node_modules/${name}`);
  const found = (await release(root)).warnings;
  expect(found).toEqual([
    expect.stringContaining(
      "store and web share apps/store/table.ts, but with code: 'bundle' each gets a copy",
    ),
  ]);
});

describe('checks of the configuration', () => {
  const run = async (...checks: Release['options']['checks']) => {
    const loaded = await loadRelease({ project: project(service) });
    const warnings: string[] = [];
    await assemble({ ...loaded, options: { ...loaded.options, checks } }, ({ level, message }) => {
      if (level === 'warning') warnings.push(message);
    });
    return warnings;
  };

  test('are called with the release, and may say nothing, one thing or several', async () => {
    const warnings = await run(
      () => undefined,
      ({ name }) => ({ level: 'warning', message: `about ${name}` }),
      async () => [
        { level: 'warning', message: 'first' },
        { level: 'warning', message: 'second' },
      ],
    );
    expect(warnings).toEqual(['about kv', 'first', 'second']);
  });

  test('end the build with all that they call an error', async () => {
    const failure = run(
      () => ({ level: 'error', message: 'no licence' }),
      () => ({ level: 'error', message: 'no notice' }),
    );
    await expect(failure).rejects.toMatchObject({ code: 'CHECK_FAILED', message: 'no licence\nno notice' });
  });

  test('that throw or return something else are named', async () => {
    const licences = () => {
      throw new Error('not readable');
    };
    await expect(run(licences)).rejects.toThrow('The check licences failed: not readable');
    const wrong = (() => true) as never;
    await expect(run(wrong)).rejects.toThrow(/The check wrong returned true; expected undefined/);
  });
});

test('a release that fails a check leaves the one before it', async () => {
  const root = project({ ...service, 'commands/seed.ts': 'export default {};' });
  const before = await release(root);
  write(root, { 'commands/ping.ts': '' });
  await expect(release(root)).rejects.toThrow('"ping"');
  expect(existsSync(`${before.path}/releases/1.0.0/boot.json`)).toBe(true);
});
