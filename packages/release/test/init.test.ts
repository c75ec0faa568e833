import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadRelease } from '../src/index.ts';
import { writeInit } from '../src/init.ts';
import { project, release, run, write } from './support/project.ts';

const app = path.resolve(import.meta.dirname, '../../app');

const said = (root: string, results: Awaited<ReturnType<typeof writeInit>>) =>
  results.map(({ file, outcome }) => `${outcome} ${path.relative(root, file)}`);

const service = {
  'package.json': {
    name: '@me/kv',
    version: '1.2.3',
    type: 'module',
    sarma: { application: './application.js' },
  },
  'application.js': 'export default { start() {} };',
};

test('a program gets a configuration and templates, and is released as before', async () => {
  const root = project({
    'package.json': { name: 'x', version: '1.0.0', bin: { 'hello-it': 'x.js' } },
    'x.js': 'console.log(1)',
  });
  expect(said(root, await writeInit(root))).toEqual([
    'written sarma.config.ts',
    'written rel/vm.args',
    'written rel/env.sh',
    'written rel/env.bat',
    'written .gitignore',
  ]);
  const assembled = await release(root);
  expect(assembled).toMatchObject({ name: 'hello-it', kind: 'cli' });
  expect(run(root, assembled)).toBe('1\n');
  // There are only comments in the templates.
  const made = JSON.parse(readFileSync(path.join(assembled.path, 'releases/1.0.0/release.json'), 'utf8'));
  expect(made).toMatchObject({ vmArgs: [], shell: false });
  expect(existsSync(path.join(assembled.path, 'releases/1.0.0/env.sh'))).toBe(false);
});

test('a service gets the templates of its configuration, too, and its applications are named', async () => {
  const root = project(service);
  expect(said(root, await writeInit(root))).toEqual([
    'written sarma.config.ts',
    'written config/config.ts',
    'written config/runtime.ts',
    'written rel/vm.args',
    'written rel/remote.vm.args',
    'written rel/env.sh',
    'written rel/env.bat',
    'written .gitignore',
  ]);
  const assembled = await release(root);
  expect(assembled).toMatchObject({ name: 'kv', version: '1.2.3', kind: 'service' });
  expect(assembled.applications).toMatchObject([{ name: '@me/kv', mode: 'permanent' }]);
  const sys = JSON.parse(readFileSync(path.join(assembled.path, 'releases/1.2.3/sys.config.json'), 'utf8'));
  expect(sys).toEqual({ '@me/kv': {} });
  expect(assembled.warnings).toEqual([]);
});

test('configuration has the types of @sarma/app where the project has it', async () => {
  const files = {
    ...service,
    'package.json': { ...service['package.json'], dependencies: { '@sarma/app': `file:${app}` } },
  };
  const root = project(files);
  await writeInit(root);
  const text = readFileSync(path.join(root, 'config/config.ts'), 'utf8');
  expect(text).toContain("import { defineConfiguration } from '@sarma/app';");
});

test('the root of several applications names them all, and whose version is meant', async () => {
  const application = (name: string, version: string) => ({
    [`apps/${name}/package.json`]: { name, version, type: 'module', sarma: { application: './a.js' } },
    [`apps/${name}/a.js`]: 'export default { start() {} };',
  });
  const root = project({
    'package.json': { name: 'umbrella', workspaces: ['apps/*'] },
    ...application('kv', '0.3.0'),
    ...application('kv_server', '0.1.0'),
  });
  await writeInit(root);
  const loaded = await loadRelease({ project: root });
  expect(loaded).toMatchObject({ name: 'umbrella', version: '0.3.0', kind: 'service' });
  expect(loaded.applications).toEqual([
    { name: 'kv', mode: 'permanent' },
    { name: 'kv_server', mode: 'permanent' },
  ]);
});

test('several programs of which none is the main one are all taken', async () => {
  const root = project({
    'package.json': { name: 'tools', bin: { a: 'a.js', b: 'b.js' } },
    'a.js': '',
    'b.js': '',
  });
  await writeInit(root);
  expect(Object.keys((await loadRelease({ project: root })).entries)).toEqual(['a', 'b']);
});

test('a workspace root without a program is told which workspaces have one', async () => {
  const root = project({
    'package.json': { private: true, workspaces: ['packages/*'] },
    'packages/cli/package.json': { name: 'cli', bin: 'c.js' },
    'packages/cli/c.js': '',
  });
  await expect(writeInit(root)).rejects.toMatchObject({
    code: 'WORKSPACE_ROOT',
    message: expect.stringContaining('-w cli'),
  });
  expect(existsSync(path.join(root, 'sarma.config.ts'))).toBe(false);
  await writeInit(root, { workspace: 'cli' });
  expect(existsSync(path.join(root, 'packages/cli/sarma.config.ts'))).toBe(true);
});

test('a config folder that is the program’s own stays out of it', async () => {
  const root = project({
    'package.json': { name: 'x', main: 'x.js' },
    'x.js': '',
    'config/config.js': 'throw new Error("not for Sarma")',
  });
  await writeInit(root);
  expect((await loadRelease({ project: root })).options).toMatchObject({
    buildConfig: undefined,
    runtimeConfig: undefined,
  });
});

test('nothing that is there is replaced without force, and lines are added to .gitignore once', async () => {
  const root = project({
    ...service,
    'rel/env.sh': 'export MINE=1\n',
    '.gitignore': 'node_modules\n/_build',
  });
  expect(said(root, await writeInit(root))).toEqual(
    expect.arrayContaining(['left rel/env.sh', 'added .gitignore']),
  );
  expect(readFileSync(path.join(root, '.gitignore'), 'utf8')).toBe('node_modules\n/_build\nburrito_out/\n');
  const bare = project(service);
  await writeInit(bare);
  expect(readFileSync(path.join(bare, '.gitignore'), 'utf8')).toBe('node_modules/\n_build/\nburrito_out/\n');
  const again = said(root, await writeInit(root));
  expect(again).toHaveLength(7);
  for (const line of again) expect(line).toMatch(/^left /);
  expect(readFileSync(path.join(root, 'rel/env.sh'), 'utf8')).toBe('export MINE=1\n');
  for (const line of said(root, await writeInit(root, { force: true }))) expect(line).toMatch(/^replaced /);
  expect(readFileSync(path.join(root, 'rel/env.sh'), 'utf8')).not.toContain('MINE');
});

test('a configuration in another form is left alone and gets no second one beside it', async () => {
  for (const [name, content] of [
    ['sarma.config.mjs', 'export default {}'],
    ['package.json', { name: 'x', main: 'x.js', sarma: { cookie: 'c' } }],
  ] as const) {
    const root = project({ 'package.json': { name: 'x', main: 'x.js' }, 'x.js': '' });
    write(root, { [name]: content });
    expect(said(root, await writeInit(root, { force: true }))[0]).toBe(`left ${name}`);
    expect(existsSync(path.join(root, 'sarma.config.ts'))).toBe(false);
  }
});

test('what the templates show works once the marks are taken away', async () => {
  const root = project(service);
  await writeInit(root);
  for (const name of ['rel/vm.args', 'rel/remote.vm.args', 'rel/env.sh']) {
    const text = readFileSync(path.join(root, name), 'utf8');
    write(root, { [name]: text.replaceAll(/^#(?=\S)/gm, '') });
  }
  const assembled = await release(root);
  const made = JSON.parse(readFileSync(path.join(assembled.path, 'releases/1.2.3/release.json'), 'utf8'));
  expect(made.shell).toBe(true);
  expect(made.vmArgs).toEqual([
    '--max-old-space-size=512',
    '--inspect=127.0.0.1:9229',
    '--import',
    './telemetry.mjs',
  ]);
  execFileSync('sh', ['-n', path.join(assembled.path, 'releases/1.2.3/env.sh')]);
});

test('of several applications the version is that of the one that no other needs', async () => {
  const application = { version: '1.0.0', sarma: { application: './a.js' } };
  const root = project({
    'package.json': { name: 'shop', workspaces: ['apps/*'] },
    'apps/store/package.json': { name: 'store', ...application },
    'apps/web/package.json': { name: 'web', ...application, dependencies: { store: '*' } },
  });
  await writeInit(root);
  expect(readFileSync(path.join(root, 'sarma.config.ts'), 'utf8')).toContain("version: { from: 'web' }");
});

test('a folder without a package.json is told to get one, and stays empty', async () => {
  const root = project({});
  await expect(writeInit(root)).rejects.toThrow(`no package.json in ${root}. Make one first (npm init)`);
  expect(existsSync(path.join(root, '.gitignore'))).toBe(false);
});
