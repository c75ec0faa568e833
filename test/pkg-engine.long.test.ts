// What executables of `--engine pkg` can do, and what they cannot: docs/decisions/0014-pkg-engine.md is written from here.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkCodeSignature } from '../packages/wrapper/src/executables/check-code-signature.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runNode, temporaryDirectory, wrapCommand } from './support/run.ts';
import { makeService } from './support/services.ts';

/** What is asked of a program, by its first argument. */
const CJS = {
  plain: `console.log(process.argv.slice(3), require.main === module, require('./other.js')); process.exitCode = 3;`,
  assets: `console.log(fs.readFileSync(asset, 'utf8'), fs.readdirSync(path.dirname(asset)).sort(), fs.statSync(asset).size, fs.existsSync(path.join(__dirname, '../assets/.dot/x')));`,
  open: `const fd = fs.openSync(asset); console.log(fs.readSync(fd, Buffer.alloc(3)));`,
  require: `const name = 'oth' + 'er.js'; console.log(require('./' + name)); import('./e' + '.mjs').then((m) => console.log(m.default));`,
  worker: `new (require('worker_threads').Worker)(path.join(__dirname, 'worker.js')).on('message', console.log);`,
  fork: `require('child_process').fork(path.join(__dirname, 'child.js'), ['x']);`,
  env: `console.log('pkg' in process, require('child_process').spawnSync('env', { encoding: 'utf8' }).stdout.includes('PKG_EXECPATH'));`,
  addon: `console.log(require('@node-rs/crc32').crc32('hello'));`,
  cowsay: `console.log(require('cowsay').say({ text: 'hi', f: 'dragon' }));`,
  helper: `require('esbuild').transform('let x: number = 1', { loader: 'ts' }).then(({ code }) => console.log(code)).catch(({ message }) => console.log(message));`,
};
const ESM = {
  plain: `console.log(await Promise.resolve(process.argv.slice(3)), other, import.meta.main); process.exitCode = 3;`,
  import: `const name = 'oth' + 'er.mjs'; console.log((await import('./' + name)).default, import.meta.resolve('./x.mjs').endsWith('/x.mjs'));`,
  assets: `console.log(fs.readFileSync(asset, 'utf8'));`,
  promises: `console.log(await fs.promises.readFile(asset, 'utf8'));`,
  stream: `for await (const chunk of fs.createReadStream(asset)) console.log(String(chunk));`,
  url: `console.log(fs.readFileSync(new URL('../assets/text.txt', import.meta.url), 'utf8'));`,
  worker: `new Worker(new URL('./worker.mjs', import.meta.url)).on('message', console.log).on('error', ({ message }) => console.log(message));`,
};

const cases = (all: Readonly<Record<string, string>>) =>
  `const cases = { ${Object.entries(all)
    .map(([name, code]) => `${name}: async () => { ${code} }`)
    .join(', ')} };\n(cases[process.argv[2]] ?? (() => console.log('main again')))();\n`;

interface Pair {
  readonly program: Program;
  readonly file: string;
}
let cjs: Pair;
let esm: Pair;

async function pair(program: Program): Promise<Pair> {
  const file = path.join(await temporaryDirectory(), 'app');
  await wrapPkg(program, ['--current', '--runtime', process.versions.node, '-o', file]);
  return { program, file };
}

async function wrapPkg(program: Program, args: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await wrapCommand([program.directory, '--engine', 'pkg', ...args]);
  if (exitCode !== 0) throw new Error(stdout + stderr);
}

beforeAll(async () => {
  const files = { 'assets/text.txt': 'text', 'assets/.dot/x': '' };
  cjs = await pair(
    await makeProgram(
      {
        name: 'pkg-cjs',
        bin: 'src/main.js',
        dependencies: { '@node-rs/crc32': '1.10.6', cowsay: '1.6.0', esbuild: '0.28.1' },
      },
      {
        ...files,
        'src/main.js': `const fs = require('fs'); const path = require('path');\nconst asset = path.join(__dirname, '../assets/text.txt');\n${cases(CJS)}`,
        'src/other.js': `module.exports = 'other';`,
        'src/e.mjs': `export default 'from esm';`,
        'src/worker.js': `require('worker_threads').parentPort.postMessage(['worker', require('./other.js')]);`,
        'src/child.js': `console.log('child', process.argv.slice(2));`,
      },
    ),
  );
  esm = await pair(
    await makeProgram(
      { name: 'pkg-esm', bin: 'src/main.mjs' },
      {
        ...files,
        'src/main.mjs': `import fs from 'node:fs';\nimport { Worker } from 'node:worker_threads';\nimport other from './other.mjs';\nconst asset = import.meta.dirname + '/../assets/text.txt';\n${cases(ESM)}`,
        'src/other.mjs': `export default 'other';`,
        'src/worker.mjs': `import { parentPort } from 'node:worker_threads';\nparentPort.postMessage('esm worker');`,
      },
    ),
  );
});

const both = async ({ program, file }: Pair, args: readonly string[]) => ({
  pkg: await run(file, args),
  node: await runNode(program, args),
});

test.each([['plain'], ['assets'], ['require'], ['worker'], ['addon'], ['cowsay']])(
  'CommonJS, as with Node: %s',
  async (name) => {
    const { pkg, node } = await both(cjs, [name, 'a b', '']);
    expect(pkg).toEqual(node);
  },
);

test.each([['plain'], ['import'], ['assets'], ['promises'], ['stream']])(
  'ES modules, as with Node: %s',
  async (name) => {
    const { pkg, node } = await both(esm, [name, 'a b', '']);
    expect(pkg).toEqual(node);
  },
);

describe('otherwise than with Node', () => {
  test.each([
    ['a file that is opened is not found', () => cjs, 'open', /ENOENT.*\/snapshot\//, '3\n'],
    ['a forked child is the program again', () => cjs, 'fork', /^main again$/m, "child [ 'x' ]\n"],
    ['process.pkg is there, and children get a variable', () => cjs, 'env', /^true true$/m, 'false false\n'],
    ['a program of a package cannot be started', () => cjs, 'helper', /ENOENT/, 'let x = 1;\n\n'],
    ['a file named by a URL is not found', () => esm, 'url', /ENOENT.*\/snapshot\//, 'text\n'],
    ['a worker made of a URL is not found', () => esm, 'worker', /Cannot find module/, 'esm worker\n'],
  ])('%s', async (_what, which, name, message, expected) => {
    const { pkg, node } = await both(which(), [name]);
    expect(node).toMatchObject({ stdout: expected, exitCode: 0 });
    expect(pkg.stdout + pkg.stderr).toMatch(message);
  });
});

test('nothing is unpacked where a program without addons runs', async () => {
  const empty = await temporaryDirectory();
  const env = { HOME: empty, XDG_CACHE_HOME: undefined, TMPDIR: empty };
  expect(await run(esm.file, ['plain'], { env })).toMatchObject({ exitCode: 3 });
  const { stdout } = await execa('find', [empty, '-type', 'f']);
  expect(stdout).toBe('');
});

test('an executable of the engine is replaced, and none of somebody else', async () => {
  const before = (await stat(esm.file)).mtimeMs;
  await wrapPkg(esm.program, ['--current', '--runtime', process.versions.node, '-o', esm.file]);
  expect((await stat(esm.file)).mtimeMs).toBeGreaterThan(before);
  const { exitCode, stderr } = await wrapCommand([
    ...[esm.program.directory, '--engine', 'pkg', '--current', '-o', process.execPath],
  ]);
  expect(stderr).toMatch(/was not made by Sarma/);
  expect(exitCode).toBe(1);
});

test.skipIf(lacks('strace'))('it opens no socket with --offline: pkg downloads nothing', async () => {
  const log = path.join(await temporaryDirectory(), 'trace');
  const wrap = path.resolve(import.meta.dirname, '../packages/cli/bin/wrap.js');
  const args = [esm.program.directory, '--engine', 'pkg', '--current', '--offline', '-o', esm.file];
  const trace = ['-f', '-qq', '-e', 'signal=none', '-e', 'trace=socket', '-o', log];
  await execa('strace', [
    ...[...trace, process.execPath, wrap],
    ...[...args, '--runtime', process.versions.node],
  ]);
  // Without HOME, libc asks the name service cache of the machine who the user is: a socket of AF_UNIX.
  const lines = (await readFile(log, 'utf8')).split('\n');
  const opened = lines.filter((line) => line.includes('socket(') && !line.includes('AF_UNIX'));
  expect(opened).toEqual([]);
});

describe('for other systems', () => {
  let out: string;
  beforeAll(async () => {
    out = await temporaryDirectory();
    const targets = 'linux-arm64,darwin-x64,darwin-arm64,win-x64';
    await wrapPkg(esm.program, ['-t', targets, '--runtime', '22 || 24', '-o', `${out}/`]);
  });

  test.skipIf(lacks('arm64'))('linux-arm64 runs under qemu-user', async () => {
    const { stdout, exitCode } = await run(path.join(out, 'pkg-esm_linux-arm64'), ['plain', 'x']);
    expect(stdout).toMatch(/^\[ 'x' \] other /);
    expect(exitCode).toBe(3);
  });

  test.each([['darwin-x64'], ['darwin-arm64']])('%s has an ad-hoc signature that holds', async (target) => {
    const bytes = await readFile(path.join(out, `pkg-esm_${target}`));
    checkCodeSignature(bytes);
    bytes[bytes.length >> 1]! ^= 1;
    expect(() => checkCodeSignature(bytes)).toThrow();
  });

  test('the files are in SHA256SUMS', async () => {
    const { stdout } = await execa('sha256sum', ['-c', 'SHA256SUMS'], { cwd: out });
    expect(stdout.match(/: OK$/gm)).toHaveLength(4);
  });
});

test('what cannot be made is a sentence', async () => {
  const refused = async (program: Program, ...args: string[]) =>
    (await wrapCommand([program.directory, '--engine', 'pkg', '-o', await temporaryDirectory(), ...args]))
      .stderr;
  expect(await refused(esm.program, '-t', 'darwin-universal', '--per-target')).toMatch(
    /makes no executable for darwin-universal\. Build darwin-x64 and darwin-arm64/,
  );
  expect(await refused(esm.program, '-t', 'linux-s390x', '--runtime', '20')).toMatch(
    /makes no executable for linux-s390x: it knows x64 and arm64/,
  );
  const service = await makeService('pkg-service', {
    'application.ts': `import { defineApplication } from '@sarma/app';\nexport default defineApplication({ start() {} });`,
  });
  expect(await refused(service, '--current')).toMatch(
    /is a service, and the engine pkg carries programs only/,
  );
});
