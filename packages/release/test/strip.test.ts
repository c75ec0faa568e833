import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { project, release, run } from './support/project.ts';

type Files = Readonly<Record<string, string | object>>;

/** A project that depends on packages, each with a `package.json` and a licence unless it brings its own. */
function projectWith(packages: Readonly<Record<string, Files>>, files: Files = {}): string {
  const own = Object.entries(packages).flatMap(([name, inside]) =>
    Object.entries({ 'package.json': { name, version: '1.0.0' }, LICENSE: 'terms', ...inside }).map(
      ([file, content]) => [`node_modules/${name}/${file}`, content],
    ),
  );
  const dependencies = Object.fromEntries(Object.keys(packages).map((name) => [name, '1.0.0']));
  return project({
    'package.json': { name: 'app', version: '1.0.0', main: 'main.js', dependencies },
    'main.js': '',
    ...files,
    ...Object.fromEntries(own),
  });
}

/** Which of these are left out of `node_modules`. */
async function leftOut(root: string, files: readonly string[]): Promise<readonly string[]> {
  const { path: directory } = await release(root);
  return files.filter((file) => !existsSync(path.join(directory, 'lib/app-1.0.0/node_modules', file)));
}

const FULL = {
  'index.js': "module.exports = 'runs'\n//# sourceMappingURL=index.js.map",
  'index.js.map': 'm'.repeat(200_000),
  'index.d.ts': 'd'.repeat(1500),
  'index.d.ts.map': '{}',
  'lib/inner.d.mts': 'export {}',
  'README.md': 'r'.repeat(700),
  'CHANGELOG.md': '',
  'docs/guide.md': '',
  'test/index.test.js': 't'.repeat(400),
  'examples/simple.js': '',
  'benchmark/run.js': '',
  'data.map': 'no source map',
  'lib/readme.md': 'of nobody knows what',
  'lib/docs/index.js': '',
  'lib/test/parse.js': '',
  'history.js': '',
};
const DISPENSABLE = [
  'index.js.map',
  'index.d.ts',
  'index.d.ts.map',
  'lib/inner.d.mts',
  'README.md',
  'CHANGELOG.md',
  'docs/guide.md',
  'test/index.test.js',
  'examples/simple.js',
  'benchmark/run.js',
];
const names = (one: string, files: readonly string[]) => files.map((file) => `${one}/${file}`);

describe('of the packages of others', () => {
  test('tests, examples, documentation, type declarations and source maps are left out, and nothing else', async () => {
    const root = projectWith({ full: FULL }, { 'main.js': "console.log(require('full'))" });
    const all = names('full', [...Object.keys(FULL), 'LICENSE', 'package.json']);
    expect(await leftOut(root, all)).toEqual(names('full', DISPENSABLE));
    const assembled = await release(root);
    expect(run(root, assembled)).toBe('runs\n');
    expect(assembled.notices).toContainEqual(
      'left out of packages: 10 files, 0.2 MB (source maps 0.2 MB, type declarations 1.5 kB, documentation 0.7 kB, tests and examples 0.4 kB); strip: false keeps them',
    );
  });

  test('everything stays with strip: false, and what is named with strip.keep', async () => {
    const files = names('full', Object.keys(FULL));
    const all = projectWith({ full: FULL }, { 'sarma.config.json': { strip: false } });
    expect(await leftOut(all, files)).toEqual([]);
    const keep = ['full/docs', '*.map', 'lib/app-1.0.0/node_modules/full/README.md'];
    const some = projectWith({ full: FULL }, { 'sarma.config.json': { strip: { keep } } });
    const kept = ['index.js.map', 'index.d.ts.map', 'README.md', 'docs/guide.md'];
    const gone = DISPENSABLE.filter((file) => !kept.includes(file));
    expect(await leftOut(some, files)).toEqual(names('full', gone));
  });

  test('more goes where strip.also names it', async () => {
    const root = projectWith({ full: FULL }, { 'sarma.config.json': { strip: { also: ['full/lib'] } } });
    expect(
      await leftOut(root, ['full/lib/inner.d.mts', 'full/lib/test/parse.js', 'full/history.js']),
    ).toEqual(['full/lib/inner.d.mts', 'full/lib/test/parse.js']);
  });

  test('a pattern that fits no file of a package is named', async () => {
    const strip = { keep: ['full/docs', 'ful/docs', '!*.mb'], also: ['*.exe'] };
    const { warnings } = await release(projectWith({ full: FULL }, { 'sarma.config.json': { strip } }));
    expect(warnings).toEqual(
      ['ful/docs', '!*.mb', '*.exe'].map(
        (pattern) => `strip: no file of a package fits "${pattern}", which changes nothing`,
      ),
    );
  });

  test('strip.keep wins over strip.also, an exception in either is one, and licences stay', async () => {
    const files = { 'a.bin': '', 'b.bin': '', 'docs/a.md': '', 'docs/b.md': '' };
    const keep = ['full/a.bin', '*.md', '!full/docs/b.md'];
    const root = projectWith(
      { full: files },
      { 'sarma.config.json': { strip: { keep, also: ['*.bin', 'LICENSE'] } } },
    );
    const all = names('full', [...Object.keys(files), 'LICENSE']);
    expect(await leftOut(root, all)).toEqual(['full/b.bin', 'full/docs/b.md']);
  });

  test('a wrong setting is named', async () => {
    const wrong = projectWith({}, { 'sarma.config.json': { strip: { keeps: [] } } });
    await expect(release(wrong)).rejects.toThrow(/strip.*did you mean "keep"/s);
  });

  test('the licence stays, in a README where there is no other', async () => {
    const files = {
      'docs/LICENSE.md': '',
      'test/NOTICE': '',
      'docs/a.md': '',
      'THIRD-PARTY.txt': '',
      'README.md': '',
    };
    const terms = { name: 'told', license: 'SEE LICENSE IN README.md' };
    const root = projectWith({ full: files, told: { ...files, 'package.json': terms } });
    expect(await leftOut(root, [...names('full', Object.keys(files)), 'told/README.md'])).toEqual([
      'full/docs/a.md',
      'full/README.md',
    ]);
    const bare = project({
      'package.json': { name: 'app', version: '1.0.0', main: 'main.js', dependencies: { bare: '*' } },
      'main.js': '',
      'node_modules/bare/package.json': { name: 'bare', version: '1.0.0' },
      'node_modules/bare/README.md': 'MIT',
    });
    expect(await leftOut(bare, ['bare/README.md'])).toEqual([]);
    const people = { LICENSE: '', AUTHORS: '', NOTICE: '', 'license-check.js': '', 'README.md': 'MIT' };
    const { LICENSE: _, ...unlicensed } = people;
    const credited = project({
      'package.json': { name: 'app', version: '1.0.0', main: 'main.js', dependencies: { credited: '*' } },
      'main.js': '',
      'node_modules/credited/package.json': { name: 'credited', version: '1.0.0' },
      ...Object.fromEntries(
        Object.entries(unlicensed).map(([file, text]) => [`node_modules/credited/${file}`, text]),
      ),
    });
    expect(await leftOut(credited, ['credited/README.md'])).toEqual([]);
  });
});

describe('what something needs stays', () => {
  test('a README, a folder of tests and declarations that the code of their package reads', async () => {
    const root = projectWith(
      {
        reads: {
          'index.js': `const { readFileSync } = require('fs'), { join } = require('path');
module.exports = [readFileSync(join(__dirname, 'README.md'), 'utf8'), require('./test/helper'),
  readFileSync(\`\${__dirname}/lib/types.d.ts\`, 'utf8'), readFileSync(join(__dirname, 'docs', 'help.txt'), 'utf8')].join();`,
          'README.md': 'readme',
          'CHANGELOG.md': '',
          'test/helper.js': "module.exports = require('../examples/one')",
          'examples/one.js': "module.exports = 'example'",
          'benchmark/run.js': '',
          'lib/types.d.ts': 'types',
          'docs/help.txt': 'help',
        },
      },
      { 'main.js': "console.log(require('reads'))" },
    );
    expect(run(root, await release(root))).toBe('readme,example,types,help\n');
    expect(await leftOut(root, ['reads/CHANGELOG.md', 'reads/benchmark/run.js'])).toHaveLength(2);
  });

  test('what another package or the project imports of it', async () => {
    const root = projectWith(
      {
        suite: { 'test/index.js': "module.exports = 'suite'", 'examples/a.js': "module.exports = 'a'" },
        '@it/uses': { 'index.js': "module.exports = require('suite/test')" },
      },
      { 'main.js': "console.log(require('@it/uses'), require('suite/examples/a.js'))" },
    );
    expect(run(root, await release(root))).toBe('suite a\n');
  });

  test('what package.json names as code, be it in a folder of tests', async () => {
    const named = {
      name: 'named',
      version: '1.0.0',
      main: './test/main.js',
      exports: { '.': './test/main.js' },
    };
    const root = projectWith(
      { named: { 'package.json': named, 'test/main.js': "module.exports = 'main'" } },
      { 'main.js': "console.log(require('named'))" },
    );
    expect(run(root, await release(root))).toBe('main\n');
  });

  test('what Node begins with, and what that requires', async () => {
    const root = projectWith(
      { served: { 'examples/server.js': "require('./app.js')", 'examples/app.js': "console.log('served')" } },
      { 'sarma.config.json': { entry: 'node_modules/served/examples/server.js' } },
    );
    const assembled = await release(root);
    expect(run(root, assembled)).toBe('served\n');
  });

  test('what the main file names, be it called as the configuration of a tool is', async () => {
    const root = projectWith({
      ruled: {
        'package.json': {
          name: 'ruled',
          version: '1.0.0',
          main: 'index.config.js',
          exports: './index.config.js',
        },
        'index.config.js': "require('./test/rules')",
        'test/rules.js': '',
      },
      careless: {
        'index.js': '',
        'jest.config.js': "module.exports = ['./test/rules']",
        'test/rules.js': '',
      },
    });
    expect(await leftOut(root, ['ruled/test/rules.js', 'careless/test/rules.js'])).toEqual([
      'careless/test/rules.js',
    ]);
  });

  test('what JSON names: of the package, of the project, and package.json in fields that others read', async () => {
    const files = {
      'docs/api.yaml': '',
      'test/reporter.js': '',
      'examples/run': '',
      'bench/commands.js': '',
    };
    const named = {
      'package.json': {
        name: 'named',
        version: '1.0.0',
        keywords: ['test'],
        scripts: { test: './test/reporter.js' },
        files: ['test/'],
        directories: { bin: 'examples', test: 'test' },
        oclif: { commands: './bench/commands' },
      },
      'conf.json': { api: 'docs/api.yaml' },
    };
    const root = projectWith(
      {
        named: { ...files, ...named },
        other: files,
        tsconfigured: { ...files, 'tsconfig.json': ['test/x'] },
      },
      { 'reporters.json': ['other/test/reporter'] },
    );
    const all = ['named', 'other', 'tsconfigured'].flatMap((name) => names(name, Object.keys(files)));
    expect(await leftOut(root, all)).toEqual([
      'named/test/reporter.js',
      ...names('other', ['docs/api.yaml', 'examples/run', 'bench/commands.js']),
      ...names('tsconfigured', Object.keys(files)),
    ]);
  });

  test.each([
    ["join(__dirname, '.github')", '.github/a.txt'],
    ["new URL('docs', import.meta.url)", 'docs/a.txt'],
    ["root + 'docs\\\\a.txt'", 'docs/a.txt'],
  ])('a folder that code names by %s', async (code, file) => {
    const root = projectWith({ coded: { 'index.mjs': code, [file]: '' }, other: { [file]: '' } });
    expect(await leftOut(root, [`coded/${file}`, `other/${file}`])).toEqual([`other/${file}`]);
  });

  test('type declarations where a compiler comes along', async () => {
    const types = { 'index.d.ts': '', 'README.md': '' };
    const root = projectWith({ compiler: { 'lib/lib.es5.d.ts': '' }, '@types/thing': types });
    const files = ['compiler/lib/lib.es5.d.ts', '@types/thing/index.d.ts', '@types/thing/README.md'];
    expect(await leftOut(root, files)).toEqual(['@types/thing/README.md']);
  });

  test('source maps where Node is told to read them', async () => {
    const files = ['full/index.js.map', 'full/index.d.ts'];
    const flag = { 'vm.args': '--enable-source-maps\n', 'sarma.config.json': { vmArgs: 'vm.args' } };
    expect(await leftOut(projectWith({ full: FULL }, flag), files)).toEqual(['full/index.d.ts']);
    const call = { 'main.js': 'process.setSourceMapsEnabled(true)' };
    expect(await leftOut(projectWith({ full: FULL }, call), files)).toEqual(['full/index.d.ts']);
  });

  test('templates that are handed on as they are', async () => {
    const files = { 'template-vue/README.md': '', 'template-vue/env.d.ts': '', 'test/a.js': '' };
    const root = projectWith({ maker: files, 'create-thing': files });
    const all = ['maker', 'create-thing'].flatMap((name) => names(name, Object.keys(files)));
    expect(await leftOut(root, all)).toEqual(['maker/test/a.js']);
  });

  test('a package that is bundled in another has its own tests left out', async () => {
    const root = projectWith({
      whole: {
        'package.json': { name: 'whole', version: '1.0.0', bundleDependencies: ['part'] },
        'node_modules/part/package.json': { name: 'part' },
        'node_modules/part/index.js': '',
        'node_modules/part/test/a.js': '',
      },
    });
    const inside = 'whole/node_modules/part';
    expect(await leftOut(root, [`${inside}/index.js`, `${inside}/test/a.js`])).toEqual([
      `${inside}/test/a.js`,
    ]);
  });

  test("the project's own files", async () => {
    const own = ['test/a.js', 'docs/b.md', 'README.md', 'types.d.ts', 'main.js.map'];
    const root = projectWith({}, Object.fromEntries(own.map((file) => [file, ''])));
    const { path: directory } = await release(root);
    expect(own.filter((file) => !existsSync(path.join(directory, 'lib/app-1.0.0', file)))).toEqual([]);
  });
});

describe('packages that lie elsewhere', () => {
  test('links to what was left out go, and are named', async () => {
    const root = projectWith({ linked: { 'docs/a.md': '', 'index.js': '' } });
    symlinkSync('docs/a.md', path.join(root, 'node_modules/linked/help'));
    const { path: directory, warnings } = await release(root);
    expect(existsSync(path.join(directory, 'lib/app-1.0.0/node_modules/linked/docs'))).toBe(false);
    expect(
      lstatSync(path.join(directory, 'lib/app-1.0.0/node_modules/linked/help'), { throwIfNoEntry: false }),
    ).toBeUndefined();
    expect(warnings).toContainEqual(expect.stringMatching(/linked\/help links to something that is not in/));
  });

  test("a workspace's own files stay, and those of its dependencies go", async () => {
    const root = project({
      'package.json': {
        name: 'app',
        version: '1.0.0',
        main: 'main.js',
        workspaces: ['member'],
        dependencies: { member: '*' },
      },
      'main.js': '',
      'member/package.json': { name: 'member', version: '2.0.0', dependencies: { '@it/full': '*' } },
      'member/test/a.js': '',
      'member/node_modules/@it/full/package.json': { name: '@it/full', version: '1.0.0' },
      'member/node_modules/@it/full/test/a.js': '',
      'member/node_modules/@it/full/index.js': '',
    });
    mkdirSync(path.join(root, 'node_modules'), { recursive: true });
    symlinkSync('../member', path.join(root, 'node_modules/member'));
    const { path: directory } = await release(root);
    const isThere = (file: string) => existsSync(path.join(directory, 'lib/member-2.0.0', file));
    expect(isThere('test/a.js')).toBe(true);
    expect(isThere('node_modules/@it/full/index.js')).toBe(true);
    expect(isThere('node_modules/@it/full/test')).toBe(false);
  });

  test('in a store of pnpm, under another name', async () => {
    const root = project({
      'package.json': {
        name: 'app',
        version: '1.0.0',
        main: 'main.js',
        dependencies: { alias: 'npm:full@1' },
      },
      'main.js': "console.log(require('alias'))",
      'node_modules/.pnpm/full@1.0.0/node_modules/full/package.json': { name: 'full', version: '1.0.0' },
      'node_modules/.pnpm/full@1.0.0/node_modules/full/index.js': "module.exports = 'aliased'",
      'node_modules/.pnpm/full@1.0.0/node_modules/full/test/a.js': '',
    });
    symlinkSync('.pnpm/full@1.0.0/node_modules/full', path.join(root, 'node_modules/alias'));
    const assembled = await release(root);
    expect(run(root, assembled)).toBe('aliased\n');
    const alias = path.join(assembled.path, 'lib/app-1.0.0/node_modules/alias');
    expect(readdirSync(alias).sort()).toEqual(['index.js', 'package.json']);
  });

  test('in a release of links', async () => {
    const root = projectWith({ full: FULL }, { 'sarma.config.json': { devMode: true } });
    expect(await leftOut(root, names('full', Object.keys(FULL)))).toEqual(names('full', DISPENSABLE));
  });
});
