import { existsSync } from 'node:fs';
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
  'index.js.map': '{}',
  'index.d.ts': 'export {}',
  'index.d.ts.map': '{}',
  'lib/inner.d.mts': 'export {}',
  'README.md': '# full',
  'CHANGELOG.md': '',
  'docs/guide.md': '',
  'test/index.test.js': '',
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
      'left out of packages: 10 files, 0.0 kB (type declarations 0.0 kB, documentation 0.0 kB, source maps 0.0 kB, tests and examples 0.0 kB); strip: false keeps them',
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
