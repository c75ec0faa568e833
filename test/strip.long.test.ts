// What a release leaves out of packages changes nothing (docs/release.md, promise P1), seen on finished executables.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { compared } from './support/comparison.ts';
import { onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { run, temporaryDirectory } from './support/run.ts';

describe('packages that look as if they could do without', () => {
  const { same, env } = compared(() =>
    // Not by `dependencies`, which npm would want to install.
    makeProgram(
      {
        name: 'dangerous',
        bin: 'main.cjs',
        optionalDependencies: { reads: '*', suite: '*', 'create-page': '*' },
      },
      {
        'main.cjs': `const { cpSync, readdirSync } = require('fs');
console.log(require('reads'), require('suite'));
cpSync(require('create-page'), process.argv[2], { recursive: true });
console.log(readdirSync(process.argv[2]).join());`,
        'node_modules/reads/package.json': '{ "name": "reads", "license": "MIT" }',
        'node_modules/reads/LICENSE': 'terms',
        'node_modules/reads/index.js': `const { readFileSync } = require('fs');
module.exports = readFileSync(require('path').join(__dirname, 'README.md'), 'utf8');`,
        'node_modules/reads/README.md': 'help to be printed',
        'node_modules/reads/HISTORY.md': 'read by nobody',
        'node_modules/suite/package.json': '{ "name": "suite", "main": "lib/index.js" }',
        'node_modules/suite/lib/index.js': "module.exports = require('../test/parse') + require('./docs')",
        'node_modules/suite/lib/docs/index.js': "module.exports = ' and its docs'",
        'node_modules/suite/test/parse.js': "module.exports = 'a parser of tests'",
        'node_modules/suite/examples/a.js': 'run by nobody',
        'node_modules/create-page/package.json': '{ "name": "create-page", "main": "index.cjs" }',
        'node_modules/create-page/index.cjs': "module.exports = require('path').join(__dirname, 'template')",
        'node_modules/create-page/template/README.md': 'of the page',
        'node_modules/create-page/template/env.d.ts': '',
      },
    ),
  );

  test('run, with what they read and without what nobody reads', async () => {
    const page = path.join(await temporaryDirectory(), 'page');
    const { stdout, exitCode } = await same([page]);
    expect(stdout).toBe('help to be printed a parser of tests and its docs\nREADME.md,env.d.ts\n');
    expect(exitCode).toBe(0);
    const { release } = await onlyInstall(env().SARMA_CACHE_DIR!);
    const modules = path.join(release, 'lib/dangerous-1.0.0/node_modules');
    expect((await readdir(path.join(modules, 'reads'))).sort()).toEqual([
      'LICENSE',
      'README.md',
      'index.js',
      'package.json',
    ]);
    expect((await readdir(path.join(modules, 'suite'))).sort()).toEqual(['lib', 'package.json', 'test']);
  });
});

describe('claude-code', () => {
  const { same, env } = compared(() =>
    makeProgram({
      name: 'claude',
      bin: 'node_modules/@anthropic-ai/claude-code/cli.js',
      dependencies: { '@anthropic-ai/claude-code': '1.0.100' },
    }),
  );

  test('has the ripgrep of its target, ready to be executed, and no other', {
    timeout: 300_000,
  }, async () => {
    // Two at once take its settings away from each other for a moment, and it says so.
    const options = { env: { HOME: await temporaryDirectory() } };
    expect((await same(['--version'], options)).stdout).toBe('1.0.100 (Claude Code)\n');
    expect((await same(['--help'], options)).stdout).toContain('Usage: claude');
    const { release } = await onlyInstall(env().SARMA_CACHE_DIR!);
    const ripgrep = path.join(
      release,
      'lib/claude-1.0.0/node_modules/@anthropic-ai/claude-code/vendor/ripgrep',
    );
    const files = await readdir(ripgrep, { recursive: true, withFileTypes: true });
    const names = files.filter((one) => one.isFile()).map(({ name }) => name);
    expect(names.sort()).toEqual(['COPYING', 'rg', 'ripgrep.node']);
    const program = path.join(ripgrep, `${process.arch}-linux/rg`);
    expect((await run(program, ['--version'])).stdout).toMatch(/^ripgrep \d/);
    expect((await stat(program)).mode & 0o777).toBe(0o755);
  });
});
