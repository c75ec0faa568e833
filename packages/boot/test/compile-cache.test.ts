import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ReleaseEnvironment } from '../src/environment.ts';
import { commandLine } from '../src/relaunch.ts';
import { type TestRelease, testRelease } from './support/release.ts';

// A service in an install starts from V8's compile cache. That it is an install, the boot sees by the marker and SARMA_BIN.

const env = { SARMA_BIN: '/opt/demo' };
const ENTRY = /^[0-9a-f]{8}$/;

const application = `
  import library from './library.cjs';
  export default { start({ args: [how], exit }) {
    console.log('started', library.called().length, process.env.NODE_COMPILE_CACHE ?? 'alone');
    if (how === 'end') exit();
  } };`;

const library = `
  exports.called = function () { return 'a text in a function that is called'; };
  exports.other = function () { return 'a text in a function that nobody calls'; };`;

const CACHE = new URL('../../wrapper/src/compile-cache.cjs', import.meta.url);

const service = async (parts: { readonly children?: boolean; readonly isInstall?: boolean } = {}) =>
  await testRelease({
    applications: ['demo'],
    files: {
      'releases/0.1.0/compile-cache.cjs': (await readFile(CACHE, 'utf8')).replace(
        'children: false',
        `children: ${parts.children ?? false}`,
      ),
      'lib/demo/application.mjs': application,
      'lib/demo/library.cjs': library,
      ...(parts.isInstall === false ? {} : { '.sarma/marker': 'sarma 1\n' }),
    },
  });

const cacheOf = ({ root }: TestRelease) => path.join(root, '.sarma/compile-cache');

/** Name → bytes of what Node keeps. */
async function entriesOf(release: TestRelease): Promise<ReadonlyMap<string, Buffer>> {
  const [tag] = await readdir(cacheOf(release));
  const directory = path.join(cacheOf(release), tag!);
  const names = await readdir(directory);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(path.join(directory, name))] as const)),
  );
}

/** Until the cache holds all that the start has called. */
async function filled(release: TestRelease): Promise<void> {
  const hasLearned = async () => {
    const entries = await entriesOf(release).catch(() => new Map<string, Buffer>());
    return entries.get('runs')?.length === 32 && ![...entries.keys()].some((name) => name.includes('.'));
  };
  await expect.poll(hasLearned, { timeout: 20_000 }).toBe(true);
}

test('a service that was killed a second after it had started has left its compile cache, with all functions the start has needed', async () => {
  const release = await service();
  const { child, ended } = await release.start('started 35 alone', { env });
  await filled(release);
  child.kill('SIGKILL');
  expect(await ended).toMatchObject({ signal: 'SIGKILL', stderr: '' });
  const before = await entriesOf(release);
  const texts = [...before.values()].map((bytes) => bytes.toString('latin1')).join('');
  expect(texts).toContain('a text in a function that is called');
  expect(texts).not.toContain('a text in a function that nobody calls');
  // No temporary files: `runs` says that nothing more is to be learned.
  expect([...before.keys()].filter((name) => !ENTRY.test(name))).toEqual(['runs']);

  const again = await release.run(['start', 'end'], { env: { ...env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' } });
  for (const file of ['boot/start.cjs', 'lib/demo/application.mjs', 'lib/demo/library.cjs'])
    expect(again.stderr).toMatch(new RegExp(`${file.replaceAll('.', '\\.')} was accepted`));
  expect(again).toMatchObject({ code: 0, stdout: 'started 35 alone\n' });
  expect(await entriesOf(release)).toEqual(before);
});

test('a file that was changed since is compiled as it is now', async () => {
  const release = await service();
  await release.run(['start', 'end'], { env });
  await writeFile(path.join(release.root, 'lib/demo/library.cjs'), `exports.called = () => 'other';`);
  expect(await release.run(['start', 'end'], { env })).toMatchObject({
    stdout: 'started 5 alone\n',
    stderr: '',
  });
});

test('two nodes that start from one install at once both start, and both caches are one', async () => {
  const release = await service();
  const nodes = await Promise.all(
    ['one', 'two', 'three'].map((node) =>
      release.start('started 35 alone', { env: { ...env, RELEASE_NODE: node } }),
    ),
  );
  await filled(release);
  for (const { child, ended } of nodes) {
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  }
  const names = [...(await entriesOf(release)).keys()];
  expect(names.filter((name) => !ENTRY.test(name))).toEqual(['runs']);
  expect(names.length).toBeGreaterThan(3);
  const again = await release.run(['start', 'end'], { env: { ...env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' } });
  expect(again.stderr).not.toMatch(/was rejected|mismatch/);
});

test('commands that start no applications neither make a compile cache nor read one', async () => {
  const release = await service();
  for (const command of [
    ['eval', '1'],
    ['describe'],
    ['ping'],
    ['version'],
    ['rpc', '1'],
    ['config', 'effective'],
  ])
    await release.run(command, { env });
  expect(await readdir(path.join(release.root, '.sarma'))).toEqual(['marker']);
  await release.run(['start', 'end'], { env });
  const { stderr } = await release.run(['eval', '1'], {
    env: { ...env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
  });
  expect(stderr).not.toContain('reading cache');
});

test.each([
  ['with RELEASE_READ_ONLY', {}, { RELEASE_READ_ONLY: 'true' }, true],
  ['in a directory that no executable has unpacked', { isInstall: false }, {}, false],
])('a service keeps no compile cache %s', async (_, parts, more, isInstall) => {
  const release = await service(parts);
  expect(await release.run(['start', 'end'], { env: { ...env, ...more } })).toMatchObject({
    stdout: 'started 35 alone\n',
    stderr: '',
  });
  if (isInstall) expect(await readdir(path.join(release.root, '.sarma'))).toEqual(['marker']);
  else expect(await readdir(release.root)).not.toContain('.sarma');
});

test('where something is in its way the service starts as without it', async () => {
  const release = await service();
  await writeFile(cacheOf(release), 'no directory');
  expect(await release.run(['start', 'end'], { env })).toMatchObject({
    stdout: 'started 35 alone\n',
    stderr: '',
  });
  await rm(cacheOf(release));
  await symlink('/nowhere/at all', cacheOf(release));
  expect(await release.run(['start', 'end'], { env })).toMatchObject({
    stdout: 'started 35 alone\n',
    stderr: '',
  });
  await rm(cacheOf(release));
  await release.run(['start', 'end'], { env });
  const [tag] = await readdir(cacheOf(release));
  for (const name of await readdir(path.join(cacheOf(release), tag!)))
    await writeFile(path.join(cacheOf(release), tag!, name), 'rubbish');
  expect(await release.run(['start', 'end'], { env })).toMatchObject({
    stdout: 'started 35 alone\n',
    stderr: '',
  });
  await rm(cacheOf(release), { recursive: true });
  await mkdir(path.join(cacheOf(release), tag!, 'runs'), { recursive: true });
  expect(await release.run(['start', 'end'], { env })).toMatchObject({
    stdout: 'started 35 alone\n',
    stderr: '',
  });
});

test('workers and child processes are told of it only where the configuration says so', async () => {
  const release = await service({ children: true });
  const { stdout } = await release.run(['start', 'end'], { env });
  expect(stdout).toBe(`started 35 ${cacheOf(release)}\n`);
});

test('another version, started in place of this one, is not told of its cache', () => {
  const environment = {
    name: 'demo',
    root: '/base/releases/demo-1',
    version: '1.0.0',
    executable: '/opt/demo',
    mutableDirectory: '/state',
  };
  const own = {
    NODE_COMPILE_CACHE: '/base/releases/demo-1/.sarma/compile-cache',
    NODE_COMPILE_CACHE_PORTABLE: '1',
  };
  const users = { NODE_COMPILE_CACHE: '/home/own', NODE_COMPILE_CACHE_PORTABLE: '1' };
  const envOf = (env: NodeJS.ProcessEnv) =>
    commandLine(environment as ReleaseEnvironment, ['start'], env).env;
  expect(envOf(own)).toEqual({});
  expect(envOf(users)).toEqual(users);
});
