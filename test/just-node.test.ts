// "It is just Node" (promises P1, P4): every program is run twice, by plain Node from its directory and as an executable
// with the project moved out of sight, and the two transcripts are compared.
import { describe, expect, test } from 'vitest';
import { compared } from './support/comparison.ts';
import { makeProgram, writeFiles } from './support/programs.ts';
import { temporaryDirectory } from './support/run.ts';

describe('prettier', () => {
  const { same } = compared(() =>
    makeProgram({
      name: 'prettier-user',
      bin: 'node_modules/prettier/bin/prettier.cjs',
      dependencies: { prettier: '3.6.2' },
    }),
  );

  test('formats what comes through stdin', async () => {
    const { stdout } = await same(['--parser', 'babel'], { input: 'const a={b:1,\nc:[1,2]}' });
    expect(stdout).toBe('const a = { b: 1, c: [1, 2] };\n');
  });

  test('reports a syntax error as Node does', async () => {
    const { exitCode } = await same(['--parser', 'babel'], { input: 'const = ;' });
    expect(exitCode).toBe(2);
  });
});

describe('tsc', () => {
  const { same } = compared(() =>
    makeProgram({
      name: 'tsc-user',
      bin: 'node_modules/typescript/bin/tsc',
      dependencies: { typescript: '5.9.3' },
    }),
  );

  test('compiles a file with the libraries that lie beside it', async () => {
    const cwd = await temporaryDirectory();
    await writeFiles(cwd, { 'a.ts': 'const list: number[] = [1];\nconst text: string = list;\n' });
    const { stdout, exitCode } = await same(['--noEmit', '--pretty', 'false', 'a.ts'], { cwd });
    expect(stdout).toContain("a.ts(2,7): error TS2322: Type 'number[]' is not assignable to type 'string'.");
    expect(exitCode).toBe(2);
  });
});

describe('an ESM program', () => {
  const { same } = compared(() =>
    makeProgram(
      { name: 'modules', bin: 'src/main.js', type: 'module' },
      {
        'src/main.js': `
          import { fork } from 'node:child_process';
          import { once } from 'node:events';
          import { readFileSync } from 'node:fs';
          import { createRequire } from 'node:module';
          import path from 'node:path';
          import { Worker } from 'node:worker_threads';
          const name = 'late' + '.js';
          const late = await import('./' + name);
          console.log('dynamic', late.default);
          console.log('asset', readFileSync(new URL('../assets/text.txt', import.meta.url), 'utf8').trim());
          console.log('require', createRequire(import.meta.url)('./old.cjs').join(' '));
          console.log('dirname', path.basename(import.meta.dirname), path.basename(import.meta.filename), import.meta.main);
          console.log('resolve', path.basename(import.meta.resolve('./late.js')));
          console.log('arguments', JSON.stringify(process.argv.slice(2)), path.basename(process.argv[1]));
          const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: 20 });
          console.log('worker', (await once(worker, 'message'))[0]);
          const child = fork(new URL('./child.js', import.meta.url), ['x y']);
          console.log('fork', (await once(child, 'message'))[0], (await once(child, 'exit'))[0]);
          try { await import('nothing-of-that-name'); } catch (error) { console.log(error.code); }
          console.error('to stderr');
        `,
        'src/late.js': `export default 'came late';`,
        'src/old.cjs': `module.exports = [require.main === undefined, require('node:path').basename(__filename), typeof require.resolve];`,
        'src/worker.js': `import { parentPort, workerData } from 'node:worker_threads'; parentPort.postMessage(workerData * 2);`,
        'src/child.js': `process.send(process.argv.slice(2).join() + ' ' + process.connected, () => process.exit(3));`,
        'assets/text.txt': 'ünïcode ✓\n',
      },
    ),
  );

  test('has top-level await, computed imports, assets, workers and forks', async () => {
    const { stdout } = await same(['a b', '', '"quoted"', 'ü✓', '--inspect-not', '*']);
    expect(stdout).toContain('worker 40');
    expect(stdout).toContain('fork x y true 3');
    expect(stdout).toContain('ERR_MODULE_NOT_FOUND');
  });
});

describe('a CommonJS program', () => {
  const { same } = compared(() =>
    makeProgram(
      { name: 'old-style', bin: 'main.js' },
      {
        'main.js': `
          const { execFileSync, spawnSync } = require('node:child_process');
          const path = require('node:path');
          console.log(require.main === module, path.basename(__filename), path.basename(__dirname).replace(/-.*/, ''));
          console.log(execFileSync(process.execPath, ['-p', '6*7'], { encoding: 'utf8' }).trim());
          console.log(spawnSync(process.execPath, [path.join(__dirname, 'sub.js')], { encoding: 'utf8' }).stdout);
          console.log(process.version, process.execArgv, process.title.length > 0, typeof process.env.PATH);
          console.log(Object.keys(process.env).filter((name) => /^(SARMA_(?!CACHE|TEST)|NODE_|RELEASE_)/.test(name) && name !== 'SARMA_BIN'));
          if (process.argv[2] === 'code') process.exitCode = Number(process.argv[3]);
          if (process.argv[2] === 'throw') throw new TypeError('on purpose');
          if (process.argv[2] === 'kill') process.kill(process.pid, 'SIGKILL');
        `,
        'sub.js': `console.log(require('./data.json').value);`,
        'data.json': '{ "value": "from a child" }',
      },
    ),
  );

  test('is its own main, and starts Node by execPath', async () => {
    expect((await same()).stdout).toMatch(/^true main.js/);
  });

  test('ends with its exit code', async () => {
    expect((await same(['code', '42'])).exitCode).toBe(42);
  });

  test('dies of a signal as one', async () => {
    expect((await same(['kill'])).signal).toBe('SIGKILL');
  });
});

describe('native addons', () => {
  const { same } = compared(() =>
    makeProgram(
      {
        name: 'addons',
        bin: 'main.js',
        dependencies: { '@node-rs/crc32': '1.10.6', bufferutil: '4.0.9' },
      },
      {
        'main.js': `
          const { crc32 } = require('@node-rs/crc32');
          const { mask } = require('bufferutil');
          const output = Buffer.alloc(3);
          mask(Buffer.from([1, 2, 3]), Buffer.from([255, 0, 255, 0]), output, 0, 3);
          const loaded = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node')).map((file) => file.replace(/.*[\\\\/]/, ''));
          console.log(crc32('hello'), [...output], loaded);
        `,
      },
    ),
  );

  test('of napi-rs and of prebuilds/ are loaded as files', async () => {
    const { stdout } = await same();
    expect(stdout).toMatch(/907060870 \[ 254, 2, 252 \]/);
    expect(stdout.match(/\.node'/g)).toHaveLength(2);
  });
});
