import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadRelease } from '../src/index.ts';
import { project } from './support/project.ts';

describe('name and entry', () => {
  test('are those of the one bin', async () => {
    const root = project({
      'package.json': { name: '@me/thing', version: '1.2.3', bin: { hello: './bin/x.js' } },
      'bin/x.js': '',
    });
    const release = await loadRelease({ project: root });
    expect(release).toMatchObject({ name: 'hello', version: '1.2.3', kind: 'cli', code: 'copy' });
    expect(release.entries).toEqual({ hello: path.join(root, 'bin/x.js') });
    expect(release.notes).toEqual(['hello 1.2.3 from package.json: bin.hello → bin/x.js']);
    expect(release.path).toBe(path.join(root, '_build/prod/rel/hello'));
  });

  test('with several bins are those of the one named like the package', async () => {
    const root = project({
      'package.json': { name: '@me/b', bin: { a: 'a.js', b: 'b.js' } },
      'a.js': '',
      'b.js': '',
    });
    expect((await loadRelease({ project: root })).entries).toEqual({ b: path.join(root, 'b.js') });
  });

  test('with several bins and none named like the package are asked for', async () => {
    const root = project({
      'package.json': { name: 'c', bin: { a: 'a.js', b: 'b.js' } },
      'a.js': '',
      'b.js': '',
    });
    await expect(loadRelease({ project: root })).rejects.toMatchObject({
      code: 'SEVERAL_BINS',
      message: expect.stringMatching(/a, b\..*--bin a,b/),
    });
    expect(Object.keys((await loadRelease({ project: root, bin: ['a', 'b'] })).entries)).toEqual(['a', 'b']);
    expect((await loadRelease({ project: root, bin: ['b'] })).name).toBe('b');
    await expect(loadRelease({ project: root, bin: ['z'] })).rejects.toMatchObject({ code: 'UNKNOWN_BIN' });
  });

  test('cannot be several of one entry', async () => {
    const root = project({ 'package.json': { name: 'c', bin: { a: 'a.js', b: 'a.js' } }, 'a.js': '' });
    await expect(loadRelease({ project: root, entry: 'a.js', bin: ['a', 'b'] })).rejects.toMatchObject({
      code: 'SEVERAL_BINS',
    });
    expect((await loadRelease({ project: root, entry: 'a.js', bin: ['b'] })).name).toBe('b');
  });

  test('come from main, scripts.start and an index file, in this order', async () => {
    const files = { 'main.js': '', 'start.js': '', 'index.ts': '' };
    const entryOf = async (manifest: object) => {
      const root = project({ ...files, 'package.json': { name: '@a/The.App', ...manifest } });
      const { entries } = await loadRelease({ project: root });
      return Object.fromEntries(
        Object.entries(entries).map(([name, file]) => [name, path.relative(root, file)]),
      );
    };
    const scripts = { start: 'node start' };
    expect(await entryOf({ main: 'main', scripts })).toEqual({ 'the-app': 'main.js' });
    expect(await entryOf({ main: 'index.js', scripts: {} })).toEqual({ 'the-app': 'index.ts' });
    expect(await entryOf({ scripts })).toEqual({ 'the-app': 'start.js' });
    expect(await entryOf({ scripts: { start: 'node --watch start.js' } })).toEqual({ 'the-app': 'index.ts' });
  });

  test('an entry that is named keeps the name of the bin it is', async () => {
    const root = project({
      'package.json': { name: 'c', bin: { a: 'a.js', b: 'b.js' } },
      'a.js': '',
      'b.js': '',
      'd.js': '',
    });
    expect((await loadRelease({ project: root, entry: 'b.js' })).name).toBe('b');
    expect((await loadRelease({ project: root, entry: 'd.js' })).name).toBe('c');
  });

  test('a single file needs no package.json', async () => {
    const root = project({ 'tool.ts': '' });
    const release = await loadRelease({ project: path.join(root, 'tool.ts') });
    expect(release).toMatchObject({ name: 'tool', version: '0.0.0', singleFile: true });
  });

  test('a file of a project belongs to the package.json beside it', async () => {
    const root = project({ 'package.json': { name: 'p', version: '3.0.0' }, 'tool.ts': '' });
    expect(await loadRelease({ project: path.join(root, 'tool.ts') })).toMatchObject({
      name: 'p',
      version: '3.0.0',
    });
  });
});

describe('a clear error for', () => {
  const cases: readonly [string, Parameters<typeof project>[0], object, string, RegExp][] = [
    ['no package.json', { 'a.txt': '' }, {}, 'NO_PACKAGE_JSON', /no package\.json in .*wrap cli\.ts/],
    [
      'broken JSON, with its line',
      { 'package.json': '{\n "name": "x",\n oops\n}' },
      {},
      'INVALID_PACKAGE_JSON',
      /package\.json:3 /,
    ],
    [
      'JSON that ends too early',
      { 'package.json': '{\n "name": "x",\n' },
      {},
      'INVALID_PACKAGE_JSON',
      /package\.json:\d+ is not valid JSON/,
    ],
    [
      'a field of the wrong type',
      { 'package.json': { bin: 3 } },
      {},
      'INVALID_PACKAGE_JSON',
      /expected bin to be a string.*found 3/,
    ],
    [
      'a bin that does not exist',
      { 'package.json': { bin: { x: 'dist/x.js' }, scripts: { build: 'tsc' } } },
      {},
      'ENTRY_NOT_FOUND',
      /bin\.x in .*dist\/x\.js.*npm run build/,
    ],
    [
      'a main that does not exist',
      { 'package.json': { main: 'lib/x.js' } },
      {},
      'ENTRY_NOT_FOUND',
      /main in .*lib\/x\.js/,
    ],
    [
      'an entry that is no program',
      { 'package.json': {}, 'data.json': '{}' },
      { entry: 'data.json' },
      'ENTRY_NOT_CODE',
      /data\.json is no program/,
    ],
    [
      'an entry that does not exist',
      { 'package.json': {} },
      { entry: 'no.js' },
      'ENTRY_NOT_FOUND',
      /--entry says no\.js/,
    ],
    ['nothing to run', { 'package.json': { name: 'x' } }, {}, 'NO_ENTRY', /--entry FILE/],
    [
      'a name with a slash',
      { 'package.json': {}, 'index.js': '' },
      { name: 'a/b' },
      'INVALID_NAME',
      /"a-b" would do/,
    ],
    [
      'a version with a slash',
      { 'package.json': {}, 'index.js': '' },
      { version: '../1' },
      'INVALID_VERSION',
      /folder's name/,
    ],
  ];
  test.each(cases)('%s', async (_, files, options, code, message) => {
    const root = project(files);
    await expect(loadRelease({ project: root, ...options })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('a project that is not there', async () => {
    await expect(loadRelease({ project: '/no/such/place' })).rejects.toMatchObject({ code: 'NO_PROJECT' });
  });
});

describe('at a workspace root', () => {
  const files = {
    'package.json': { name: 'root', private: true, workspaces: ['packages/*'] },
    'packages/a/package.json': { name: '@w/a', bin: 'a.js' },
    'packages/a/a.js': '',
    'packages/lib/package.json': { name: 'lib' },
  };

  test('the workspaces with an entry are listed with the command for each', async () => {
    const error = await loadRelease({ project: project(files) }).catch((caught: Error) => caught);
    expect(error).toMatchObject({ code: 'WORKSPACE_ROOT', message: expect.stringContaining('wrap -w @w/a') });
    expect((error as Error).message).not.toContain('lib');
  });

  test('one is chosen by name or folder', async () => {
    const root = project(files);
    for (const workspace of ['@w/a', 'packages/a']) {
      expect((await loadRelease({ project: root, workspace })).project).toBe(path.join(root, 'packages/a'));
    }
    await expect(loadRelease({ project: root, workspace: 'x' })).rejects.toMatchObject({
      code: 'UNKNOWN_WORKSPACE',
    });
  });

  test('pnpm-workspace.yaml counts too', async () => {
    const root = project({
      ...files,
      'package.json': { private: true },
      'pnpm-workspace.yaml': 'packages:\n  - "packages/*"\n',
    });
    await expect(loadRelease({ project: root })).rejects.toMatchObject({ code: 'WORKSPACE_ROOT' });
  });
});
