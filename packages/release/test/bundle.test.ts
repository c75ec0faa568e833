import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { install, project, release, run, text, write } from './support/project.ts';

const place = 'lib/app-1.0.0';
const manifest = { name: 'app', version: '1.0.0', type: 'module', bin: './src/cli.ts' };
const code = 'bundle';

test('an entry becomes one file with its dependencies in it, and its assets beside it', async () => {
  const root = project({
    'package.json': { ...manifest, dependencies: { a: '1' } },
    'src/cli.ts': `#!/usr/bin/env node
      import { readFileSync } from 'node:fs';
      import path from 'node:path';
      import { fileURLToPath } from 'node:url';
      import a from 'a';
      import { own } from './deep/own.ts';
      import { deep } from './deep/deep.ts';
      const __dirname = path.dirname(fileURLToPath(import.meta.url));
      console.log(path.basename(__dirname), own);
      console.log(a, deep(), readFileSync(new URL('./asset.txt', import.meta.url), 'utf8'), import.meta.main);`,
    'src/asset.txt': 'asset',
    'src/deep/deep.ts': `import { readFileSync } from 'node:fs'; import path from 'node:path';
      export const deep = (): string => readFileSync(path.join(import.meta.dirname, 'deep.txt'), 'utf8') + import.meta.main;`,
    'src/deep/own.ts': `import path from 'node:path'; import { fileURLToPath } from 'node:url';
      const __dirname = path.dirname(fileURLToPath(import.meta.url)); export const own: string = path.basename(__dirname);`,
    'src/deep/deep.txt': 'deep',
    'node_modules/a/package.json': { name: 'a', version: '1.0.0' },
    'node_modules/a/index.js': `module.exports = require('node:path').basename('/x/a')`,
  });
  const assembled = await release(root, { code });
  expect(run(root, assembled)).toBe('src deep\na deepfalse asset true\n');
  expect(assembled.packages.map((one) => one.name)).toEqual(['app']);
  expect(readdirSync(path.join(assembled.path, place), { recursive: true }).sort()).toEqual(
    ['package.json', 'src', 'src/asset.txt', 'src/cli.js', 'src/deep', 'src/deep/deep.txt'].sort(),
  );
});

test('CommonJS stays CommonJS and the entry is its own main', async () => {
  const root = project({
    'package.json': { ...manifest, type: 'commonjs', bin: './cli.js' },
    'cli.js': `module.exports = 1; const lib = require('./lib/lib.js'); if (require.main === module) console.log('main', lib, __filename.endsWith('cli.js'))`,
    'lib/lib.js': `module.exports = [require.main === module, require('node:path').basename(__dirname), require('./x.json').x]`,
    'lib/x.json': { x: 1 },
  });
  expect(run(root, await release(root, { code }))).toBe("main [ false, 'lib', 1 ] true\n");
});

test('a strict CommonJS bundle stays strict, though something is put before its code', async () => {
  const root = project({
    'package.json': { ...manifest, type: 'commonjs', bin: './cli.js' },
    'cli.js': `#!/usr/bin/env node
      'use strict'; const lib = require('./lib/lib.js'); console.log(lib, (function () { return this === undefined; })());`,
    'lib/lib.js': `module.exports = require('node:path').basename(__dirname);`,
  });
  expect(run(root, await release(root, { code }))).toBe('lib true\n');
});

test('what cannot be bundled stays beside the bundle, with all it depends on, and no package is there twice', async () => {
  const third = (name: string, index: string, dependencies = {}) => ({
    [`node_modules/${name}/package.json`]: { name, version: '1.0.0', dependencies },
    [`node_modules/${name}/index.js`]: index,
  });
  const root = project({
    'package.json': {
      ...manifest,
      dependencies: { inside: '1', files: '1', computed: '1', native: '1', shared: '1' },
    },
    'src/cli.ts': `import inside from 'inside'; import files from 'files'; import computed from 'computed'; import native from 'native'; import shared from 'shared';
      console.log(inside, files.text, computed('node:path').sep, native, files.shared === shared);`,
    ...third('inside', `module.exports = 'inside'`),
    ...third(
      'files',
      `exports.text = require('fs').readFileSync(__dirname + '/t.txt', 'utf8'); exports.shared = require('shared')`,
      { shared: '1' },
    ),
    'node_modules/files/t.txt': 'text',
    ...third('computed', `module.exports = (name) => require(name)`),
    ...third('native', `module.exports = 'native'`),
    'node_modules/native/prebuilds/linux-x64/native.node': '',
    ...third('shared', `module.exports = { shared: true }`),
  });
  const assembled = await release(root, { code });
  expect(run(root, assembled)).toBe('inside text / native true\n');
  expect(assembled.packages.map((one) => one.name)).toEqual(['app', 'computed', 'files', 'native', 'shared']);
  expect(assembled.notices[0]).toMatch(
    /computed \(.*computes\), files \(.*files beside itself\), native \(.*native addon\)/,
  );
});

test('two versions of what stays outside are both found', async () => {
  const root = project({
    'package.json': { ...manifest, dependencies: { x: '2', user: '1' } },
    'src/cli.ts': `import x from 'x'; import user from 'user'; console.log(x, user)`,
    'node_modules/x/package.json': { name: 'x', version: '2.0.0' },
    'node_modules/x/index.js': `module.exports = require('path').basename(__dirname) + 2`,
    'node_modules/user/package.json': { name: 'user', version: '1.0.0', dependencies: { x: '1' } },
    'node_modules/user/index.js': `module.exports = require('x')`,
    'node_modules/user/node_modules/x/package.json': { name: 'x', version: '1.0.0' },
    'node_modules/user/node_modules/x/index.js': `module.exports = require('path').basename(__dirname) + 1`,
  });
  expect(run(root, await release(root, { code }))).toBe('x2 x1\n');
});

test('workers and forks are bundled at their own places', async () => {
  const root = project({
    'package.json': manifest,
    'src/cli.ts': `import { once } from 'node:events'; import { fork } from 'node:child_process'; import path from 'node:path';
      import { Worker } from 'node:worker_threads';
      const [w] = await once(new Worker(new URL('./jobs/worker.ts', import.meta.url)), 'message');
      const [f] = await once(fork(path.join(import.meta.dirname, 'jobs', 'child.ts')), 'message');
      const [g] = await once(fork(new URL('./jobs/child.ts', import.meta.url).pathname), 'message');
      console.log(w, f, g);`,
    'src/jobs/worker.ts': `import { parentPort } from 'node:worker_threads'; import { say } from './say.ts'; parentPort!.postMessage(say('worker'));`,
    'src/jobs/child.ts': `import { say } from './say.ts'; process.send!(say('child'));`,
    'src/jobs/say.ts': `export const say = (what: string): string => 'said ' + what;`,
  });
  const assembled = await release(root, { code });
  expect(run(root, assembled)).toBe('said worker said child said child\n');
  expect(existsSync(path.join(assembled.path, place, 'src/jobs/say.js'))).toBe(false);
});

test('an entry without extension has the type of the nearest package.json', async () => {
  const root = project({
    'package.json': { ...manifest, bin: 'bin/app' },
    'bin/package.json': { type: 'commonjs' },
    'bin/app': `#!/usr/bin/env node\nconsole.log(require('./x.js'))`,
    'bin/x.js': `module.exports = typeof module`,
  });
  for (const mode of ['copy', 'bundle'] as const)
    expect(run(root, await release(root, { code: mode }))).toBe('object\n');
});

test('workspace packages are bundled, and their assets found', async () => {
  const root = project({
    'package.json': { private: true, workspaces: ['packages/*'] },
    'packages/a/package.json': { ...manifest, dependencies: { b: '1.0.0' } },
    'packages/a/src/cli.ts': `import { b } from 'b'; console.log(b);`,
    'packages/b/package.json': { name: 'b', version: '1.0.0', type: 'module', exports: './src/index.ts' },
    'packages/b/src/index.ts': `import { readFileSync } from 'node:fs'; export const b: string = readFileSync(new URL('../b.txt', import.meta.url), 'utf8')`,
    'packages/b/b.txt': 'from b',
  });
  install(root, 'npm');
  expect(run(root, await release(path.join(root, 'packages/a'), { code }))).toBe('from b\n');
});

test('what the code may load unseen, and what fails, is told', async () => {
  const root = project({
    'package.json': manifest,
    'src/cli.ts': `const name: string = process.argv[2] ?? 'node:path'; await import(name); console.log('ran')`,
  });
  const assembled = await release(root, { code });
  expect(assembled.warnings).toEqual([expect.stringMatching(/names that are computed.*src\/cli\.ts/)]);
  expect(run(root, assembled)).toBe('ran\n');
  write(root, { 'src/cli.ts': `import './gone.ts';\nimport x from './cli.ts'; export const = 1` });
  await expect(release(root, { code })).rejects.toMatchObject({ code: 'TRANSPILE_FAILED' });
});

test('a real program with real dependencies', async () => {
  const root = project({
    'package.json': {
      ...manifest,
      type: undefined,
      bin: './cli.js',
      dependencies: { chalk: '5.4.1', commander: '13.1.0', semver: '7.6.3' },
    },
    'cli.js': `const { Command } = require('commander'); const semver = require('semver'); const { default: chalk } = require('chalk');
      const program = new Command('app').argument('[v]', 'version', '1.2.3').action((v) => console.log(chalk.level, semver.inc(v, 'minor'))); program.parse();`,
  });
  install(root, 'npm');
  const assembled = await release(root, { code });
  expect(run(root, assembled)).toBe('0 1.3.0\n');
  expect(text(assembled, `${place}/cli.js`).length).toBeGreaterThan(50_000);
});
