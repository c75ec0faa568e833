import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { install, project, release, run, write } from './support/project.ts';

/** is-even 1 wants is-odd 0.1, the project is-odd 3; is-odd 3 and 0.1 want different is-number. */
const dependencies = { 'is-odd': '3.0.1', 'is-even': '1.0.0' };
const files = {
  'package.json': {
    name: 'app',
    version: '1.0.0',
    main: 'main.js',
    dependencies,
    devDependencies: { isarray: '2.0.5' },
  },
  'main.js': `const { createRequire } = require('node:module');
    const from = (name) => createRequire(require.resolve(name));
    const version = (require, name) => require(name + '/package.json').version;
    const even = from('is-even');
    console.log(require('is-odd')(3), require('is-even')(3), version(require, 'is-odd'), version(even, 'is-odd'),
      version(from('is-odd'), 'is-number'), version(createRequire(even.resolve('is-odd')), 'is-number'));
    try { require('isarray'); console.log('a development dependency'); } catch {}`,
};
const printed = 'true false 3.0.1 0.1.2 6.0.0 3.0.0\n';

describe('production dependencies resolve as in the project', () => {
  test.each(['npm', 'pnpm', 'yarn'] as const)('installed by %s', async (manager) => {
    const root = project(files);
    install(root, manager);
    const assembled = await release(root);
    expect(run(root, assembled)).toBe(printed);
    expect(assembled.warnings).toEqual([]);
    const versions = assembled.packages.map(({ name, version }) => `${name}@${version}`);
    expect(new Set(versions).size).toBe(versions.length);
    expect(versions).not.toContain('isarray@2.0.5');
  });

  test('the release holds no path of the project', async () => {
    const root = project(files);
    install(root, 'pnpm');
    const assembled = await release(root);
    const { stdout } = await import('node:child_process').then(({ spawnSync }) =>
      spawnSync('grep', ['-rl', root, assembled.path], { encoding: 'utf8' }),
    );
    expect(stdout).toBe('');
  });

  test('programs of packages are linked as installed', async () => {
    const root = project({
      'package.json': { name: 'app', version: '1.0.0', main: 'main.js', dependencies: { semver: '7.6.3' } },
      'main.js': `console.log(String(require('node:child_process').execFileSync(__dirname + '/node_modules/.bin/semver', ['1.2.3', '-i'])).trim())`,
    });
    for (const manager of ['npm', 'pnpm'] as const) {
      rmSync(path.join(root, 'node_modules'), { recursive: true, force: true });
      install(root, manager);
      expect(run(root, await release(root))).toBe('1.2.4\n');
    }
  });
});

describe('workspaces', () => {
  const workspace = {
    'packages/a/package.json': {
      name: '@w/a',
      version: '1.0.0',
      bin: { tool: 'main.js' },
      dependencies: { '@w/b': '2.0.0', '@w/shared': '1.0.0', 'is-odd': '3.0.1' },
    },
    'packages/a/main.js': `const shared = require('@w/shared');
      console.log(require('@w/b').version, require('is-odd/package.json').version, require('@w/b').shared === shared)`,
    'packages/b/package.json': {
      name: '@w/b',
      version: '2.0.0',
      main: 'lib/index.js',
      dependencies: { 'is-odd': '1.0.0', '@w/shared': '1.0.0' },
    },
    'packages/b/lib/index.js': `exports.version = require('is-odd/package.json').version; exports.shared = require('@w/shared')`,
    'packages/shared/package.json': { name: '@w/shared', version: '1.0.0' },
    'packages/shared/index.js': 'module.exports = {}',
    'packages/unused/package.json': { name: 'unused', version: '1.0.0' },
  };

  test.each(['npm', 'yarn'] as const)('of %s are packages of their own, shared by all', async (manager) => {
    const root = project({ ...workspace, 'package.json': { private: true, workspaces: ['packages/*'] } });
    install(root, manager);
    const assembled = await release(root, { workspace: '@w/a' });
    expect(run(root, assembled)).toBe('1.0.0 3.0.1 true\n');
    expect(assembled.packages.filter((one) => one.firstParty).map((one) => one.path)).toEqual([
      'lib/@w/a-1.0.0',
      'lib/@w/b-2.0.0',
      'lib/@w/shared-1.0.0',
    ]);
  });

  test('of pnpm, too', async () => {
    const text = (name: string) =>
      JSON.stringify((workspace as Record<string, unknown>)[name]).replaceAll(
        /("@w\/\w+":)"[\d.]+"/g,
        '$1"workspace:*"',
      );
    const root = project({
      ...workspace,
      'package.json': { private: true },
      'pnpm-workspace.yaml': 'packages: ["packages/*"]\n',
      'packages/a/package.json': text('packages/a/package.json'),
      'packages/b/package.json': text('packages/b/package.json'),
    });
    install(root, 'pnpm');
    expect(run(root, await release(path.join(root, 'packages/a')))).toBe('1.0.0 3.0.1 true\n');
  });

  test('whose root is the project keep sharing what is hoisted', async () => {
    const root = project({
      ...workspace,
      'package.json': {
        name: 'root',
        version: '0.1.0',
        main: 'main.js',
        workspaces: ['packages/*'],
        dependencies: { '@w/b': '2.0.0', 'is-odd': '3.0.1' },
      },
      'main.js': `console.log(require('@w/b').version, require('is-odd/package.json').version)`,
    });
    install(root, 'npm');
    const assembled = await release(root);
    expect(run(root, assembled)).toBe('1.0.0 3.0.1\n');
    expect(assembled.packages.map((one) => one.name)).not.toContain('unused');
  });
});

test('linked packages are followed and taken along', async () => {
  const root = project({
    'package.json': {
      name: 'app',
      version: '1.0.0',
      main: 'main.js',
      dependencies: { linked: 'file:../linked' },
    },
    'main.js': `console.log(require('linked'))`,
  });
  write(path.join(root, '../linked'), {
    'package.json': { name: 'linked', version: '0.5.0', dependencies: { inner: '*' } },
    'index.js': `module.exports = 'linked ' + require('inner')`,
    'node_modules/inner/package.json': { name: 'inner', version: '1.0.0' },
    'node_modules/inner/index.js': `module.exports = 'inner'`,
  });
  mkdirSync(path.join(root, 'node_modules'));
  symlinkSync('../../linked', path.join(root, 'node_modules/linked'));
  const assembled = await release(root);
  // What run() moves away is the project; the link's target goes with it.
  rmSync(path.join(root, '../linked'), { recursive: true });
  expect(run(root, assembled)).toBe('linked inner\n');
});

describe('a dependency that is not there', () => {
  const broken = (manifest: object, more: Record<string, string | object> = {}) =>
    project({ 'package.json': { name: 'app', main: 'main.js', ...manifest }, 'main.js': '', ...more });

  test.each([
    ['package-lock.json', 'npm install'],
    ['pnpm-lock.yaml', 'pnpm install'],
    ['yarn.lock', 'yarn install'],
  ])('is named, with %s the advice is: %s', async (lock, advice) => {
    const root = broken({ dependencies: { 'is-odd': '3', 'is-even': '1' } }, { [lock]: '' });
    await expect(release(root)).rejects.toMatchObject({
      code: 'DEPENDENCY_MISSING',
      message: expect.stringMatching(new RegExp(`is-even, is-odd are not installed.*app.*Run: ${advice}`)),
    });
  });

  test('is found below others', async () => {
    const root = broken(
      { dependencies: { a: '1' } },
      { 'node_modules/a/package.json': { name: 'a', dependencies: { b: '1' } } },
    );
    await expect(release(root)).rejects.toMatchObject({
      message: expect.stringMatching(/b is not installed, but a /),
    });
  });

  test('is fine when it is optional, or an optional peer that only development brought', async () => {
    const root = broken(
      { optionalDependencies: { gone: '1' }, dependencies: { a: '1' }, devDependencies: { peer: '1' } },
      {
        'node_modules/a/package.json': {
          name: 'a',
          version: '1.0.0',
          peerDependencies: { peer: '*' },
          peerDependenciesMeta: { peer: { optional: true } },
        },
        'node_modules/peer/package.json': { name: 'peer', version: '1.0.0' },
      },
    );
    expect((await release(root)).packages.map((one) => one.name).sort()).toEqual(['a', 'app']);
  });

  test("is refused with advice where Yarn's Plug'n'Play holds it", async () => {
    const root = broken({ dependencies: { a: '1' } }, { '.pnp.cjs': '', 'yarn.lock': '' });
    await expect(release(root)).rejects.toMatchObject({
      code: 'PLUG_AND_PLAY',
      message: expect.stringContaining('nodeLinker: node-modules'),
    });
  });
});

describe('a native package', () => {
  const withAddon = (manifest: object, more: Record<string, string | object>) =>
    project({
      'package.json': { name: 'app', main: 'main.js', ...manifest },
      'main.js': '',
      'package-lock.json': '{}',
      'node_modules/addon/package.json': {
        name: 'addon',
        version: '2.0.0',
        scripts: { install: 'node-gyp-build' },
      },
      ...more,
    });

  test('whose install script was blocked is named with the approving command', async () => {
    const root = withAddon({ dependencies: { addon: '2' } }, {});
    write(root, { 'sarma.config.js': "module.exports = { steps: ['assemble'] };" });
    await expect(release(root)).rejects.toMatchObject({
      code: 'INSTALL_SCRIPT_BLOCKED',
      message: expect.stringMatching(
        /addon@2\.0\.0 has no native addon.*Run: npm (approve-scripts addon && npm )?rebuild addon/,
      ),
    });
    write(root, { 'pnpm-lock.yaml': '' });
    rmSync(path.join(root, 'package-lock.json'));
    await expect(release(root)).rejects.toMatchObject({
      message: expect.stringContaining('pnpm approve-builds'),
    });
  });

  test('whose install script was blocked is a warning where targets look for an addon themselves', async () => {
    const root = withAddon({ dependencies: { addon: '2' } }, {});
    const [warning] = (await release(root)).warnings;
    expect(warning).toMatch(/addon@2\.0\.0 has no native addon.*rebuild addon/);
  });

  test('that the user skips may lack its addon', async () => {
    const root = withAddon({ dependencies: { addon: '2' } }, {});
    write(root, { 'sarma.config.js': "module.exports = { wrap: { addons: { skip: ['addon'] } } };" });
    expect((await release(root)).warnings).toEqual([]);
  });

  test('with a prebuilt addon, its own or of a platform package, is fine', async () => {
    const own = withAddon(
      { dependencies: { addon: '2' } },
      { 'node_modules/addon/prebuilds/linux-x64/x.node': '' },
    );
    expect((await release(own)).warnings).toEqual([]);
    const platform = withAddon(
      { dependencies: { addon: '2' } },
      {
        'node_modules/addon/package.json': {
          name: 'addon',
          version: '2.0.0',
          scripts: { install: 'node-gyp rebuild' },
          optionalDependencies: { 'addon-linux': '1' },
        },
        'node_modules/addon-linux/package.json': { name: 'addon-linux' },
        'node_modules/addon-linux/x.node': '',
      },
    );
    expect((await release(platform)).warnings).toEqual([]);
  });

  test('that is optional only gives a warning', async () => {
    const root = withAddon({ optionalDependencies: { addon: '2' } }, {});
    expect((await release(root)).warnings).toEqual([expect.stringContaining('addon')]);
  });
});

test('third-party packages come as they are', async () => {
  const root = project({
    'package.json': { name: 'app', main: 'main.js', dependencies: { a: '1' } },
    'main.js': `console.log(require('a'))`,
    'node_modules/a/package.json':
      '{ "name": "a", "version": "1.0.0", "main": false, "engines": [], "scripts": null }',
    'node_modules/a/index.js': `module.exports = require('fs').readFileSync(__dirname + '/.env', 'utf8')`,
    'node_modules/a/.env': 'kept',
    'node_modules/a/src/x.ts': 'export type X = 1',
  });
  const assembled = await release(root);
  expect(run(root, assembled)).toBe('kept\n');
  const at = path.join(assembled.path, 'lib/app-0.0.0/node_modules/a');
  expect(readFileSync(path.join(at, 'package.json'), 'utf8')).toContain('"main": false');
  expect(readFileSync(path.join(at, 'src/x.ts'), 'utf8')).toBe('export type X = 1');
});
