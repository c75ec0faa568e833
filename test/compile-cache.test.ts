// Programs with much JavaScript start from V8's compile cache, which their first run leaves in the install (promise P24), and which never
// shows and never fails a start.
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyOfInstall, listing, onlyInstall } from './support/installs.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { type RunOptions, run, runNode, temporaryDirectory, wrapProgram } from './support/run.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';

/** More than a program may have without being given a cache. */
const MUCH = `// ${'-'.repeat(250_000)}\n`;

const MAIN = `
  const { fork } = require('node:child_process');
  const module_ = require('node:module');
  const { isMainThread, Worker } = require('node:worker_threads');
  const path = require('node:path');
  const lib = require('./lib.js');
  const [how = 'say'] = process.argv.slice(2);
  const actions = {
    say: () => console.log('said'),
    called: () => console.log(lib.called().length),
    enable: () => console.log(module_.enableCompileCache().status === module_.constants.compileCacheStatus.ALREADY_ENABLED),
    patch() {
      const fs = require('node:fs');
      for (const name of Object.keys(fs).filter((name) => /Sync$/.test(name))) {
        const original = fs[name];
        fs[name] = (...args) => (/compile-cache|lib.js/.test(args[0]) && console.log(name, 'is called'), original(...args));
      }
      console.log(lib.called().length);
      process.on('exit', () => console.log('exit'));
    },
    goOn() {
      process.emit('exit', 0);
      setTimeout(() => console.log('on', 'noDeprecation' in process && process.noDeprecation), 50);
    },
    fail: () => { throw new Error('failed'); },
    environment: () => console.log(Object.keys(process.env).filter((name) => /COMPILE/.test(name)), process.execArgv),
    children() {
      tell('main');
      new Worker(__filename, { argv: ['child'] }).on('exit', () => fork(__filename, ['child']));
    },
    child: () => tell(isMainThread ? 'fork' : 'worker'),
    seen() {
      const names = (files) => files.map((file) => path.basename(file));
      console.log(process.argv.slice(2), process.execArgv, names(Object.keys(require.cache)), process._preload_modules);
      console.log(require.main === module, names(module.children.map(({ id }) => id)), process.argv[1] === __filename);
      Promise.resolve().then(() => console.log('promise'));
      process.nextTick(() => console.log('tick'));
      setTimeout(() => console.log('timeout', process.getActiveResourcesInfo()), 1);
      process.on('exit', (code) => console.log('exit', code));
    },
  };
  const tell = (who) => console.log(who, module_.getCompileCacheDir() === undefined ? 'without' : 'with');
  actions[how]();
`;

const LIB = `
  exports.called = function () { return 'a text in a function that is called'; };
  exports.other = function () { return 'a text in a function that nobody calls'; };
  ${MUCH}
`;

let program: Program;
let file: string;
let pattern: string;
let base: string;
let release: string;

beforeAll(async () => {
  program = await makeProgram({ name: 'cached', bin: 'main.js' }, { 'main.js': MAIN, 'lib.js': LIB });
  file = await wrapProgram(program);
  pattern = await temporaryDirectory();
  await run(file, ['maintenance', 'meta']);
  await run(file, ['environment'], { env: { SARMA_CACHE_DIR: pattern, NODE_DISABLE_COMPILE_CACHE: '1' } });
  await rm(cacheOf((await onlyInstall(pattern)).release), { recursive: true });
});

// Installed, and never run: what the cache holds has its own test.
beforeEach(async () => {
  ({ base, release } = await copyOfInstall(pattern));
});

const cacheOf = (install: string) => path.join(install, '.sarma/compile-cache');

async function start(args: readonly string[] = [], { env, ...options }: RunOptions = {}) {
  return await run(file, args, { ...options, env: { SARMA_CACHE_DIR: base, ...env } });
}

/** The directory that Node made for itself. */
async function own(): Promise<string> {
  const names = await readdir(cacheOf(release));
  expect(names).toEqual([expect.stringMatching(`^${process.version}-${process.arch}-`)]);
  return path.join(cacheOf(release), names[0]!);
}

/** Those that Node stored, without the list of what runs took. */
async function stored(): Promise<readonly string[]> {
  const directory = await own();
  const names = await readdir(directory);
  return names.filter((name) => name !== 'runs').map((name) => path.join(directory, name));
}

const said = { stdout: 'said\n', stderr: '', exitCode: 0, signal: undefined };

describe('the first run', () => {
  test('leaves a cache that every later one uses', async () => {
    const env = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
    const seen = async () => {
      const { stderr } = await start([], { env });
      const told = stderr.matchAll(/V8 code cache for CommonJS \S*\/(\w+\.js) was ([\w ]+),/g);
      // What is compiled again at the end, to learn from the run, is told of again.
      return Object.fromEntries(Array.from(told, ([, name, what]) => [name, what]).reverse());
    };
    expect(await seen()).toEqual({ 'main.js': 'not initialized', 'lib.js': 'not initialized' });
    for (let again = 0; again < 2; again++) {
      expect(await seen()).toEqual({ 'main.js': 'accepted', 'lib.js': 'accepted' });
    }
  });

  test('has the cache hold the functions that were called, and so has a later one that does more', async () => {
    const text = async () =>
      (await Promise.all((await stored()).map((name) => readFile(name, 'latin1')))).join();
    expect(await start()).toEqual(said);
    expect(await text()).not.toContain('that is called');
    // What took longer before is not repeated for less.
    await writeFile(path.join(await own(), 'runs'), '1\n');
    expect(await start(['called'])).toMatchObject({ stdout: '35\n', stderr: '' });
    expect(await text()).toContain('that is called');
    expect(await text()).not.toContain('that nobody calls');
  });

  test('looks for that in the first few runs alone, and changes nothing in the others', async () => {
    for (let times = 0; times < 9; times++) await start();
    const before = await listing(cacheOf(release));
    const { size } = await stat(path.join(await own(), 'runs'));
    expect(size).toBeLessThan(50);
    for (let times = 0; times < 3; times++) expect(await start(['called'])).toMatchObject({ exitCode: 0 });
    expect(await listing(cacheOf(release))).toEqual(before);
  });

  test('lets nobody else write there, whatever the umask is', async () => {
    const env = { SARMA_CACHE_DIR: base };
    await execa('sh', ['-c', 'umask 0; exec "$0"', file], { env });
    expect((await stat(cacheOf(release))).mode & 0o777).toBe(0o700);
  });
});

describe('nobody sees', () => {
  test('the cache: arguments, modules, order of events and exit code are as with Node', async () => {
    const node = await runNode(program, ['seen']);
    expect(node.stdout).toContain("[ 'seen' ] [] [ 'main.js', 'lib.js' ]");
    for (let times = 0; times < 3; times++) expect(await start(['seen'])).toEqual(node);
  });

  test('it where the program throws while it is loaded, but for the end of a long stack', async () => {
    const node = await runNode(program, ['fail']);
    const ours = await start(['fail']);
    const first = (text: string) =>
      text
        .replaceAll(/\(.*\/(\w+\.js)/g, '($1')
        .split('\n')
        .slice(1, 8)
        .join('\n');
    expect(first(ours.stderr)).toBe(first(node.stderr));
    expect(first(ours.stderr)).toContain('Error: failed\n    at Object.fail (main.js:');
    expect(ours).toMatchObject({ exitCode: 1, stdout: '' });
  });

  test('a variable of the environment, or an argument of Node', async () => {
    expect((await start(['environment'])).stdout).toBe('[] []\n');
    expect((await start(['children'])).stdout).toBe('main with\nworker without\nfork without\n');
  });

  test('it in functions of `fs` that the program has changed', async () => {
    expect(await start(['patch'])).toEqual({ ...said, stdout: '35\nexit\n' });
    expect(await readdir(await own())).toContain('runs');
  });

  test('it in warnings of what is deprecated, by a program that says it ends and goes on', async () => {
    const { stdout, stderr } = await start(['goOn'], { env: { NODE_PENDING_DEPRECATION: '1' } });
    expect({ stdout, stderr }).toEqual({ stdout: 'on undefined\n', stderr: '' });
    expect(await readdir(await own())).toContain('runs');
  });

  test('that a program enables the cache itself, and nothing is put into the directory for temporary files', async () => {
    const TMPDIR = await temporaryDirectory();
    expect(await start(['enable'], { env: { TMPDIR } })).toMatchObject({ stdout: 'true\n', stderr: '' });
    expect(await readdir(TMPDIR)).toEqual([]);
  });
});

test("Node's own variables have the last word", async () => {
  const elsewhere = await temporaryDirectory();
  await start([], { env: { NODE_DISABLE_COMPILE_CACHE: '1' } });
  await start([], { env: { NODE_COMPILE_CACHE: elsewhere } });
  expect(await readdir(cacheOf(release))).toEqual([]);
  expect(await readdir(elsewhere)).toHaveLength(1);
});

test('`compileCache: { children: true }` has workers and child processes use it, and `false` nobody', async () => {
  for (const [value, expected] of [
    ['{ children: true }', 'main with\nworker with\nfork with\n'],
    ['false', 'main without\nworker without\nfork without\n'],
  ]) {
    const config = `export default { wrap: { compileCache: ${value} } };`;
    const files = { 'main.js': MAIN, 'lib.js': LIB, 'sarma.config.mjs': config };
    const made = await wrapProgram(await makeProgram({ name: 'set', bin: 'main.js' }, files));
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    for (let times = 0; times < 2; times++) {
      expect(await run(made, ['children'], { env })).toMatchObject({ stdout: expected, stderr: '' });
    }
    const installed = await onlyInstall(env.SARMA_CACHE_DIR);
    expect((await readdir(path.join(installed.release, '.sarma'))).includes('compile-cache')).toBe(
      value !== 'false',
    );
  }
});

test('ECMAScript modules, and programs with a configuration, are started from it, too', async () => {
  const files = {
    'main.mjs': `import './lib.mjs';\nconsole.log(import.meta.main, await Promise.resolve('said'));`,
    'lib.mjs': MUCH,
    'config/runtime.mjs': 'export default () => ({});',
  };
  const made = await wrapProgram(await makeProgram({ name: 'esm', bin: 'main.mjs' }, files));
  const env = { SARMA_CACHE_DIR: await temporaryDirectory(), NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
  const accepted = async () => {
    const { stdout, stderr } = await run(made, [], { env });
    expect(stdout.split('\n')).toContain('true said');
    return [...stderr.matchAll(/for ESM \S*\/(\w+\.mjs) was accepted/g)].map(([, name]) => name);
  };
  expect(await accepted()).toEqual([]);
  expect(await accepted()).toEqual(expect.arrayContaining(['main.mjs', 'lib.mjs']));
});

function withOtherByte(content: Buffer): Buffer {
  const at = content.length - 40;
  return content.fill(content[at]! ^ 1, at, at + 1);
}

describe('a cache that is damaged', () => {
  test.each<[string, (name: string, content: Buffer) => Promise<unknown>]>([
    ['by a byte', async (name, content) => await writeFile(name, withOtherByte(content))],
    ['by another length', async (name, content) => await writeFile(name, content.subarray(0, -100))],
    ['by a loss of power', async (name, content) => await writeFile(name, Buffer.alloc(content.length))],
    ['in its header alone', async (name, content) => await writeFile(name, content.subarray(0, 20))],
    ['by losing all', async (name) => await writeFile(name, '')],
    ['by directories in its place', async (name) => await execa('sh', ['-c', 'rm "$0" && mkdir "$0"', name])],
    [
      'by links to itself in its place',
      async (name) => await execa('ln', ['-sfn', path.basename(name), name]),
    ],
  ])('%s fails no start', async (_, damage) => {
    expect(await start()).toEqual(said);
    const names = await stored();
    expect(names).toHaveLength(2);
    for (const name of names) await damage(name, await readFile(name));
    for (let times = 0; times < 2; times++) expect(await start()).toEqual(said);
  });

  test.each([
    ['a file', 'touch "$0"'],
    ['a link that leads nowhere', 'ln -s nowhere "$0"'],
  ])('by %s in place of its directories fails no start', async (_, make) => {
    expect(await start()).toEqual(said);
    for (const place of [await own(), cacheOf(release)]) {
      await rm(place, { recursive: true });
      await execa('sh', ['-c', make, place]);
      for (let times = 0; times < 2; times++) expect(await start()).toEqual(said);
    }
  });
});

describe('the install', () => {
  test('is whole with a cache in it: `maintenance verify` repairs nothing, and drops the cache', async () => {
    await start();
    const { stderr } = await start(['maintenance', 'verify']);
    expect(stderr).toMatch(/: every file is as it should be\n$/);
    expect(await readdir(path.join(release, '.sarma'))).toEqual(['marker']);
    expect(await start()).toEqual(said);
    expect(await stored()).toHaveLength(2);
  });

  test('goes with its cache', async () => {
    await rm(base, { recursive: true });
    await start();
    expect(await start(['maintenance', 'uninstall', '--yes'])).toMatchObject({ exitCode: 0 });
    await expect(stat(base)).rejects.toThrow('ENOENT');
  });
});

/** A day has passed since the install was last looked at. */
const dayLater = async () =>
  await execa('touch', ['-d', '25 hours ago', path.join(release, '.sarma/marker')]);

describe('once a day', () => {
  test('what killed runs left is removed, and nothing that may still be written', async () => {
    await start();
    const left = path.join(await own(), '0123abcd.QwErTy');
    const written = path.join(await own(), '0123abcd.AsDfGh');
    for (const name of [left, written]) await writeFile(name, 'half');
    await execa('touch', ['-d', '2 hours ago', left]);
    expect(await start()).toEqual(said);
    expect((await stored()).includes(left)).toBe(true);
    await dayLater();
    expect(await start()).toEqual(said);
    expect((await stored()).includes(left)).toBe(false);
    expect((await stored()).includes(written)).toBe(true);
    // It was looked at, and that is enough for a day.
    expect((await stat(path.join(release, '.sarma/marker'))).mtimeMs).toBeGreaterThan(Date.now() - 600_000);
  });

  test('a cache of more than 64 MB is removed, and made anew with what is used', async () => {
    await start();
    const large = path.join(await own(), 'ffffffff');
    await execa('truncate', ['-s', '65M', large]);
    expect(await start()).toEqual(said);
    expect((await stored()).includes(large)).toBe(true);
    await dayLater();
    expect(await start()).toEqual(said);
    expect(await stored()).toHaveLength(2);
    await execa('truncate', ['-s', '63M', large]);
    await dayLater();
    expect(await start()).toEqual(said);
    expect(await stored()).toHaveLength(3);
  });
});

describe.skipIf(lacks('mounts'))('where nothing can be written', () => {
  let machine: SealedMachine;
  beforeAll(async () => {
    machine = await sealedMachine(file);
  });

  test.each([
    ['a full disk', 'fill'],
    ['a disk that has become read-only', 'mount -o remount,ro /mnt/disk'],
  ])('%s fails no start, with and without a cache', async (_, spoil) => {
    const transcript = await machine.shell(`
      mkdir disk; mount -t tmpfs -o mode=755,size=200m tmpfs disk
      fill() { cat /dev/zero >/mnt/disk/zeros 2>/dev/null || :; }
      export SARMA_CACHE_DIR=/mnt/disk/base
      NODE_DISABLE_COMPILE_CACHE=1 ./app
      rmdir disk/base/releases/*/.sarma/compile-cache
      ${spoil}
      ./app; ./app
      if [ -e disk/zeros ]; then rm disk/zeros; else mount -o remount,rw /mnt/disk; fi
      ./app
      ${spoil}
      ./app; ./app
    `);
    expect(transcript).toEqual({ ...said, stdout: 'said\n'.repeat(6) });
  });

  test('an install of root is used by others, who cannot write to its cache and have none', async () => {
    const transcript = await machine.shell(`
      mkdir -p shared/base; export SARMA_CACHE_DIR=/mnt/shared/base
      ./app; ./app
      before=$(find shared | sort)
      as 1234 ./app; as 1234 ./app children
      [ "$before" = "$(find shared | sort)" ]
    `);
    const told = 'main without\nworker without\nfork without\n';
    expect(transcript).toEqual({ ...said, stdout: `${'said\n'.repeat(3)}${told}` });
  });

  test('a directory that its user may not use, in place of the cache, fails no start', async () => {
    const transcript = await machine.shell(`
      mkdir own; chown 1234 own; export SARMA_CACHE_DIR=/mnt/own/base
      as 1234 ./app
      for place in own/base/releases/*/.sarma/compile-cache/*-1234 own/base/releases/*/.sarma/compile-cache; do
        chmod 0 $place
        as 1234 ./app; as 1234 ./app
      done
    `);
    expect(transcript).toEqual({ ...said, stdout: 'said\n'.repeat(5) });
  });

  test('in a prepared install nobody makes a cache; where there is a directory for it, it is used', async () => {
    const transcript = await machine.shell(`
      id=$(id_of ./app); mkdir -p usr/bin usr/lib/sarma; cp app usr/bin/app
      usr/bin/app maintenance extract /mnt/usr/lib/sarma/$id 2>/dev/null
      before=$(find usr | sort)
      usr/bin/app; usr/bin/app children
      [ "$before" = "$(find usr | sort)" ]
      [ ! -e /root/.cache ]
      mkdir $(echo usr/lib/sarma/$id/releases/*/.sarma)/compile-cache
      usr/bin/app
      find usr -path '*/.sarma/compile-cache/*' -type f | wc -l
      usr/bin/app children
    `);
    const without = 'main without\nworker without\nfork without\n';
    const withIt = 'main with\nworker without\nfork without\n';
    expect(transcript).toEqual({ ...said, stdout: `said\n${without}said\n3\n${withIt}` });
  });
});
