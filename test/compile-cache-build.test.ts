// A compile cache that is filled while the executable is made (`wrap.compileCache.build`, promise P24): docs/decisions/0025.
import { mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { onlyInstall } from './support/installs.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapCommand, wrapProgram } from './support/run.ts';

/** It says `called`, of which only a run knows; what it has in `never` is called by none. */
const FILES = {
  'main.js': `
    import { said } from './said.js';
    import older from './older.cjs';
    console.log(said(), older());
    const late = './la' + 'te.js';
    if (process.argv[2] === 'late') console.log((await import(late)).default);
    if (process.argv[2] === 'fail') process.exit(7);
    if (process.argv[2] === 'leave') (await import('node:child_process')).spawn('/bin/sleep', ['1234.8'], { stdio: 'inherit' }).unref();
  `,
  'said.js': `
    export const said = () => inner(), never = () => { return 'a-text-of-never'; };
    function inner() { return 'a-text-of-called'; }
  `,
  'older.cjs': `module.exports = () => require('./oldest.cjs').name;`,
  'oldest.cjs': `exports.name = 'oldest';`,
  'late.js': `export default 'late';`,
};

const MODULES = ['main.js', 'said.js', 'older.cjs', 'oldest.cjs'];

async function makeFilled(build: boolean | readonly string[]): Promise<Program> {
  return await makeProgram(
    { name: 'filled', bin: 'main.js', type: 'module', sarma: { wrap: { compileCache: { build } } } },
    FILES,
  );
}

/** What Node says of its compile cache, of each module of the program: its name, and what became of it. */
async function startOf(file: string, base: string, args: readonly string[] = [], options = '') {
  const env = { SARMA_CACHE_DIR: base, NODE_DEBUG_NATIVE: 'COMPILE_CACHE', NODE_OPTIONS: options };
  const { stdout, stderr, exitCode } = await run(file, args, { env });
  expect({ stderr: stderr.replaceAll(/\[compile cache\].*\n/g, ''), exitCode }).toEqual({
    ...{ stderr: '', exitCode: 0 },
  });
  const told = `${stdout}${stderr}`.matchAll(
    /V8 code cache for \w+ \S*\/lib\/filled-1\.0\.0\/(\S+) was (accepted|not initialized)/g,
  );
  // Of a module that is compiled again at the end, to learn from the run, the first counts.
  const modules = Object.fromEntries(Array.from(told, ([, name, state]) => [name, state]).reverse());
  return { modules, printed: stdout.split('\n').filter((line) => !line.startsWith('[compile cache]')) };
}

const all = (names: readonly string[], state: string) =>
  Object.fromEntries(names.map((name) => [name, state]));

/** The only directory of the cache that lies in the payload, and that of the one that Node looks into. */
async function caches(base: string) {
  const { release } = await onlyInstall(base);
  const seed = path.join(release, 'releases/1.0.0/compile-cache');
  const used = path.join(release, '.sarma/compile-cache');
  const [made, ...more] = await readdir(seed);
  expect(more).toEqual([]);
  return { made: path.join(seed, made!), used, names: (await readdir(used)).sort() };
}

async function contentOf(directory: string): Promise<string> {
  const names = await readdir(directory);
  const files = await Promise.all(names.map((name) => readFile(path.join(directory, name), 'latin1')));
  return files.join('');
}

let compiled: string;
let tried: string;

beforeAll(async () => {
  compiled = await wrapProgram(await makeFilled(true));
  tried = await wrapProgram(await makeFilled(['late']));
});

describe('the first run', () => {
  test('finds every module compiled that the entry leads to', async () => {
    const base = await temporaryDirectory();
    const { modules, printed } = await startOf(compiled, base);
    expect(printed).toEqual(['a-text-of-called oldest', '']);
    expect(modules).toEqual(all(MODULES, 'accepted'));
  });

  test('and after a trial run those whose names only a run makes up', async () => {
    const base = await temporaryDirectory();
    const { modules, printed } = await startOf(tried, base, ['late']);
    expect(printed).toEqual(['a-text-of-called oldest', 'late', '']);
    expect(modules).toEqual(all([...MODULES, 'late.js'], 'accepted'));
  });

  test('adds what it needs besides, and leaves the payload as it is', async () => {
    const base = await temporaryDirectory();
    expect((await startOf(compiled, base, ['late'])).modules).toEqual({
      ...all(MODULES, 'accepted'),
      'late.js': 'not initialized',
    });
    const { made, used, names } = await caches(base);
    expect(await readdir(made)).toHaveLength(MODULES.length + 1);
    expect(await readdir(path.join(used, names[0]!))).toHaveLength(MODULES.length + 3);
    expect((await startOf(compiled, base, ['late'])).modules['late.js']).toBe('accepted');
    const { stderr } = await run(compiled, ['maintenance', 'verify'], { env: { SARMA_CACHE_DIR: base } });
    expect(stderr).toMatch(/: every file is as it should be\n$/);
  });

  test('stores no second copy of it', async () => {
    const base = await temporaryDirectory();
    await startOf(tried, base);
    const { made, used, names } = await caches(base);
    expect(names).toHaveLength(1);
    for (const name of await readdir(made)) {
      const [inPayload, inUse] = await Promise.all(
        [made, path.join(used, names[0]!)].map((directory) => stat(path.join(directory, name))),
      );
      expect(inUse!.ino).toBe(inPayload!.ino);
    }
  });
});

test('a trial run puts into the cache what it called, and compiling alone does not', async () => {
  const [withTrial, without] = await Promise.all(
    [tried, compiled].map(async (file) => {
      const base = await temporaryDirectory();
      await startOf(file, base);
      return await contentOf((await caches(base)).made);
    }),
  );
  expect(withTrial).toContain('a-text-of-called');
  expect(withTrial).not.toContain('a-text-of-never');
  expect(without).not.toContain('a-text-of-called');
});

test('where the cache lies in another file system, what was compiled is copied there', async () => {
  const base = await temporaryDirectory();
  await run(compiled, ['late'], { env: { SARMA_CACHE_DIR: base, NODE_DISABLE_COMPILE_CACHE: '1' } });
  const { made, used } = await caches(base);
  const elsewhere = await mkdtemp('/dev/shm/sarma-test-');
  onTestFinished(async () => await rm(elsewhere, { recursive: true }));
  await rm(used, { recursive: true });
  await symlink(elsewhere, used);
  expect((await startOf(compiled, base)).modules).toEqual(all(MODULES, 'accepted'));
  const [tag] = await readdir(elsewhere);
  expect(await readdir(path.join(elsewhere, tag!))).toEqual(
    expect.arrayContaining([...(await readdir(made)), 'runs']),
  );
});

test('a run of V8 with other flags takes nothing of it and starts', async () => {
  const base = await temporaryDirectory();
  const { modules, printed } = await startOf(compiled, base, [], '--jitless');
  expect(printed).toEqual(['a-text-of-called oldest', '']);
  expect(modules).toEqual(all(MODULES, 'not initialized'));
  const { made, used, names } = await caches(base);
  expect(names.map((name) => name.replace(/-\d+$/, ''))).not.toContain(path.basename(made));
  expect(await readdir(path.join(used, names[0]!))).not.toContain('whole');
});

describe.skipIf(lacks('mounts'))('wrapping', () => {
  test('gives the same bytes twice, and names no directory of this machine', async () => {
    const again = await wrapProgram(await makeFilled(['late']));
    expect((await readFile(again)).equals(await readFile(tried))).toBe(true);
    const base = await temporaryDirectory();
    await startOf(tried, base);
    const content = await contentOf((await caches(base)).made);
    expect(content).toContain('/lib/filled-1.0.0/older.cjs');
    for (const name of [process.cwd(), process.env.SARMA_TEST_DIRECTORY!, process.env.HOME!])
      expect(content).not.toContain(name);
  });

  test('does not wait for what a trial run leaves running, and ends it', async () => {
    await wrapProgram(await makeFilled(['leave']));
    expect((await run('pgrep', ['-fx', '/bin/sleep 1234.8'])).stdout).toBe('');
  });

  test('fails when the trial run does, with what it printed and what to do', async () => {
    const { directory } = await makeFilled(['fail']);
    const out = path.join(await temporaryDirectory(), 'app');
    const { stderr, exitCode } = await wrapCommand([
      ...[directory, '--current', '--runtime', process.versions.node, '--compression', 'fast', '-o', out],
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'filled fail, which was to fill its compile cache, ended with exit status 7, and said nothing.',
    );
    expect(stderr).toContain('wrap.compileCache.build');
  });
});
