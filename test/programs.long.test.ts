// Real programs from npm, each beside plain Node (promises P1 and P2).
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { type Comparison, compared } from './support/comparison.ts';
import { makeProgram, writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { temporaryDirectory } from './support/run.ts';

const withoutTimes = (text: string) =>
  text.replace(/\b\d+(\.\d+)? ?(ms|s|KiB)\b/g, 'TIME').replace(/^Time: .*$/gm, 'Time');

/** A directory with these files, in which the program is run. */
async function directoryOf(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await temporaryDirectory();
  await writeFiles(directory, files);
  return directory;
}

/** Names and hashes of what a program wrote. */
async function hashesIn(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const hash = async (file: string) =>
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  return Object.fromEntries(
    await Promise.all(files.sort().map(async (file) => [path.relative(directory, file), await hash(file)])),
  );
}

/** A package's own program, taken by a project that depends on it. */
const packageProgram = (
  name: string,
  version: string,
  bin: string,
  more: Readonly<Record<string, string>> = {},
) =>
  compared(() =>
    makeProgram({
      name: `${name}-user`,
      bin: `node_modules/${bin}`,
      dependencies: { [name]: version, ...more },
    }),
  );

describe('eslint', () => {
  const { same } = packageProgram('eslint', '10.15.0', 'eslint/bin/eslint.js');

  test('lints by the configuration of the working directory', async () => {
    const cwd = await directoryOf({
      'eslint.config.mjs': `export default [{ rules: { eqeqeq: 'error', 'no-unused-vars': 'warn' } }];`,
      'a.js': 'const x = 1;\nif (y == 2) z();\n',
    });
    const { stdout, exitCode } = await same(['--no-color', 'a.js'], { cwd });
    expect(stdout).toMatch(/2:7 +error .*eqeqeq/);
    expect(exitCode).toBe(1);
  });
});

describe('vite', () => {
  const { same } = packageProgram('vite', '8.3.8', 'vite/bin/vite.js');

  test('builds a page', { timeout: 300_000 }, async () => {
    const cwd = await directoryOf({
      'index.html': '<!doctype html><script type="module" src="/main.ts"></script>',
      'main.ts': `import './style.css'; import logo from './logo.svg'; const text: string = logo; document.title = text;`,
      'style.css': 'body { color: red }',
      'logo.svg': `<svg xmlns="http://www.w3.org/2000/svg">${'<g/>'.repeat(2000)}</svg>`,
    });
    const after = async () => await hashesIn(path.join(cwd, 'dist'));
    const { exitCode } = await same(['build', '--logLevel', 'warn'], { cwd, after });
    expect(exitCode).toBe(0);
    expect(Object.keys(await after()).length).toBeGreaterThanOrEqual(4);
  });
});

describe('npm', () => {
  const { same } = packageProgram('npm', '12.2.0', 'npm/bin/npm-cli.js');

  test('tells its version', async () => {
    expect((await same(['--version'])).stdout).toBe('12.2.0\n');
  });

  test('lists what a project has, runs its scripts and packs it', async () => {
    const cwd = await directoryOf({
      'package.json': JSON.stringify({
        ...{ name: 'listed', version: '1.0.0', dependencies: { one: '1.0.0', missing: '*' } },
        scripts: { hello: 'echo hello $npm_lifecycle_event', env: 'node -p process.env.npm_command' },
      }),
      'node_modules/one/package.json': JSON.stringify({ name: 'one', version: '1.0.0' }),
    });
    const normalize = (text: string) => text.replace(/\S*_logs\/\S*/g, 'LOG');
    const { stdout, exitCode } = await same(['ls', '--all'], { cwd, normalize });
    expect(stdout).toContain('one@1.0.0');
    expect(exitCode).toBe(1);
    expect((await same(['run', 'hello', '--silent'], { cwd })).stdout).toBe('hello hello\n');
    expect((await same(['run', 'env', '--silent'], { cwd })).stdout).toBe('run\n');
    expect((await same(['pack', '--dry-run', '--json'], { cwd })).stdout).toContain('listed-1.0.0.tgz');
  });
});

describe('a program that uses esbuild', () => {
  const { same } = compared(() =>
    makeProgram(
      { name: 'esbuild-user', bin: 'main.mjs', dependencies: { esbuild: '0.28.2' } },
      {
        'main.mjs': `
          import { spawnSync } from 'node:child_process';
          import { createRequire } from 'node:module';
          import * as esbuild from 'esbuild';
          console.log((await esbuild.transform('let a: number = 1 + 1', { loader: 'ts', minify: true })).code);
          console.log(esbuild.transformSync('let b = 2n ** 3n', { target: 'es2020' }).code);
          const bin = createRequire(import.meta.url).resolve('esbuild/bin/esbuild');
          console.log(spawnSync(bin, ['--version'], { encoding: 'utf8' }).stdout);
        `,
      },
    ),
  );

  test('finds and executes its helper binary', async () => {
    expect((await same()).stdout).toMatch(/^let a=2;\n[\s\S]*0\.28\.2/);
  });
});

describe('sharp', () => {
  const { same } = compared(() =>
    makeProgram(
      { name: 'sharp-user', bin: 'main.mjs', dependencies: { sharp: '0.35.5' } },
      {
        'main.mjs': `
          import { createHash } from 'node:crypto';
          import sharp from 'sharp';
          const input = await sharp({ create: { width: 64, height: 48, channels: 3, background: '#4080c0' } }).png().toBuffer();
          const { data, info } = await sharp(input).resize(16).rotate(90).jpeg().toBuffer({ resolveWithObject: true });
          console.log(info.format, info.width, info.height, createHash('sha256').update(data).digest('hex'));
          console.log(Object.keys(sharp.versions).length > 5);
        `,
      },
    ),
  );

  test('resizes a picture with its shared libraries', async () => {
    expect((await same()).stdout).toMatch(/^jpeg 12 16 [0-9a-f]{64}\ntrue\n$/);
  });
});

describe('node:sqlite', () => {
  const { same } = compared(() =>
    makeProgram(
      { name: 'sqlite-user', bin: 'main.mjs' },
      {
        'main.mjs': `
          import { DatabaseSync } from 'node:sqlite';
          const database = new DatabaseSync(process.argv[2]);
          database.exec('create table if not exists t (n integer, s text)');
          database.prepare('insert into t values (?, ?)').run(42, 'ü');
          console.log(database.prepare('select n, s from t limit 1').get());
        `,
      },
    ),
  );

  test('keeps a database in memory, and in a file of the user', async () => {
    expect((await same([':memory:'])).stdout).toContain('n: 42');
    await same(['data.db'], { cwd: await temporaryDirectory() });
  });
});

describe('an Ink program', () => {
  const program = compared(() =>
    makeProgram(
      { name: 'ink-user', bin: 'main.mjs', dependencies: { ink: '8.0.0', react: '19.3.1' } },
      {
        'main.mjs': `
          import { Box, render, Text, useApp, useInput } from 'ink';
          import React, { createElement as h, useState } from 'react';
          function Counter({ interactive }) {
            const [count, setCount] = useState(0);
            const { exit } = useApp();
            if (interactive) useInput((key) => { if (key === 'q') exit(); else setCount((n) => n + 1); });
            return h(Box, { borderStyle: 'round', width: 20 }, h(Text, { color: 'green' }, 'count ' + count));
          }
          render(h(Counter, { interactive: process.stdin.isTTY === true }));
        `,
      },
    ),
  );

  test('draws into a pipe', async () => {
    expect((await program.same()).stdout).toMatch(/│count 0 +│/);
  });

  test.skipIf(lacks('script'))('draws on a terminal, and reads keys', async () => {
    const plain = await session(`${process.execPath} ${program.program().directory}/main.mjs`, program);
    expect(plain).toMatch(/count 0[\s\S]*count 1/);
    expect(await program.away(() => session(program.file(), program))).toBe(plain);
  });

  /** Presses x and q, each when the terminal shows what is there before, and returns all that was shown. */
  async function session(command: string, { env }: Comparison): Promise<string> {
    const line = `stty cols 80 rows 24 -echo; exec ${command}`;
    const child = spawn('script', ['-qec', line, '/dev/null'], {
      env: { ...process.env, ...env(), CI: 'false' },
    });
    let screen = '';
    let pressed = 0;
    const press = (count: number, key: string) => {
      pressed = count;
      child.stdin.write(key);
    };
    child.stdout.on('data', (chunk) => {
      screen += chunk;
      if (pressed === 0 && screen.includes('count 0')) press(1, 'x');
      if (pressed === 1 && screen.includes('count 1')) press(2, 'q');
    });
    const late = setTimeout(() => child.kill(), 30_000);
    await once(child, 'close');
    clearTimeout(late);
    return screen;
  }
});

describe('a commander program in TypeScript, run from its sources', () => {
  const { same } = compared(() =>
    makeProgram(
      { name: 'commander-user', bin: 'src/cli.ts', type: 'module', dependencies: { commander: '15.1.0' } },
      {
        'tsconfig.json':
          '{ "compilerOptions": { "module": "nodenext", "allowImportingTsExtensions": true } }',
        'src/cli.ts': `
          import { Command } from 'commander';
          import { greet, type Tone } from './greet.ts';
          const program = new Command('cli').version('3.2.1');
          program.command('greet <name>').option('-l, --loud').action((name: string, options: { loud?: boolean }) => {
            const tone: Tone = options.loud ? 'loud' : 'soft';
            console.log(greet(name, tone));
          });
          await program.parseAsync();
        `,
        'src/greet.ts': `
          export type Tone = 'loud' | 'soft';
          export const greet = (name: string, tone: Tone): string => (tone === 'loud' ? name.toUpperCase() : name);
        `,
      },
    ),
  );

  test('parses its arguments', async () => {
    expect((await same(['greet', 'ada', '--loud'])).stdout).toBe('ADA\n');
    expect((await same(['--version'])).stdout).toBe('3.2.1\n');
    expect((await same(['greet'])).exitCode).toBe(1);
    expect((await same(['--help'])).stdout).toContain('greet [options] <name>');
  });
});

describe('the package of a workspace', () => {
  const files = (dependency: string) => ({
    'packages/app/package.json': JSON.stringify({
      ...{ name: '@company/app', version: '2.0.0', type: 'module', bin: { app: 'main.ts' } },
      dependencies: { '@company/library': dependency, ms: '2.1.3' },
    }),
    'packages/app/main.ts': `
      import ms from 'ms';
      import { describe } from '@company/library';
      console.log(describe('app'), ms(60000));
    `,
    'packages/library/package.json': JSON.stringify({
      ...{ name: '@company/library', version: '1.0.0', type: 'module', exports: './index.ts' },
      dependencies: { ms: '2.0.0' },
    }),
    'packages/library/index.ts': `
      import ms from 'ms';
      import { readFileSync } from 'node:fs';
      const text: string = readFileSync(new URL('text.txt', import.meta.url), 'utf8');
      export const describe = (name: string): string => name + text + ms('1m');
    `,
    'packages/library/text.txt': ' from the library ',
  });

  describe('of npm, named by -w', () => {
    const { same } = compared(
      () =>
        makeProgram(
          { name: 'npm-workspaces', bin: 'packages/app/main.ts', private: true, workspaces: ['packages/*'] },
          files('*'),
        ),
      ['-w', '@company/app'],
    );
    test('runs with the packages beside it, each with its own versions', async () => {
      expect((await same()).stdout).toBe('app from the library 60000 1m\n');
    });
  });

  describe('of pnpm', () => {
    const { same } = compared(
      () =>
        makeProgram(
          { name: 'pnpm-workspaces', bin: 'packages/app/main.ts', private: true, packageManager: 'pnpm' },
          { ...files('workspace:*'), 'pnpm-workspace.yaml': 'packages:\n  - packages/*\n' },
        ),
      ['-w', '@company/app'],
    );
    test('runs with the packages beside it, each with its own versions', async () => {
      expect((await same()).stdout).toBe('app from the library 60000 1m\n');
    });
  });
});

describe('a fastify server', () => {
  const server = compared(() =>
    makeProgram(
      { name: 'fastify-user', bin: 'main.js', dependencies: { fastify: '5.12.8' } },
      {
        'main.js': `
          const fastify = require('fastify')();
          fastify.get('/hello/:name', async (request) => ({ hello: request.params.name, pid: process.pid }));
          fastify.listen({ port: 0, host: '127.0.0.1' }).then((address) => console.log(address));
          process.on('SIGTERM', async () => {
            await fastify.close();
            console.log('closed');
            process.exitCode = 3;
          });
        `,
      },
    ),
  );

  test('answers, and closes on SIGTERM', async () => {
    const plain = await session(process.execPath, [path.join(server.program().directory, 'main.js')]);
    expect(plain).toEqual({ status: 200, hello: 'ada', samePid: true, lines: ['closed'], code: 3 });
    expect(await server.away(() => session(server.file(), []))).toEqual(plain);
  });

  async function session(command: string, args: readonly string[]) {
    const child = spawn(command, args, {
      env: { ...process.env, ...server.env() },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    const reader = createInterface(child.stdout).on('line', (line) => lines.push(line));
    await once(reader, 'line');
    const response = await fetch(`${lines.shift()}/hello/ada`, { headers: { connection: 'close' } });
    const { hello, pid } = (await response.json()) as { hello: string; pid: number };
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    return { status: response.status, hello, samePid: pid === child.pid, lines, code };
  }
});

describe('pino with a transport in a worker', () => {
  const { same } = compared(() =>
    makeProgram(
      { name: 'pino-user', bin: 'main.js', dependencies: { pino: '10.4.0' } },
      {
        'main.js': `
          const pino = require('pino');
          const transport = pino.transport({ targets: [{ target: 'pino/file', options: { destination: 1 } }, { target: './own.mjs' }] });
          const logger = pino({ base: null, timestamp: false }, transport);
          for (let n = 0; n < 3; n += 1) logger.info({ n }, 'logged');
        `,
        'own.mjs': `
          import { Writable } from 'node:stream';
          export default () => new Writable({ write(chunk, encoding, done) { done(); } });
        `,
      },
    ),
  );

  test('logs', async () => {
    expect((await same()).stdout).toContain('{"level":30,"n":2,"msg":"logged"}\n');
  });
});

describe('tsx', () => {
  const { same } = packageProgram('tsx', '4.23.15', 'tsx/dist/cli.mjs');

  test('starts Node by its own path, with loaders, on a file of the user', async () => {
    const cwd = await directoryOf({
      'app.ts': `enum Colour { Red = 'red' }\nconsole.log(Colour.Red, process.argv.slice(2));\nprocess.exit(4);`,
    });
    const { stdout, exitCode } = await same(['app.ts', 'x'], { cwd });
    expect({ stdout, exitCode }).toEqual({ stdout: "red [ 'x' ]\n", exitCode: 4 });
  });
});

describe('mocha', () => {
  const { same } = packageProgram('mocha', '12.0.3', 'mocha/bin/mocha.js');

  test('runs the tests of the working directory', async () => {
    const cwd = await directoryOf({
      'test/a.spec.cjs': `describe('a', () => { it('passes', () => {}); it('fails', () => { throw new Error('no'); }); });`,
      'test/b.spec.mjs': `describe('b', () => { it('waits', async () => {}); });`,
    });
    const { stdout, exitCode } = await same(['--no-color', 'test/*.spec.*'], {
      cwd,
      normalize: withoutTimes,
    });
    expect(stdout).toMatch(/2 passing[\s\S]*1 failing/);
    expect(exitCode).toBe(1);
  });
});

describe('jest', () => {
  const { same } = packageProgram('jest', '30.5.2', 'jest/bin/jest.js');

  test('runs the tests of the working directory in workers', { timeout: 300_000 }, async () => {
    const cwd = await directoryOf({
      'package.json': '{ "name": "tested" }',
      'a.test.js': `test('adds', () => expect(1 + 1).toBe(2)); test('matches', () => expect({ a: 1 }).toEqual({ a: 1 }));`,
      'b.test.js': `test('mocks', () => { const f = jest.fn(); f(); expect(f).toHaveBeenCalledTimes(1); });`,
    });
    const normalize = (text: string) => withoutTimes(text).split('\n').sort().join('\n');
    const args = ['--ci', '--no-cache', '--maxWorkers', '2', '--no-color'];
    const { stderr, exitCode } = await same(args, { cwd, normalize });
    expect(stderr).toContain('Tests:       3 passed, 3 total');
    expect(exitCode).toBe(0);
  });
});

describe('webpack', () => {
  const { same } = packageProgram('webpack-cli', '7.3.1', 'webpack-cli/bin/cli.js', { webpack: '5.112.2' });

  test('bundles the working directory', { timeout: 300_000 }, async () => {
    const cwd = await directoryOf({
      'src/index.js': `import { used } from './other.js'; import('./late.js'); document.title = used;`,
      'src/other.js': `export const used = 'used'; export const unused = 'unused';`,
      'src/late.js': `export default 1;`,
    });
    const after = async () => await hashesIn(path.join(cwd, 'dist'));
    // The second of the two builds finds what the first one left.
    const normalize = (text: string) => withoutTimes(text).replaceAll('[compared for emit]', '[emitted]');
    await same(['--mode', 'production'], { cwd, after, normalize });
    expect(Object.keys(await after())).toContain('main.js');
  });
});

describe('rollup', () => {
  const { same } = packageProgram('rollup', '4.68.7', 'rollup/dist/bin/rollup');

  test('bundles with its native parser', async () => {
    const cwd = await directoryOf({
      'a.js': `import { b } from './b.js'; console.log(b);`,
      'b.js': `export const b = 1; export const c = 2;`,
    });
    expect((await same(['a.js', '--format', 'es', '--silent'], { cwd })).stdout).toContain('const b = 1');
  });
});

describe('svgo and terser', () => {
  const svgo = packageProgram('svgo', '4.1.0', 'svgo/bin/svgo.js');
  const terser = packageProgram('terser', '5.51.2', 'terser/bin/terser');

  test('make things smaller', async () => {
    const picture =
      '<svg xmlns="http://www.w3.org/2000/svg"><g><rect width="10" height="10" fill="#ff0000"/></g></svg>';
    expect((await svgo.same(['--string', picture])).stdout).toContain('fill="red"');
    const { stdout } = await terser.same(['--compress', '--mangle'], {
      input: 'function f(longName) { return longName + 1 + 2 }',
    });
    expect(stdout).toContain('function f(n)');
  });
});

describe('zx', () => {
  const { same } = packageProgram('zx', '8.8.5', 'zx/build/cli.js');

  test('runs a script of the user with its globals', async () => {
    const cwd = await directoryOf({
      'script.mjs': 'const { stdout } = await $`echo from a shell`;\necho(stdout.trim());',
    });
    expect((await same(['script.mjs'], { cwd })).stdout).toContain('from a shell');
  });
});
