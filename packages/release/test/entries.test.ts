import path from 'node:path';
import { expect, test } from 'vitest';
import { project, release, run } from './support/project.ts';

const third = (place: string, name: string) => ({
  [`${place}/node_modules/${name}/package.json`]: { name, version: '1.0.0' },
  [`${place}/node_modules/${name}/index.js`]: `module.exports = '${name}'`,
});

test('several programs of one project are entries of one release', async () => {
  const root = project({
    'package.json': { name: 'pair', version: '1.0.0', bin: { one: 'one.js', two: 'bin/two.mjs' } },
    'one.js': `console.log('one')`,
    'bin/two.mjs': `console.log('two')`,
  });
  const assembled = await release(root, { bin: ['one', 'two'] });
  expect(assembled).toMatchObject({
    name: 'pair',
    entries: { one: 'lib/pair-1.0.0/one.js', two: 'lib/pair-1.0.0/bin/two.mjs' },
  });
  expect([run(root, assembled, 'one'), run(root, assembled, 'two')]).toEqual(['one\n', 'two\n']);
});

test('an entry in a folder with dependencies of its own finds them', async () => {
  const root = project({
    'package.json': { version: '1.0.0' },
    'shared.js': `module.exports = 'shared'`,
    'server/package.json': { name: 'server', dependencies: { inner: '1' } },
    'server/index.js': `console.log(require('inner'), require('../shared'))`,
    ...third('server', 'inner'),
  });
  expect(run(root, await release(root, { entry: 'server/index.js' }))).toBe('inner shared\n');
});

test('an entry in a workspace brings that workspace', async () => {
  const root = project({
    'package.json': { name: 'root', workspaces: ['apps/*'] },
    'apps/web/package.json': { name: 'web', version: '3.0.0', dependencies: { hoisted: '1' } },
    'apps/web/main.js': `console.log(require('hoisted'))`,
    ...third('.', 'hoisted'),
  });
  const assembled = await release(root, { entry: 'apps/web/main.js' });
  expect(assembled.entries).toEqual({ root: 'lib/web-3.0.0/main.js' });
  expect(run(root, assembled)).toBe('hoisted\n');
});

test('an entry may be a program of a package, even of one for development', async () => {
  const root = project({
    'package.json': { name: 'app', devDependencies: { tool: '1' } },
    ...third('.', 'tool'),
    'node_modules/tool/cli.js': `console.log('the', require('./index.js'), require.main === module)`,
  });
  const assembled = await release(root, { entry: 'node_modules/tool/cli.js' });
  expect(run(root, assembled)).toBe('the tool true\n');
  expect(run(root, await release(root, { entry: 'node_modules/tool/cli.js', code: 'bundle' }))).toBe(
    'the tool true\n',
  );
});

test('an entry outside of every package is refused', async () => {
  const root = project({ 'app/package.json': { name: 'app' }, 'other.js': '' });
  await expect(release(path.join(root, 'app'), { entry: '../other.js' })).rejects.toMatchObject({
    code: 'ENTRY_OUTSIDE',
    message: expect.stringContaining('other.js'),
  });
});

test('a package can be released from inside a node_modules', async () => {
  const root = project({
    ...third('.', 'dep'),
    'node_modules/tool/package.json': {
      name: 'tool',
      version: '1.0.0',
      bin: 'cli.js',
      dependencies: { dep: '1' },
    },
    'node_modules/tool/cli.js': `console.log(require('dep'))`,
  });
  const assembled = await release(path.join(root, 'node_modules/tool'), {
    releaseDirectory: path.join(root, 'out'),
  });
  expect(run(root, assembled)).toBe('dep\n');
});

test('a scope becomes a folder', async () => {
  const root = project({
    'package.json': { name: '@me/App', version: '1.0.0-beta.1+x' },
    'index.js': `console.log(1)`,
  });
  const assembled = await release(root);
  expect(assembled.entries).toEqual({ app: 'lib/@me/App-1.0.0-beta.1+x/index.js' });
  expect(run(root, assembled)).toBe('1\n');
});
