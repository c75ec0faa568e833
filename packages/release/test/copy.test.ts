import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { assemble, loadRelease } from '../src/index.ts';
import { project, release, run, text, write } from './support/project.ts';

const place = 'lib/app-1.0.0';
const manifest = { name: 'app', version: '1.0.0', main: 'main.js' };

function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();
}

describe('the assembled release', () => {
  test('is complete: the entry runs with the project gone', async () => {
    const root = project({
      'package.json': manifest,
      'main.js': "console.log(require('./data/x.json').x, require.main === module, process.argv.length)",
      'data/x.json': { x: 'read' },
    });
    expect(run(root, await release(root))).toBe('read true 2\n');
  });

  test('says what it is made of', async () => {
    const root = project({ 'package.json': manifest, 'main.js': '' });
    const assembled = await release(root, { version: '9.1.0' });
    expect(JSON.parse(text(assembled, 'releases/start.json'))).toEqual({ version: '9.1.0', runtime: null });
    expect(JSON.parse(text(assembled, 'releases/9.1.0/release.json'))).toEqual({
      name: 'app',
      version: '9.1.0',
      kind: 'cli',
      environment: 'prod',
      nodeLine: null,
      entries: { app: `${place}/main.js` },
      applications: [],
      vmArgs: [],
      shell: false,
      wrap: {},
      packages: [{ name: 'app', version: '1.0.0', path: place, firstParty: true }],
      notes: ['app 9.1.0 from package.json: main → main.js'],
    });
    expect(JSON.parse(text(assembled, 'package.json'))).toEqual({ private: true, type: 'commonjs' });
    expect(assembled).toMatchObject({ files: 6, entries: { app: `${place}/main.js` }, warnings: [] });
  });

  test('has the same bytes wherever the project lies', async () => {
    const files = { 'package.json': manifest, 'main.js': 'console.log(1)', 'a/b.txt': 'b' };
    const [one, other] = [await release(project(files)), await release(project(files))];
    expect(filesOf(one.path)).toEqual(filesOf(other.path));
    for (const file of filesOf(one.path)) expect(text(one, file)).toBe(text(other, file));
  });

  test('replaces an earlier one, never anything else', async () => {
    const root = project({ 'package.json': manifest, 'main.js': '', 'old.txt': '' });
    expect((await release(root)).notices).toEqual([]);
    const events: string[] = [];
    const loaded = await loadRelease({ project: root });
    await assemble(loaded, ({ message }) => events.push(message));
    expect(events).toEqual([`replaced ${loaded.path}`]);
    expect(readdirSync(path.dirname(loaded.path))).toEqual(['app']);
    write(root, { 'mine/precious.txt': 'x' });
    await expect(release(root, { releaseDirectory: path.join(root, 'mine') })).rejects.toMatchObject({
      code: 'NOT_A_RELEASE',
    });
    expect(existsSync(path.join(root, 'mine/precious.txt'))).toBe(true);
  });
});

describe('an executable that Sarma made is not packed into the next', () => {
  test.each([
    ['wherever it lies', manifest],
    ['though "files" names its folder', { ...manifest, files: ['dist'] }],
  ])('%s', async (_where, packageJson) => {
    const root = project({ 'package.json': packageJson, 'main.js': '', 'dist/note.txt': 'SARMA-STAMP' });
    const executable = Buffer.alloc(6_000_000);
    executable.write('\x89SARMA-STAMP\r\n\x1a\n', 4096, 'latin1');
    writeFileSync(path.join(root, 'dist/app-from-yesterday'), executable);
    writeFileSync(path.join(root, 'dist/app-from-yesterday.cdx.json'), '{}');
    writeFileSync(path.join(root, 'dist/app.cdx.json'), '{}');
    writeFileSync(path.join(root, 'dist/large.bin'), Buffer.alloc(6_000_000));
    const { path: assembled } = await release(root);
    expect(filesOf(path.join(assembled, place))).toEqual([
      'dist/app.cdx.json',
      'dist/large.bin',
      'dist/note.txt',
      'main.js',
      'package.json',
    ]);
  });
});

describe('without "files"', () => {
  test('everything is taken but version control, caches, outputs, lock files and development dependencies', async () => {
    const root = project({
      'package.json': { ...manifest, devDependencies: { x: '1' } },
      'main.js': '',
      'dist/built.js': '',
      '.gitignore': 'dist',
      '.git/HEAD': '',
      '.cache/x': '',
      'package-lock.json': '{}',
      '.sarma.lock.json.lock': '',
      'node_modules/x/package.json': { name: 'x' },
      'burrito_out/app_linux-x64': '',
      '_build/dev/rel/x': '',
      'tmp.tsbuildinfo': '',
      '.hidden/kept': '',
    });
    const { path: assembled } = await release(root);
    expect(filesOf(path.join(assembled, place))).toEqual([
      '.gitignore',
      '.hidden/kept',
      'dist/built.js',
      'main.js',
      'package.json',
    ]);
  });

  test('.sarmaignore leaves out more, and takes what is private', async () => {
    const root = project({
      'package.json': manifest,
      'main.js': '',
      '.sarmaignore': 'docs/\n*.md\n!data/seed.db\n',
      'docs/a.txt': '',
      'README.md': '',
      'data/seed.db': '',
      'data/live.db': '',
    });
    const assembled = await release(root);
    expect(filesOf(path.join(assembled.path, place))).toEqual(['data/seed.db', 'main.js', 'package.json']);
    expect(assembled.notices).toEqual([expect.stringContaining('data/live.db')]);
  });

  test('an output is never packed into a release, wherever it was written', async () => {
    const root = project({ 'package.json': manifest, 'main.js': '', 'out/app_linux-x64': '', app: '' });
    const folder = await release(root, { output: path.join(root, 'out') });
    expect(filesOf(path.join(folder.path, place))).toEqual(['app', 'main.js', 'package.json']);
    const file = await release(root, { output: path.join(root, 'app') });
    expect(filesOf(path.join(file.path, place))).toEqual(['main.js', 'out/app_linux-x64', 'package.json']);
    const written = ['app_win-x64.exe', 'app_win-x64.cdx.json', 'SHA256SUMS', '.SHA256SUMS.lock'];
    write(root, Object.fromEntries([...written, 'page.html'].map((name) => [`dist/${name}`, ''])));
    const used = await release(root, { output: path.join(root, 'dist') });
    expect(filesOf(path.join(used.path, place)).filter((file) => file.startsWith('dist/'))).toEqual([
      'dist/page.html',
    ]);
    rmSync(path.join(root, 'dist'), { recursive: true });
    const shared = await release(root, { output: root });
    expect(filesOf(path.join(shared.path, place))).toEqual(['main.js', 'out/app_linux-x64', 'package.json']);
  });
});

test('private files are never taken unless named, and are told of', async () => {
  const secret = [
    '.env',
    '.env.production',
    '.npmrc',
    'tls.key',
    'tls.pem',
    'id_rsa',
    'data.sqlite',
    'data.sqlite-wal',
  ];
  const kept = ['.env.example', 'id_map.js', 'environment.js'];
  const root = project({
    'package.json': manifest,
    'main.js': '',
    ...Object.fromEntries([...secret, ...kept].map((name) => [name, 'x'])),
  });
  const assembled = await release(root);
  expect(filesOf(path.join(assembled.path, place))).toEqual([...kept, 'main.js', 'package.json'].sort());
  for (const name of secret) expect(assembled.notices[0]).toContain(name);
  write(root, { 'package.json': { ...manifest, files: ['tls.pem', '*.key'] } });
  expect(filesOf(path.join((await release(root)).path, place))).toEqual([
    'main.js',
    'package.json',
    'tls.pem',
  ]);
});

test('code that names a private file does not bring it', async () => {
  const root = project({
    'package.json': { ...manifest, main: 'main.ts', type: 'module', files: ['main.ts'] },
    'main.ts': `export const key: string = './tls.key'; export const env = './.env'; export * from './x.ts'`,
    'x.ts': '',
    'tls.key': '',
    '.env': '',
  });
  expect(filesOf(path.join((await release(root)).path, place))).toEqual(['main.js', 'package.json', 'x.js']);
});

test('assemblies at the same time leave one whole release and nothing else', async () => {
  const root = project({ 'package.json': manifest, 'main.js': 'console.log(1)' });
  const all = await Promise.all(Array.from({ length: 8 }, () => release(root)));
  expect(run(root, all[0]!)).toBe('1\n');
  expect(readdirSync(path.dirname(all[0]!.path))).toEqual(['app']);
});

test('a workspace that was not built is told of', async () => {
  const root = project({
    'package.json': { ...manifest, workspaces: ['b'], dependencies: { b: '*' } },
    'main.js': '',
    'b/package.json': {
      name: 'b',
      exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
    },
  });
  mkdirSync(path.join(root, 'node_modules'));
  symlinkSync('../b', path.join(root, 'node_modules/b'));
  expect((await release(root)).warnings).toEqual([
    expect.stringMatching(/b .*dist\/index\.js does not exist/),
  ]);
});

test('with "files" what npm would pack is taken, and what the entry needs', async () => {
  const root = project({
    'package.json': { ...manifest, main: './dist/main.js', files: ['dist', '!dist/**/*.map'] },
    'dist/main.js': '',
    'dist/main.js.map': '',
    'src/other.js': "require('./needed.js')",
    'src/needed.js': "console.log('needed')",
    'src/not.js': '',
    'README.md': '',
  });
  const usual = await release(root);
  expect(filesOf(path.join(usual.path, place))).toEqual(['README.md', 'dist/main.js', 'package.json']);
  const other = await release(root, { entry: 'src/other.js' });
  expect(filesOf(path.join(other.path, place))).toContain('src/needed.js');
  expect(filesOf(path.join(other.path, place))).not.toContain('src/not.js');
  expect(run(root, other)).toBe('needed\n');
});

describe('files keep', () => {
  test('their execute bit, and no other mode', async () => {
    const root = project({
      'package.json': manifest,
      'main.js': '',
      'run.sh': '#!/bin/sh\n',
      'closed.txt': '',
    });
    chmodSync(path.join(root, 'run.sh'), 0o700);
    chmodSync(path.join(root, 'closed.txt'), 0o600);
    const assembled = await release(root);
    const modeOf = (name: string) => statSync(path.join(assembled.path, place, name)).mode & 0o777;
    expect([modeOf('run.sh'), modeOf('closed.txt')]).toEqual([0o755, 0o644]);
  });

  test('their links inside; what lies outside is copied, dead links are left out', async () => {
    const root = project({ 'package.json': manifest, 'main.js': '', 'data/a.txt': 'a', '.env': 'SECRET' });
    mkdirSync(path.join(root, '../outside'));
    writeFileSync(path.join(root, '../outside/o.txt'), 'o');
    symlinkSync('data', path.join(root, 'folder'));
    symlinkSync(path.join(root, 'data/a.txt'), path.join(root, 'absolute'));
    symlinkSync('../outside', path.join(root, 'out'));
    symlinkSync('nowhere', path.join(root, 'dead'));
    symlinkSync('.env', path.join(root, 'settings'));
    symlinkSync('..', path.join(root, 'data/loop'));
    const assembled = await release(root);
    const at = (name: string) => path.join(assembled.path, place, name);
    expect([readlinkSync(at('folder')), readlinkSync(at('absolute'))]).toEqual(['data', 'data/a.txt']);
    expect(text(assembled, `${place}/out/o.txt`)).toBe('o');
    expect(existsSync(at('dead'))).toBe(false);
    expect(existsSync(at('settings'))).toBe(false);
    expect(assembled.warnings).toEqual([expect.stringContaining('settings')]);
  });
});

describe('the type of a package that names none', () => {
  const typeOf = async (files: Record<string, string>) => {
    const root = project({ 'package.json': manifest, ...files });
    const assembled = await release(root);
    return [JSON.parse(text(assembled, `${place}/package.json`)).type, run(root, assembled)];
  };

  test('is that of its files', async () => {
    expect(
      await typeOf({ 'main.js': "// import x\nconsole.log(typeof require, `\nimport y from 'y'`.length)" }),
    ).toEqual(['commonjs', 'function 18\n']);
    expect(
      await typeOf({
        'main.js': "import { x } from './x.js';\nconsole.log(x)",
        'x.js': 'export const x = 1',
      }),
    ).toEqual(['module', '1\n']);
  });

  test('does not depend on files below a package.json of their own', async () => {
    expect(
      await typeOf({
        'main.js': "import('./esm/x.js').then(({ x }) => console.log(typeof require, x))",
        'esm/package.json': '{ "type": "module" }',
        'esm/x.js': 'export const x = 1',
      }),
    ).toEqual(['commonjs', 'function 1\n']);
  });

  test('is left open when they differ, so that Node asks each', async () => {
    expect(
      await typeOf({ 'main.js': "import x from './x.js';\nconsole.log(x)", 'x.js': 'module.exports = 2' }),
    ).toEqual([undefined, '2\n']);
  });
});
