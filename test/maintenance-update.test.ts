// What the stub does for `maintenance install`, `update` and `rollback`: what it executes, and with what.
import { readdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { installsIn, listing, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { newSigningKey } from './support/publishing.ts';
import { type RunOptions, temporaryDirectory, wrapCommand, wrapProgram } from './support/run.ts';
import { smallRuntime } from './support/runtimes.ts';
import { type Copy, configured, copyOf } from './support/updatable.ts';

let runtime: readonly string[];
let sample: string;

const updatable = {
  publish: { url: 'http://127.0.0.1:9/' },
  update: { publicKey: newSigningKey().publicKey },
};
const files = { 'main.js': `console.log('main');`, 'other.js': `console.log('other');` };

async function wrapped(
  sarma: object,
  more: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
) {
  const program = await makeProgram({ name: 'hello', bin: 'main.js' }, { ...files, ...more });
  return await wrapProgram(await configured(program, sarma), [...runtime, ...args]);
}

beforeAll(async () => {
  runtime = ['--runtime', await smallRuntime()];
  sample = await wrapped(updatable);
});

const SPY =
  'console.log(JSON.stringify({ argv: process.argv.slice(2), execArgv: process.execArgv, env: process.env }));';

/** Puts a script in the updater's place that prints how it was started. */
async function withSpy(executable: string): Promise<Copy> {
  const hello = await copyOf(executable);
  expect((await hello.run([], { env: { SARMA_MAINTENANCE: 'install' } })).exitCode).toBe(0);
  const { release } = await onlyInstall(hello.base);
  // In place: a new name would be seen, and taken away.
  await writeFile(path.join(release, 'releases/1.0.0/update.mjs'), SPY);
  return hello;
}

async function seen(hello: Copy, args: readonly string[], options: RunOptions = {}) {
  const { stdout, stderr, exitCode } = await hello.run(args, options);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return JSON.parse(stdout) as { argv: string[]; execArgv: string[]; env: Record<string, string> };
}

const entry = 'lib/hello-1.0.0/main.js';

describe('`install`', () => {
  test('unpacks, prints where, and does not run the program; the first start finds it', async () => {
    const hello = await copyOf(sample);
    const { stdout, exitCode } = await hello.maintain('install');
    const { release } = await onlyInstall(hello.base);
    expect({ stdout, exitCode }).toEqual({ stdout: `${release}\n`, exitCode: 0 });
    const before = await listing(hello.base);
    expect((await hello.run()).stdout).toBe('main\n');
    expect(await listing(hello.base)).toEqual(before);
    expect((await hello.maintain('install', 'now')).exitCode).toBe(125);
  });
});

describe('`update` and `rollback`', () => {
  test('execute the updater with the program that it is for and the words that were typed', async () => {
    const hello = await withSpy(sample);
    const typed = ['maintenance', 'update', '--check', 'a b', ''];
    expect((await seen(hello, typed)).argv).toEqual([entry, 'update', '2', ...typed]);
    expect((await seen(hello, ['maintenance', 'rollback'])).argv).toEqual([
      ...[entry, 'rollback', '2', 'maintenance', 'rollback'],
    ]);
    const env = { SARMA_MAINTENANCE: 'update' };
    expect((await seen(hello, ['--check'], { env })).argv).toEqual([entry, 'update', '0', '--check']);
  });

  test('give the updater the environment as it is, but for what is meant for the program', async () => {
    const hello = await withSpy(sample);
    const given = {
      NODE_OPTIONS: '--no-such-option',
      NODE_USE_ENV_PROXY: '1',
      SARMA_MAINTENANCE: 'update',
      KEPT: 'a=b',
      SARMA_BIN: '/x',
    };
    const { env } = await seen(hello, [], { env: given });
    const { NODE_OPTIONS: _, NODE_USE_ENV_PROXY: __, SARMA_MAINTENANCE: ___, ...kept } = given;
    expect(env).toEqual({
      ...(process.env as Record<string, string>),
      ...{ ...kept, SARMA_BIN: hello.file, SARMA_CACHE_DIR: hello.base, NODE_USE_SYSTEM_CA: '1' },
    });
    const own = { NODE_USE_SYSTEM_CA: '' };
    expect((await seen(hello, ['maintenance', 'update'], { env: own })).env).toMatchObject(own);
  });

  test('work in a release with another word, and by the variable in one that has none', async () => {
    const named = await withSpy(await wrapped({ ...updatable, wrap: { maintenance: 'self' } }));
    expect((await seen(named, ['self', 'update'])).argv).toEqual([entry, 'update', '2', 'self', 'update']);
    expect((await named.run(['maintenance', 'update'])).stdout).toBe('main\n');
    const nameless = await withSpy(await wrapped({ ...updatable, wrap: { maintenance: false } }));
    expect((await nameless.run(['maintenance', 'update'])).stdout).toBe('main\n');
    const { argv } = await seen(nameless, ['--json'], { env: { SARMA_MAINTENANCE: 'update' } });
    expect(argv).toEqual([entry, 'update', '0', '--json']);
  });

  test("take neither a release's arguments for Node nor its env.sh: these are the program's", async () => {
    const more = {
      'rel/vm.args': '--max-old-space-size=100\n',
      'rel/env.sh': 'echo env.sh; export FROM_ENV_SH=1\n',
    };
    const hello = await withSpy(await wrapped(updatable, more));
    const { execArgv, env } = await seen(hello, ['maintenance', 'update']);
    expect(execArgv).toEqual([]);
    expect(env).not.toHaveProperty('FROM_ENV_SH');
    expect((await hello.run()).stdout).toContain('env.sh');
  });

  test('say which of the programs of a release it is', async () => {
    const bin = { hello: 'main.js', other: 'other.js' };
    const made = await makeProgram({ name: 'hello', bin: bin as never }, files);
    const program = await configured(made, { ...updatable, bin: ['hello', 'other'] });
    const output = await temporaryDirectory();
    const args = [program.directory, '--current', ...runtime, '-o', `${output}/`];
    const { exitCode, stderr } = await wrapCommand(args);
    expect(exitCode, stderr).toBe(0);
    const name = (await readdir(output)).find((one) => /^other_[^.]*$/.test(one))!;
    const other = await withSpy(path.join(output, name));
    expect((await seen(other, ['maintenance', 'update'])).argv[0]).toBe('lib/hello-1.0.0/other.js');
  });

  test('work from a prepared install', async () => {
    const hello = await copyOf(sample);
    const { id } = JSON.parse((await hello.maintain('meta')).stdout);
    const prepared = path.join(hello.folder, '../lib/sarma', id);
    expect((await hello.maintain('extract', prepared)).exitCode).toBe(0);
    const release = (await hello.maintain('install')).stdout.trim();
    expect(release.startsWith(await realpath(prepared))).toBe(true);
    await writeFile(path.join(release, 'releases/1.0.0/update.mjs'), SPY);
    expect((await seen(hello, ['maintenance', 'update'])).argv[1]).toBe('update');
    expect(await installsIn(hello.base)).toEqual({ releases: [], runtimes: [] });
  });

  test('say so, and end with 3, where the release has no `update`', async () => {
    const hello = await copyOf(await wrapped({}));
    for (const subcommand of ['update', 'rollback']) {
      expect(await hello.maintain(subcommand, '--json')).toMatchObject({
        stdout: '',
        stderr: 'hello: it cannot update itself: its release has no `update` in its configuration\n',
        exitCode: 3,
      });
    }
  });
});

test('`help` names every subcommand', async () => {
  const hello = await copyOf(sample);
  const { stdout } = await hello.maintain('--help');
  for (const name of ['install', 'update', 'rollback', 'uninstall', 'verify'])
    expect(stdout).toMatch(new RegExp(`^(usage: |       )hello maintenance ${name} .*\\w`, 'm'));
  expect(await installsIn(hello.base)).toEqual({ releases: [], runtimes: [] });
  expect(await readdir(hello.folder)).toEqual(['hello']);
});
