import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { project, release, run, text, write } from './support/project.ts';

const place = 'lib/app-1.0.0';
const manifest = { name: 'app', version: '1.0.0', type: 'module', bin: { app: './src/cli.ts' } };

describe('TypeScript is transpiled file by file to its own place', () => {
  test('with enums, parameter properties and types gone', async () => {
    const root = project({
      'package.json': manifest,
      'src/cli.ts': `#!/usr/bin/env node
        import { Level, type Name } from './level.ts';
        class Point { constructor(private x: number) {} get(): number { return this.x } }
        const name: Name = 'n';
        console.log(Level.High, new Point(4).get(), Point.name, name, import.meta.main);`,
      'src/level.ts': `export enum Level { Low, High = 7 } export type Name = string;`,
      'src/types.d.ts': 'declare const x: 1;',
    });
    const assembled = await release(root);
    expect(assembled.entries).toEqual({ app: `${place}/src/cli.js` });
    expect(run(root, assembled)).toBe('7 4 Point n true\n');
    expect(assembled.warnings).toEqual([]);
    expect(text(assembled, `${place}/src/cli.js`)).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(text(assembled, `${place}/src/cli.js`)).not.toContain('sourceMappingURL');
    for (const gone of ['src/cli.ts', 'src/level.ts', 'src/types.d.ts']) {
      expect(existsSync(path.join(assembled.path, place, gone))).toBe(false);
    }
  });

  test('every way to name a source file leads to what it became', async () => {
    const root = project({
      'package.json': {
        ...manifest,
        imports: { '#inner': './src/inner.ts', '#all/*': './src/all/*.ts' },
        exports: { '.': { types: './src/types.d.ts', default: './src/self.ts' } },
      },
      'tsconfig.json': '{ "extends": "./base.json" /* a comment */ }',
      'base.json': { compilerOptions: { paths: { '@/*': ['./src/all/*'], config: ['./src/inner'] } } },
      'src/cli.ts': `
        import { fork } from 'node:child_process';
        import path from 'node:path';
        import { once } from 'node:events';
        import { Worker } from 'node:worker_threads';
        import { createRequire } from 'node:module';
        import a from './all/a.ts';
        import b from './all/b.js';
        import c from './all/c';
        import folder from './folder';
        import alias from '@/a';
        import inner from '#inner';
        import all from '#all/b';
        import plain from 'config';
        import self from 'app';
        import data from './data.json';
        import given from './data.json' with { type: 'json' };
        export * from './all/a.ts';
        const name: string = 'a';
        const dynamic = await import('./all/c.tsx');
        const computed = await import(\`./all/\${name}.ts\`);
        const required = createRequire(import.meta.url)('./old.cts');
        console.log(a, b, c, folder, alias, inner, all, plain, self, data.x, given.x, dynamic.default, computed.default, required);
        console.log(import.meta.resolve('./all/a.ts').endsWith('/src/all/a.js'));
        const [fromWorker] = await once(new Worker(new URL('./worker.ts', import.meta.url)), 'message');
        const [fromFork] = await once(fork(path.join(import.meta.dirname, 'jobs', 'child.ts')), 'message');
        console.log(fromWorker, fromFork);`,
      'src/all/a.ts': `export default 'a' as string;`,
      'src/all/b.ts': `export default 'b' as string;`,
      'src/all/c.tsx': `export default 'c' as string;`,
      'src/folder/index.ts': `export default 'folder' as string;`,
      'src/inner.ts': `export default 'inner' as string;`,
      'src/self.ts': `export default 'self' as string;`,
      'src/data.json': { x: 'json' },
      'src/old.cts': `import path = require('node:path'); export = path.basename('/x/cts') as string;`,
      'src/worker.ts': `import { parentPort } from 'node:worker_threads'; parentPort!.postMessage('worker' as string);`,
      'src/jobs/child.ts': `process.send!('child' as string);`,
    });
    const assembled = await release(root);
    expect(run(root, assembled)).toBe(
      'a b c folder a inner b inner self json json c a cts\ntrue\nworker child\n',
    );
    expect(assembled.warnings).toEqual([]);
    const { bin, imports, exports } = JSON.parse(text(assembled, `${place}/package.json`));
    expect({ bin, imports, exports }).toEqual({
      bin: { app: './src/cli.js' },
      imports: { '#inner': './src/inner.js', '#all/*': './src/all/*.js' },
      exports: { '.': { types: './src/types.d.ts', default: './src/self.js' } },
    });
  });

  test('what cannot be rewritten is named', async () => {
    const root = project({
      'package.json': manifest,
      'src/cli.ts': `const file: string = process.argv[2] ?? 'node:path'; await import(file); console.log('./src/other.ts');`,
      'src/other.ts': '',
    });
    const { warnings } = await release(root);
    expect(warnings).toEqual([
      expect.stringContaining('src/cli.ts: import(file) stays as it is'),
      expect.stringContaining('src/cli.ts: "./src/other.ts" stays as it is'),
    ]);
  });

  test('workspace packages too, and the links to them hold', async () => {
    const root = project({
      'package.json': { private: true, workspaces: ['packages/*'] },
      'packages/a/package.json': { ...manifest, dependencies: { b: '*' } },
      'packages/a/src/cli.ts': `import { b, E } from 'b'; import { deep } from 'b/deep'; console.log(b, E.X, deep);`,
      'packages/b/package.json': {
        name: 'b',
        version: '1.0.0',
        type: 'module',
        exports: { '.': './src/index.ts', './deep': './src/deep.ts' },
      },
      'packages/b/src/index.ts': `export * from './deep.ts'; export const b: string = 'b'; export enum E { X = 3 }`,
      'packages/b/src/deep.ts': `export const deep: string = 'deep';`,
    });
    mkdirSync(path.join(root, 'node_modules'));
    symlinkSync('../packages/b', path.join(root, 'node_modules/b'));
    expect(run(root, await release(path.join(root, 'packages/a')))).toBe('b 3 deep\n');
    // Read by both, and told once.
    write(root, { 'tsconfig.json': '{ "extends": "./missing.json" }' });
    const { warnings } = await release(path.join(root, 'packages/a'));
    expect(warnings).toEqual([expect.stringMatching(/^tsconfig\.json was not read: .*missing\.json/)]);
  });
});

describe('a package.json without a type', () => {
  const typed = async (files: Record<string, string | object>) => {
    const root = project({ 'package.json': { name: 'app', version: '1.0.0' }, ...files });
    const assembled = await release(root, { entry: 'cli.ts' });
    return [JSON.parse(text(assembled, `${place}/package.json`)).type, run(root, assembled)];
  };

  test('becomes a module when its code is one', async () => {
    expect(
      await typed({ 'cli.ts': `import p from 'node:path'; console.log(await p.sep as string)` }),
    ).toEqual(['module', '/\n']);
  });

  test('becomes CommonJS when tsconfig or its code says so', async () => {
    const tsconfig = { compilerOptions: { module: 'CommonJS' } };
    expect(
      await typed({
        'tsconfig.json': tsconfig,
        'cli.ts': `import { sep } from 'node:path'; console.log(sep as string)`,
      }),
    ).toEqual(['commonjs', '/\n']);
    expect(
      await typed({
        'cli.ts': `import { sep } from 'node:path'; console.log(sep, typeof __dirname as string)`,
      }),
    ).toEqual(['commonjs', '/ string\n']);
  });
});

test('JSX is transpiled as tsconfig says', async () => {
  const root = project({
    'package.json': { ...manifest, bin: './cli.tsx' },
    'tsconfig.json': { compilerOptions: { jsx: 'react', jsxFactory: 'h' } },
    'cli.tsx': `import { View } from './view.jsx'; const h = (name: string) => 'made ' + name; console.log(<b />, View());`,
    'view.jsx': `const h = (name) => name; export const View = () => <i />;`,
  });
  expect(run(root, await release(root))).toBe('made b i\n');
});

test('a project with its own build output is packed with that, its sources as they are', async () => {
  const root = project({
    'package.json': { ...manifest, bin: './dist/cli.js' },
    'dist/cli.js': `import { x } from './x.js'; console.log(x)`,
    'dist/x.js': `export const x = 'built'`,
    'src/cli.ts': 'this is : not % TypeScript',
    'src/x.ts': '',
  });
  const assembled = await release(root);
  expect(run(root, assembled)).toBe('built\n');
  expect(text(assembled, `${place}/src/cli.ts`)).toBe('this is : not % TypeScript');
});

test('JavaScript compiled in place stays the one that runs', async () => {
  const root = project({
    'package.json': { ...manifest, type: 'commonjs', bin: './cli.js' },
    'cli.js': `console.log(require('./x'))`,
    'cli.ts': 'throw 1',
    'x.js': `module.exports = 'javascript'`,
    'x.ts': `export = 'typescript'`,
  });
  expect(run(root, await release(root))).toBe('javascript\n');
});

test('JavaScript that imports TypeScript finds what it became', async () => {
  const root = project({
    'package.json': { ...manifest, bin: './cli.js' },
    'cli.js': `import { x } from './x.ts'; console.log(x)`,
    'x.ts': `export const x: string = 'typescript'`,
  });
  expect(run(root, await release(root))).toBe('typescript\n');
});

test('a source that cannot be transpiled is named with its line', async () => {
  const root = project({ 'package.json': manifest, 'src/cli.ts': 'const x = 1;\nconst = 2;' });
  await expect(release(root)).rejects.toMatchObject({
    code: 'TRANSPILE_FAILED',
    message: expect.stringMatching(/src\/cli\.ts:2:7 cannot be transpiled/),
  });
});

test('a single file takes along what it names', async () => {
  const root = project({
    'tool.ts': `import { x } from './lib/x.js'; import dep from 'dep'; import { readFileSync } from 'node:fs';
      console.log(x as string, dep, readFileSync(new URL('./lib/text.txt', import.meta.url), 'utf8'));`,
    'lib/x.ts': `export const x = 'x'`,
    'lib/text.txt': 'text',
    'unrelated.txt': '',
    'node_modules/dep/package.json': { name: 'dep', version: '1.0.0' },
    'node_modules/dep/index.js': `module.exports = 'dep'`,
  });
  const assembled = await release(path.join(root, 'tool.ts'));
  expect(run(root, assembled)).toBe('x dep text\n');
  expect(existsSync(path.join(assembled.path, 'lib/tool-0.0.0/unrelated.txt'))).toBe(false);
});
