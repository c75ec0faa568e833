// Programs of more than 64 directories: losses are looked for once a day, and after a run that ended badly (promise P7).
import { chmod, copyFile, mkdir, readFile, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyOfInstall, listing, marker, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runNode, temporaryDirectory, wrapProgram } from './support/run.ts';
import { sealedMachine } from './support/sealed.ts';
import { callsOf } from './support/strace.ts';

const PARTS = Array.from({ length: 80 }, (_, index) => `parts/${index}/index.js`);
const FILES = Object.fromEntries(PARTS.map((name, index) => [name, `module.exports = ${index};`]));

const SUM = `
  let sum = 0;
  for (let part = 0; part < ${PARTS.length}; part++) sum += require('./parts/' + part);
  console.log(sum);
`;

let file: string;
let pattern: string;
let base: string;
let release: string;

const start = async (...args: readonly string[]) => await run(file, args, { env: { SARMA_CACHE_DIR: base } });
const part = (name: string) => path.join(release, 'lib/large-1.0.0/parts', name);
const sweptAt = async () => (await stat(path.join(release, '.sarma/marker'))).mtimeMs / 1000;
const setSwept = async (seconds: number) =>
  await utimes(path.join(release, '.sarma/marker'), seconds, seconds);
const now = () => Date.now() / 1000;
const DAY = 24 * 60 * 60;

/** A program of many directories, and where it is installed. */
async function install(name: string, main: string, entry = 'main.js') {
  const program = await makeProgram({ name, bin: entry }, { ...FILES, [entry]: main });
  const made = await wrapProgram(program);
  const directory = await temporaryDirectory();
  const args = { env: { SARMA_CACHE_DIR: directory } };
  const again = async (...rest: readonly string[]) => await run(made, rest, args);
  const first = await again();
  return { program, file: made, base: directory, first, again, ...(await onlyInstall(directory)) };
}

beforeAll(async () => {
  const code = `${SUM} process.exitCode = Number(process.argv[2] ?? 0);`;
  ({ file, base: pattern } = await install('large', code));
});

beforeEach(async () => {
  ({ base, release } = await copyOfInstall(pattern));
});

const expected = { stdout: '3160\n', stderr: '', exitCode: 0, signal: undefined };

async function isWhole(): Promise<void> {
  expect(await start()).toEqual(expected);
  expect(await listing(base)).toEqual(await listing(pattern));
}

describe('a program of more than 64 directories', () => {
  test('that fails for want of a file has it back in the next run', async () => {
    expect((await marker(release)).has('directory')).toBe(false);
    for (const lose of [unlink, async (name: string) => await rm(path.dirname(name), { recursive: true })]) {
      await lose(part('7/index.js'));
      const failed = await start();
      expect(failed.exitCode).toBe(1);
      expect(failed.stderr).toContain("Cannot find module './parts/7'");
      await isWhole();
    }
  });

  test('has back what is lost within a day, though it does not fail', async () => {
    await writeFile(part('7/unused.js'), '');
    await unlink(part('7/unused.js'));
    expect(await start()).toEqual(expected);
    expect(await listing(base)).not.toEqual(await listing(pattern));
    await setSwept(now() - DAY - 1);
    await isWhole();
    expect(await sweptAt()).toBeGreaterThan(now() - 600);
  });

  test('is looked at once a day, though hosts that share it write to its marker more often', async () => {
    const name = path.join(release, '.sarma/marker');
    await writeFile(name, (await readFile(name, 'utf8')).replace(/^host .*/m, 'host 0123456789abcdef'));
    const swept = Math.floor(now() - DAY / 2);
    await setSwept(swept);
    expect(await start()).toEqual(expected);
    expect((await marker(release)).get('host')).not.toBe('0123456789abcdef');
    expect(await sweptAt()).toBe(swept);
  });

  test('is looked at where the last look is still to come: a clock was wrong', async () => {
    await setSwept(now() + 400 * DAY);
    await unlink(part('7/index.js'));
    await isWhole();
    expect(await sweptAt()).toBeLessThan(now() + DAY);
  });

  test.skipIf(lacks('strace'))(
    'is not looked at else: no directory in it is asked for, and its own file is not read',
    async () => {
      const calls = await callsOf(['%file'], file, [], { env: { SARMA_CACHE_DIR: base } });
      expect(calls.filter(({ text }) => /parts/.test(text))).toEqual([]);
      expect(calls.filter(({ text }) => /open.*(proc\/self\/exe|app")/.test(text))).toEqual([]);
      const asked = calls.filter(({ text }) => text.includes('lib'));
      await setSwept(0);
      const looked = await callsOf(['%file'], file, [], { env: { SARMA_CACHE_DIR: base } });
      expect(looked.filter(({ text }) => text.includes('lib')).length).toBeGreaterThan(
        asked.length + PARTS.length,
      );
    },
  );

  test('is marked by an exit code other than 0, an exception, a rejection; and not by a good end', async () => {
    const code = `
      const end = {
        good: () => {},
        code: () => { process.exitCode = 3; },
        exit: () => process.exit(4),
        exception: () => { throw new Error('thrown'); },
        rejection: () => { Promise.reject(new Error('rejected')); },
        late: () => setTimeout(() => { throw new Error('late'); }, 1),
      };
      end[process.argv[2] ?? 'good']();
    `;
    const program = await install('ending', code);
    const file = path.join(program.release, '.sarma/marker');
    const marked = async (how: string) => {
      await program.again('good');
      expect((await stat(file)).mtimeMs / 1000).toBeGreaterThan(now() - DAY);
      await program.again(how);
      const swept = (await stat(file)).mtimeMs / 1000;
      // Not for ever: on network file systems that is how old an install is.
      expect(swept).toBeGreaterThan(now() - 2 * DAY);
      return swept < now() - DAY;
    };
    expect(await marked('good')).toBe(false);
    for (const how of ['code', 'exit', 'exception', 'rejection', 'late']) {
      expect({ how, marked: await marked(how) }).toEqual({ how, marked: true });
    }
  });

  test('of ECMAScript modules, and a worker or a child of it, have back what they miss, too', async () => {
    const code = `
      import { fork } from 'node:child_process';
      import { Worker } from 'node:worker_threads';
      const [how] = process.argv.slice(2);
      if (how === 'worker') new Worker(new URL('parts/7/index.js', import.meta.url));
      else if (how === 'child') fork(new URL('parts/7/index.js', import.meta.url)).on('exit', (code) => process.exit(code));
      else await import('./parts/7/index.js');
    `;
    const program = await install('modules', code, 'main.mjs');
    for (const how of ['import', 'worker', 'child']) {
      await unlink(path.join(program.release, 'lib/modules-1.0.0/parts/7/index.js'));
      expect({ how, code: (await program.again(how)).exitCode }).toEqual({ how, code: 1 });
      expect({ how, ...(await program.again(how)) }).toMatchObject({ how, stderr: '', exitCode: 0 });
    }
  });

  test('sees nothing of what leaves the mark: arguments, modules, children and workers are as with Node', async () => {
    const code = `
      const { fork } = require('node:child_process');
      const { isMainThread, Worker } = require('node:worker_threads');
      const path = require('node:path');
      console.log(isMainThread, process.execArgv, process.argv.slice(2), Object.keys(require.cache).map((file) => path.basename(file)));
      console.log(module.children.length, module.parent === require.main, process.env.NODE_OPTIONS, process._preload_modules);
      if (process.argv[2] === 'main') {
        new Worker(__filename, { argv: ['worker'] }).on('exit', () => fork(__filename, ['child']));
      }
    `;
    const program = await install('seeing', code);
    const node = await runNode(program.program, ['main']);
    expect(node.stdout.match(/\[\] \[ '(main|worker|child)' \] \[ 'main.js' \]/g)).toHaveLength(3);
    expect(await program.again('main')).toEqual(node);
  });

  test('is started by nothing that the working directory could put in its place', async () => {
    const cwd = await temporaryDirectory();
    await writeFile(path.join(cwd, 'evil.cjs'), "console.log('evil')");
    for (const text of ['{ "name": "", "exports": { "./*": "./evil.cjs" } }', '{ broken']) {
      await writeFile(path.join(cwd, 'package.json'), text);
      expect(await run(file, [], { cwd, env: { SARMA_CACHE_DIR: base } })).toEqual(expected);
    }
  });

  test('works where the guard against planted modules is loaded, too', async () => {
    const open = path.join(await temporaryDirectory(), 'open');
    await mkdir(open);
    await chmod(open, 0o1777);
    const env = { SARMA_CACHE_DIR: path.join(open, 'own') };
    expect(await run(file, [], { env })).toEqual(expected);
    const installed = await onlyInstall(env.SARMA_CACHE_DIR);
    await unlink(path.join(installed.release, 'lib/large-1.0.0/parts/7/index.js'));
    expect((await run(file, [], { env })).exitCode).toBe(1);
    expect(await run(file, [], { env })).toEqual(expected);
  });

  test('is executed by Node alone if it has fewer', async () => {
    const program = await makeProgram(
      { name: 'small', bin: 'main.js' },
      { 'main.js': 'console.log(process.listenerCount("exit"), process._preload_modules)' },
    );
    const { stdout } = await run(await wrapProgram(program), [], { env: { SARMA_CACHE_DIR: base } });
    expect(stdout).toBe('0 []\n');
  });

  test('that a shell starts has back what it misses, too', async () => {
    const directory = await temporaryDirectory();
    const made = await makeProgram(
      { name: 'shelled', bin: 'main.js' },
      {
        ...FILES,
        'main.js': `${SUM} console.log(process.env.SHELLED);`,
        'rel/env.sh': 'export SHELLED=1\n',
        'sarma.config.mjs': 'export default {};\n',
      },
    );
    const app = await wrapProgram(made);
    const again = async () => await run(app, [], { env: { SARMA_CACHE_DIR: directory } });
    expect(await again()).toMatchObject({ stdout: '3160\n1\n', exitCode: 0 });
    const installed = await onlyInstall(directory);
    await unlink(path.join(installed.release, 'lib/shelled-1.0.0/parts/7/index.js'));
    expect((await again()).exitCode).toBe(1);
    expect(await again()).toMatchObject({ stdout: '3160\n1\n', exitCode: 0 });
  });

  test('in a prepared install is never written to', async () => {
    const root = await temporaryDirectory();
    const app = path.join(root, 'bin/app');
    await mkdir(path.dirname(app));
    await copyFile(file, app);
    const { id } = JSON.parse((await run(app, ['maintenance', 'meta'])).stdout) as { id: string };
    const prepared = path.join(root, 'lib/sarma', id);
    await mkdir(path.dirname(prepared), { recursive: true });
    await run(app, ['maintenance', 'extract', prepared]);
    const { release } = await onlyInstall(prepared);
    const name = path.join(release, '.sarma/marker');
    const before = (await stat(name)).mtimeMs;
    expect((await run(app, ['3'], { env: { SARMA_CACHE_DIR: base } })).exitCode).toBe(3);
    expect((await stat(name)).mtimeMs).toBe(before);
  });
});

test.skipIf(lacks('mounts'))(
  'where nothing can be repaired, a program that lost a file runs from another place',
  async () => {
    const machine = await sealedMachine(file);
    const { stdout, stderr, exitCode } = await machine.shell(`
    mkdir /mnt/cache; mount -t tmpfs -o mode=755 tmpfs /mnt/cache
    export SARMA_CACHE_DIR=/mnt/cache HOME=/root
    ./app
    touch -d '2 days ago' /mnt/cache/releases/*/.sarma/marker
    rm /mnt/cache/releases/*/lib/large-1.0.0/parts/7/index.js
    mount -o remount,ro /mnt/cache
    ./app; ./app
    ls /root/.cache/sarma/releases | wc -l
  `);
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: '3160\n3160\n3160\n1\n',
      stderr: '',
      exitCode: 0,
    });
  },
);
