import { chmodSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { planReload } from '@sarma/boot';
import { expect, test } from 'vitest';
import type { AssembledRelease } from '../src/index.ts';
import { project, release, write } from './support/project.ts';

// What release.json says of packages decides what a running node loads anew.

const service = {
  'package.json': {
    name: 'shop',
    version: '0.1.0',
    workspaces: ['apps/*'],
    dependencies: { web: '*', store: '*' },
  },
  'sarma.config.json': { releases: { shop: { version: '0.1.0', applications: { web: 'permanent' } } } },
  'apps/web/package.json': {
    name: 'web',
    version: '0.1.0',
    type: 'module',
    sarma: { application: './application.ts' },
    dependencies: { store: '*', left: '*' },
  },
  'apps/web/application.ts':
    "import 'store'; export default { start() {}, codeChange: (state: unknown) => state };",
  'apps/store/package.json': { name: 'store', version: '1.0.0', type: 'module', main: './index.ts' },
  'apps/store/index.ts': 'export const items: string[] = [];',
  'node_modules/left/package.json': { name: 'left', version: '2.0.0', dependencies: { right: '1' } },
  'node_modules/left/index.js': "require('right');",
  'node_modules/left/node_modules/right/package.json': { name: 'right', version: '1.0.0' },
  'node_modules/left/node_modules/right/index.js': '',
};

function shop(more: Readonly<Record<string, string | object>> = {}): string {
  const root = project({ ...service, ...more });
  // As npm links workspaces.
  for (const name of ['web', 'store']) symlinkSync(`../apps/${name}`, path.join(root, 'node_modules', name));
  return root;
}

const read = ({ path: root, version }: AssembledRelease, name: string) =>
  JSON.parse(readFileSync(path.join(root, 'releases', version, name), 'utf8'));

const described = (assembled: AssembledRelease) => ({
  release: read(assembled, 'release.json'),
  boot: read(assembled, 'boot.json'),
  runtime: null,
});

test('each package of a service has a digest and the places of what it imports; a program needs none', async () => {
  const { packages, fixed } = read(await release(shop()), 'release.json');
  expect(
    Object.fromEntries(
      packages.map((one: { path: string; dependencies: object }) => [one.path, one.dependencies]),
    ),
  ).toEqual({
    'lib/node_modules/left': { right: 'lib/node_modules/left/node_modules/right' },
    'lib/node_modules/left/node_modules/right': {},
    'lib/shop-0.1.0': { store: 'lib/store-1.0.0', web: 'lib/web-0.1.0' },
    'lib/store-1.0.0': {},
    'lib/web-0.1.0': { left: 'lib/node_modules/left', store: 'lib/store-1.0.0' },
  });
  for (const { digest } of packages) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(fixed).toEqual({ boot: expect.stringMatching(/^[0-9a-f]{64}$/), preload: [] });
  const program = project({ 'package.json': { name: 'tool', bin: './tool.js' }, 'tool.js': '' });
  expect(JSON.stringify(read(await release(program), 'release.json'))).not.toContain('digest');
});

test('the same content has the same digests, wherever and whenever it was made', async () => {
  const [one, other] = [shop(), shop()];
  utimesSync(path.join(other, 'apps/store/index.ts'), 1, 1);
  const packages = async (root: string) => read(await release(root), 'release.json').packages;
  expect(await packages(one)).toEqual(await packages(other));
});

test('what differs is what has another content or mode, or a file more, with all that imports it', async () => {
  const root = shop();
  let before = described(await release(root));
  const differing = async (change: () => void) => {
    change();
    const after = described(await release(root));
    const { packages } = planReload(before, after);
    before = after;
    return packages.map(({ name }) => name);
  };
  const store = path.join(root, 'apps/store/index.ts');
  expect(await differing(() => writeFileSync(store, 'export const items = [1];'))).toEqual([
    'shop',
    'store',
    'web',
  ]);
  // What it is transpiled to counts.
  expect(await differing(() => writeFileSync(store, 'export const items: any = [1];'))).toEqual([]);
  const right = path.join(root, 'node_modules/left/node_modules/right/index.js');
  expect(await differing(() => writeFileSync(right, '1'))).toEqual(['left', 'right', 'shop', 'web']);
  const left = path.join(root, 'node_modules/left/index.js');
  expect(await differing(() => chmodSync(left, 0o755))).toEqual(['left', 'shop', 'web']);
  expect(await differing(() => write(root, { 'apps/web/more.js': '' }))).toEqual(['shop', 'web']);
});

test('a bundled application differs as a whole when anything in it does', async () => {
  const root = shop();
  const before = described(await release(root, { code: 'bundle' }));
  write(root, {
    'node_modules/left/index.js': 'changed()',
    'apps/web/application.ts': "import 'left'; export default {};",
  });
  const between = described(await release(root, { code: 'bundle' }));
  expect(planReload(before, between).packages.map(({ name }) => name)).toEqual(['web']);
  write(root, { 'node_modules/left/index.js': 'changedAgain()' });
  const after = described(await release(root, { code: 'bundle' }));
  expect(planReload(between, after).packages.map(({ name }) => name)).toEqual(['web']);
});

test('boot.json says which lifecycle modules name codeChange', async () => {
  const { applications } = read(await release(shop()), 'boot.json');
  expect(applications).toMatchObject([{ name: 'web', codeChange: true }]);
  const without = shop({ 'apps/web/application.ts': "import 'store'; export default { start() {} };" });
  expect(read(await release(without), 'boot.json').applications).toMatchObject([{ codeChange: false }]);
});

test('a preloaded module is another when it, or a file that it leads to, is', async () => {
  const files = {
    'sarma.config.json': {
      releases: {
        shop: { version: '0.1.0', preload: ['./telemetry.ts'], applications: { web: 'permanent' } },
      },
    },
    'telemetry.ts': "import './more.ts'; import 'left';",
    'more.ts': 'export const x: number = 1;',
    'other.ts': '',
  };
  const root = shop({
    ...files,
    'package.json': {
      ...service['package.json'],
      type: 'module',
      dependencies: { web: '*', store: '*', left: '*' },
    },
  });
  const preloads = async () => read(await release(root), 'release.json').fixed.preload;
  const before = await preloads();
  expect(before).toEqual([
    { digest: expect.stringMatching(/^[0-9a-f]{64}$/), packages: ['lib/node_modules/left'] },
  ]);
  write(root, { 'other.ts': 'export const y = 2;' });
  expect(await preloads()).toEqual(before);
  write(root, { 'more.ts': 'export const x: number = 2;' });
  expect((await preloads())[0].digest).not.toBe(before[0].digest);
});
