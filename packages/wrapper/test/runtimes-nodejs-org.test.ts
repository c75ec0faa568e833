import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type BuildCache, openBuildCache } from '../src/build-cache.ts';
import type { WrapEvent } from '../src/events.ts';
import { createHttp } from '../src/runtimes/http.ts';
import { fetchRuntimes, type RuntimeRequest } from '../src/runtimes/resolve.ts';
import { hostTarget, shippedTargets, type Target } from '../src/targets.ts';
import { archiveOf, executableOf, type Mirror, publish, serve, sha256 } from './support/node-mirror.ts';

const host = hostTarget(shippedTargets);
const arm64 = shippedTargets.get('linux-arm64')!;
const windows = shippedTargets.get('win-x64')!;
const here = process.versions.node;
const hostPlatform = host.os === 'darwin' ? `osx-${host.cpu}-tar` : `${host.os}-${host.cpu}`;

/** Two releases: one of the Node that runs this test for its own target, and a newer one that the host does not get. */
let mirror: Mirror;
let archive: Buffer;
const newer = here.replace(/\d+$/, (patch) => String(Number(patch) + 1));
const range = here.split('.')[0]!;

let directory: string;
let cache: BuildCache;
let events: WrapEvent[];

beforeAll(async () => {
  mirror = await serve();
  const name = `node-v${here}-${host.nodejs}`;
  archive = await archiveOf(`node-v${here}-${host.name}/bin/node`, await readFile(process.execPath));
  await publish(mirror, here, [hostPlatform, 'linux-arm64', 'win-x64-exe'], {
    [name]: archive,
    [`node-v${here}-linux-arm64.tar.gz`]: await archiveOf(`n/bin/node`, executableOf('linux-arm64', here)),
    'win-x64/node.exe': executableOf('win-x64', here),
  });
  await publish(mirror, newer, ['linux-arm64', 'win-x64-exe'], {
    [`node-v${newer}-linux-arm64.tar.gz`]: await archiveOf(`n/bin/node`, executableOf('linux-arm64', newer)),
    'win-x64/node.exe': executableOf('win-x64', newer),
  });
});

afterAll(() => mirror.close());

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-runtimes-'));
  cache = openBuildCache({ directory: path.join(directory, 'cache') });
  events = [];
  mirror.requests.length = 0;
});

afterEach(() => rm(directory, { recursive: true }));

/** Nobody but the mirror is there: the registry is a port that nothing listens on. */
const NOBODY = 'http://127.0.0.1:9/';
const resolve = async (targets: readonly Target[], options: Partial<RuntimeRequest> = {}) => {
  const { runtimes } = await fetchRuntimes({
    targets,
    range,
    project: directory,
    cache,
    onEvent: (event) => events.push(event),
    env: { HOME: directory, NODEJS_ORG_MIRROR: `${mirror.url}/dist/`, npm_config_registry: NOBODY },
    ...options,
  });
  return runtimes;
};
const withMirror = (url: string): Partial<RuntimeRequest> => ({
  env: { HOME: directory, NODEJS_ORG_MIRROR: url, npm_config_registry: NOBODY },
});
const notices = () => events.flatMap((event) => (event.type === 'notice' ? [event.message] : []));
const lockfile = async () => JSON.parse(await readFile(path.join(directory, 'sarma.lock.json'), 'utf8'));
const cached = async () => (await cache.entries()).length;

test('a download that is stopped does not go on behind the back of whoever stopped it', async () => {
  const closed = new Promise<void>((resolve) => {
    mirror.files.set('/endless', (_request, response) => {
      const dribbling = setInterval(() => response.write('drop'), 20);
      response.on('close', () => {
        clearInterval(dribbling);
        resolve();
      });
    });
  });
  const stop = new Error('stop');
  const saved = createHttp(directory, {}).save(
    `${mirror.url}/endless`,
    path.join(directory, 'file'),
    undefined,
    () => {
      throw stop;
    },
  );
  await expect(saved).rejects.toBe(stop);
  await closed;
});

test('what a version has is asked once for all targets', async () => {
  await resolve([host, arm64, windows]);
  const asked = mirror.requests.filter((url) => /index\.json|SHASUMS256/.test(url));
  expect(asked).toEqual(['/dist/index.json', `/dist/v${here}/SHASUMS256.txt`]);
});

test('a runtime comes from the mirror, byte for byte, and is locked', async () => {
  const runtime = (await resolve([host])).get(host.name)!;
  expect((await readFile(runtime.file)).equals(await readFile(process.execPath))).toBe(true);
  const source = `https://nodejs.org/dist/v${here}/node-v${here}-${host.nodejs}`;
  const digest = sha256(await readFile(process.execPath));
  expect(runtime).toMatchObject({ target: host.name, version: here, source, sha256: digest });
  const integrity = `sha256-${Buffer.from(sha256(archive), 'hex').toString('base64')}`;
  expect((await lockfile()).runtimes).toEqual({
    [host.name]: { version: here, source, sha256: digest, integrity, range },
  });
  const last = events.findLast((event) => event.type === 'download');
  expect(last).toEqual({
    type: 'download',
    target: host.name,
    received: archive.length,
    total: archive.length,
  });
  expect(notices()).toEqual([]);
});

test('with everything locked and cached, nobody is asked', async () => {
  const first = await resolve([host]);
  mirror.requests.length = 0;
  expect(await resolve([host], { offline: true, frozen: true })).toEqual(first);
  expect(await resolve([host])).toEqual(first);
  expect(mirror.requests).toEqual([]);
});

test('a locked runtime is found in the build cache without a look at anything else there', async () => {
  const first = await resolve([host]);
  // Whoever reads all entries fails at this one.
  await mkdir(path.join(cache.directory, '00', 'unreadable', 'record.json'), { recursive: true });
  await expect(cache.entries()).rejects.toThrow('EISDIR');
  expect(await resolve([host])).toEqual(first);
});

test('all targets get the highest version that all have, and newer ones are mentioned', async () => {
  const runtimes = await resolve([host, arm64, windows]);
  expect([...runtimes.values()].map(({ version }) => version)).toEqual([here, here, here]);
  expect(notices()).toEqual([
    expect.stringContaining(`Newer for some: linux-arm64 ${newer}, win-x64 ${newer}`),
  ]);
  expect(events.find((event) => event.type === 'notice')).toMatchObject({ level: 'warning' });
});

test('perTarget gives each its own highest', async () => {
  const runtimes = await resolve([host, windows], { perTarget: true });
  expect([...runtimes.values()].map(({ version }) => version)).toEqual([here, newer]);
  expect(await readFile(runtimes.get('win-x64')!.file)).toEqual(executableOf('win-x64', newer));
});

test('what is locked wins over what is newer', async () => {
  await resolve([arm64], { range: here });
  const runtimes = await resolve([arm64, windows]);
  expect([...runtimes.values()].map(({ version }) => version)).toEqual([here, here]);
  expect(notices()).toEqual([]);
  expect((await resolve([windows], { range: newer })).get('win-x64')!.version).toBe(newer);
});

test('locked versions that differ are brought together, which is said', async () => {
  await resolve([host]);
  await resolve([windows], { range: newer });
  const runtimes = await resolve([host, windows]);
  expect([...runtimes.values()].map(({ version }) => version)).toEqual([here, here]);
  expect(notices()).toContain(`sarma.lock.json: win-x64 ${newer} became ${here}.`);
  await expect(resolve([windows], { range: newer, frozen: true })).rejects.toThrow(
    expect.objectContaining({ code: 'LOCKFILE_FROZEN' }),
  );
});

test('a frozen lock file is not changed, and nothing is downloaded', async () => {
  await expect(resolve([host], { frozen: true })).rejects.toThrow(
    expect.objectContaining({
      code: 'LOCKFILE_FROZEN',
      message: expect.stringContaining(`for ${host.name}`),
    }),
  );
  expect(mirror.requests).toEqual([]);
  expect(await readdir(directory)).toEqual([]);
});

test('a locked SHA-256 that is not that of the runtime fails, naming both', async () => {
  await resolve([windows], { range: here });
  const lock = await lockfile();
  const wrong = 'a'.repeat(64);
  lock.runtimes['win-x64'].sha256 = wrong;
  await writeFile(path.join(directory, 'sarma.lock.json'), JSON.stringify(lock));
  const right = sha256(executableOf('win-x64', here));
  const mismatch = expect.objectContaining({
    code: 'INTEGRITY',
    message: expect.stringMatching(new RegExp(`${wrong}.*${right}`)),
  });
  await expect(resolve([windows], { range: here })).rejects.toThrow(mismatch);
  await expect(resolve([windows], { range: here, offline: true })).rejects.toThrow(mismatch);
  cache = openBuildCache({ directory: path.join(directory, 'other') });
  await expect(resolve([windows], { range: here })).rejects.toThrow(mismatch);
});

test('a download that is not what SHASUMS256.txt says fails, and nothing is kept', async () => {
  const own = await serve();
  await publish(own, here, ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', here) });
  const altered = executableOf('win-x64', here);
  altered[200] = 1;
  own.files.set(`/dist/v${here}/win-x64/node.exe`, altered);
  await expect(resolve([windows], withMirror(`${own.url}/dist`))).rejects.toThrow(
    expect.objectContaining({
      code: 'INTEGRITY',
      message: expect.stringContaining('Nothing of it was kept'),
    }),
  );
  expect(await cached()).toBe(0);
  await expect(stat(path.join(directory, 'sarma.lock.json'))).rejects.toThrow('ENOENT');
  await own.close();
});

test('a download that breaks off is tried again', async () => {
  const own = await serve();
  const whole = executableOf('win-x64', here);
  await publish(own, here, ['win-x64-exe'], { 'win-x64/node.exe': whole });
  let attempts = 0;
  own.files.set(`/dist/v${here}/win-x64/node.exe`, (_request, response) => {
    response.setHeader('content-length', whole.length);
    if (++attempts > 1) response.end(whole);
    else response.write(whole.subarray(0, 100), () => response.destroy());
  });
  const runtime = (await resolve([windows], withMirror(`${own.url}/dist`))).get('win-x64')!;
  expect(await readFile(runtime.file)).toEqual(whole);
  expect(attempts).toBe(2);
  await own.close();
});

test('a download that always breaks off fails with the reason, and nothing is kept', async () => {
  const own = await serve();
  await publish(own, here, ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', here) });
  own.files.set(`/dist/v${here}/win-x64/node.exe`, (_request, response) => {
    response.setHeader('content-length', 256);
    response.write('MZ', () => response.destroy());
  });
  await expect(resolve([windows], withMirror(`${own.url}/dist`))).rejects.toThrow(
    expect.objectContaining({ code: 'UNREACHABLE', message: expect.stringContaining('broke off') }),
  );
  expect(await cached()).toBe(0);
  await own.close();
});

test('whoever listens may end a download: its error is the result, and nothing is kept', async () => {
  const own = await serve();
  await publish(own, here, ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', here) });
  const stopped = new Error('stopped');
  const onEvent = ({ type }: WrapEvent) => {
    if (type === 'download') throw stopped;
  };
  await expect(resolve([windows], { ...withMirror(`${own.url}/dist`), onEvent })).rejects.toBe(stopped);
  expect(own.requests.filter((url) => url.endsWith('node.exe'))).toHaveLength(1);
  expect(await readdir(path.join(directory, 'cache', 'tmp'))).toEqual([]);
  await own.close();
});

test('an executable for another system is refused', async () => {
  const own = await serve();
  await publish(own, here, ['win-x64-exe'], { 'win-x64/node.exe': executableOf('linux-arm64', here) });
  await expect(resolve([windows], withMirror(`${own.url}/dist`))).rejects.toThrow(
    expect.objectContaining({
      code: 'NOT_A_RUNTIME',
      message: expect.stringContaining('is for linux-arm64, and win-x64 is wanted'),
    }),
  );
  expect(await cached()).toBe(0);
  await own.close();
});

test('another version than the published one is refused', async () => {
  const own = await serve();
  await publish(own, here, ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', '1.2.3') });
  await expect(resolve([windows], withMirror(`${own.url}/dist`))).rejects.toThrow(
    /holds Node 1\.2\.3 instead of/,
  );
  await own.close();
});

test('no source at all fails with the reasons and the ways out', async () => {
  const unreachable = resolve([host], withMirror('http://127.0.0.1:9/dist'));
  await expect(unreachable).rejects.toThrow(
    expect.objectContaining({
      code: 'UNREACHABLE',
      message: expect.stringMatching(
        /127.0.0.1:9.*ECONNREFUSED.*the npm registry.*HTTPS_PROXY.*NODEJS_ORG_MIRROR/,
      ),
    }),
  );
  expect(notices()).toHaveLength(2);
});

test('a server that never answers is given up after seconds, and not asked again', {
  timeout: 20_000,
}, async () => {
  const own = await serve();
  own.files.set('/dist/index.json', () => {});
  await expect(resolve([host], withMirror(`${own.url}/dist`))).rejects.toThrow(/no answer within 5 s/);
  expect(notices()[0]).toContain('no answer within 5 s');
  expect(own.requests).toHaveLength(1);
  const http = createHttp(directory, { HOME: directory });
  await expect(http.json(`${own.url}/dist/index.json`, { patience: 100 })).rejects.toThrow(/no answer/);
  await expect(http.text(`${own.url}/other`)).rejects.toThrow(/no answer within 0\.1 s/);
  expect(own.requests).toHaveLength(2);
  await own.close();
});

test('what earlier builds downloaded does when no source can be reached', async () => {
  await resolve([windows], { range: here });
  await rm(path.join(directory, 'sarma.lock.json'));
  const runtime = (await resolve([windows], withMirror('http://127.0.0.1:9/dist'))).get('win-x64')!;
  expect(runtime.version).toBe(here);
  expect(notices().at(-1)).toMatch(
    /^No source of runtimes .*ECONNREFUSED.*What earlier builds downloaded is used/,
  );
});

test('what earlier builds downloaded does not hide that no source can be reached', async () => {
  await resolve([windows], { range: here });
  await expect(resolve([windows], { ...withMirror('http://127.0.0.1:9/dist'), range: '1' })).rejects.toThrow(
    expect.objectContaining({ code: 'UNREACHABLE' }),
  );
});

test('offline, an empty cache is said so, and no socket is opened', async () => {
  await expect(resolve([host], { offline: true })).rejects.toThrow(
    expect.objectContaining({ code: 'OFFLINE', message: expect.stringContaining(host.name) }),
  );
  expect(mirror.requests).toEqual([]);
});

test('a range that nothing satisfies lists what there is', async () => {
  await expect(resolve([host, windows], { range: '>=99' })).rejects.toThrow(
    expect.objectContaining({
      code: 'NO_RUNTIME',
      message: expect.stringMatching(
        new RegExp(
          `"&?>=99".*\\n.*${host.name}: none; there are ${here}\\n.*win-x64: none; there are ${newer}\\n--runtime ${here}`,
        ),
      ),
    }),
  );
});

test('a target without a version in the range does not take the others with it', async () => {
  const s390x = shippedTargets.get('linux-s390x')!;
  const x86 = shippedTargets.get('win-x86')!;
  const env = { HOME: directory, NODEJS_ORG_MIRROR: `${mirror.url}/dist/`, npm_config_registry: NOBODY };
  const request = { targets: [x86, host, s390x], range: '>=24', project: directory, cache, env };
  const { runtimes, failures } = await fetchRuntimes(request);
  expect([...runtimes.keys()]).toEqual([host.name]);
  expect(Object.keys((await lockfile()).runtimes)).toEqual([host.name]);
  const message = { 'win-x86': /--runtime 22/, 'linux-s390x': /linux-s390x: none/ };
  expect([...failures.keys()].toSorted()).toEqual(Object.keys(message).toSorted());
  for (const [name, says] of Object.entries(message)) {
    expect(failures.get(name)).toMatchObject({ code: 'NO_RUNTIME', message: expect.stringMatching(says) });
    expect(failures.get(name)!.message).not.toContain(host.name);
  }
});

/** Releases of which each target has others; linux-s390x has none. */
async function diverging() {
  const own = await serve();
  const has: Record<string, readonly string[]> = {
    '24.3.0': ['osx-x64-tar', 'win-x64-exe'],
    '24.2.0': ['osx-arm64-tar', 'win-x64-exe'],
    '22.1.0': ['osx-arm64-tar', 'osx-x64-tar', 'win-x64-exe'],
  };
  for (const [version, platforms] of Object.entries(has)) {
    const archives = (['darwin-x64', 'darwin-arm64'] as const).map(async (name) => [
      `node-v${version}-${name}.tar.gz`,
      await archiveOf('n/bin/node', executableOf(name, version)),
    ]);
    await publish(own, version, platforms, {
      ...Object.fromEntries(await Promise.all(archives)),
      'win-x64/node.exe': executableOf('win-x64', version),
    });
  }
  return own;
}

test('a target without any version does not hide that the others have none in common', async () => {
  const own = await diverging();
  const names = ['darwin-x64', 'darwin-arm64', 'linux-s390x'];
  const targets = names.map((name) => shippedTargets.get(name)!);
  await expect(resolve(targets, { ...withMirror(`${own.url}/dist`), range: '24' })).rejects.toThrow(
    expect.objectContaining({
      code: 'NO_RUNTIME',
      message: expect.stringMatching(
        /^No version of Node in the range "24" is there for all targets:\n.*darwin-x64: 24\.3\.0\n.*darwin-arm64: 24\.2\.0\n.*linux-s390x: none\n--runtime 22\.1\.0 is the newest that all the others have; --per-target lets targets differ/,
      ),
    }),
  );
  await own.close();
});

test('the slices of a universal target get one version, perTarget or not', async () => {
  const own = await diverging();
  const universal = shippedTargets.get('darwin-universal')!;
  const request = { ...withMirror(`${own.url}/dist`), perTarget: true };
  const both = await resolve([universal, windows], { ...request, range: '>=22' });
  expect(Object.fromEntries([...both].map(([name, { version }]) => [name, version]))).toEqual({
    'darwin-x64': '22.1.0',
    'darwin-arm64': '22.1.0',
    'win-x64': '24.3.0',
  });
  expect(await resolve([universal, windows], { ...request, range: '>=22', frozen: true })).toEqual(both);
  await own.close();
});

test('slices without a version in common do not take other targets with them', async () => {
  const own = await diverging();
  const { env } = withMirror(`${own.url}/dist`);
  const targets = [shippedTargets.get('darwin-universal')!, windows];
  const request = { targets, perTarget: true, range: '24', project: directory, cache, env: env! };
  const { runtimes, failures } = await fetchRuntimes(request);
  expect([...runtimes.keys()]).toEqual(['win-x64']);
  expect([...failures.keys()].toSorted()).toEqual(['darwin-arm64', 'darwin-x64']);
  const { message } = failures.get('darwin-x64')!;
  expect(message).toMatch(/is there for all of these, which become one file:\n(.*\n){2}--runtime 22\.1\.0/);
  expect(message).not.toContain('--per-target');
  await own.close();
});

test('a line after the last that is built for a target is a sentence, before anybody is asked', async () => {
  await expect(resolve([shippedTargets.get('win-x86')!], { range: '24' })).rejects.toThrow(
    expect.objectContaining({ code: 'NO_RUNTIME', message: expect.stringContaining('--runtime 22') }),
  );
  expect(mirror.requests).toEqual([]);
});

test('a target may be published elsewhere, in the same layout', async () => {
  const own = await serve();
  await publish(own, here, ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', here) });
  const elsewhere = { ...windows, mirror: `${own.url}/dist` };
  const runtime = (await resolve([elsewhere])).get('win-x64')!;
  expect(runtime.source).toBe(`${own.url}/dist/v${here}/win-x64/node.exe`);
  expect(mirror.requests).toEqual([]);
  await own.close();
});

test('credentials for a mirror come from its address or from .npmrc, and show nowhere', async () => {
  const own = await serve();
  await publish(own, here, ['win-x64-exe'], { 'win-x64/node.exe': executableOf('win-x64', here) });
  let expected = '';
  for (const [name, content] of own.files) {
    own.files.set(name, (request, response) =>
      request.headers.authorization === expected
        ? response.end(content as Buffer)
        : response.writeHead(401).end(),
    );
  }
  expected = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  await resolve([windows], withMirror(`${own.url.replace('//', '//me:p%40ss@')}/dist`));
  expect(JSON.stringify([events, await lockfile(), await cache.entries()])).not.toMatch(/p%40ss|p@ss/);

  cache = openBuildCache({ directory: path.join(directory, 'other') });
  expected = 'Bearer secret';
  await writeFile(
    path.join(directory, '.npmrc'),
    `${own.url.replace('http:', '')}/dist/:_authToken=secret\n`,
  );
  await resolve([windows], withMirror(`${own.url}/dist`));

  cache = openBuildCache({ directory: path.join(directory, 'third') });
  await rm(path.join(directory, '.npmrc'));
  await rm(path.join(directory, 'sarma.lock.json'));
  await expect(
    resolve([windows], withMirror(`${own.url.replace('//', '//me:wrong@')}/dist`)),
  ).rejects.toThrow();
  expect(notices().join()).toMatch(/401/);
  expect(notices().join()).not.toMatch(/wrong/);
  await own.close();
});

test('a proxy is used', async () => {
  const proxy = await serve();
  const { files } = mirror;
  for (const name of ['index.json', `v${here}/SHASUMS256.txt`, `v${here}/win-x64/node.exe`]) {
    proxy.files.set(`http://mirror.invalid/dist/${name}`, files.get(`/dist/${name}`)!);
  }
  const env = {
    HOME: directory,
    NODEJS_ORG_MIRROR: 'http://mirror.invalid/dist',
    npm_config_proxy: proxy.url,
    npm_config_registry: NOBODY,
  };
  const runtime = (await resolve([windows], { env, range: here })).get('win-x64')!;
  expect(await readFile(runtime.file)).toEqual(executableOf('win-x64', here));
  await proxy.close();
});
