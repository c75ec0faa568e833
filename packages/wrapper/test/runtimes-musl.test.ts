import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type BuildCache, openBuildCache } from '../src/build-cache.ts';
import type { WrapEvent } from '../src/events.ts';
import { fetchRuntimes, type RuntimeRequest } from '../src/runtimes/resolve.ts';
import { hostTarget, shippedTargets, type Target } from '../src/targets.ts';
import { archiveOf, executableOf, type Mirror, publish, serve } from './support/node-mirror.ts';
import { standInNode } from './support/stand-in-node.ts';

// As nodejs.org and unofficial-builds.nodejs.org publish: the same layout, the musl builds in the latter alone.
const VERSION = '24.11.0';
const arm64 = shippedTargets.get('linux-arm64')!;
const musl = shippedTargets.get('linux-x64-musl')!;
const muslNode = standInNode('x86_64-linux-musl', VERSION);
const archive = `node-v${VERSION}-linux-x64-musl.tar.gz`;

let official: Mirror;
let unofficial: Mirror;
let row: Target;
let directory: string;
let cache: BuildCache;
let events: WrapEvent[];

beforeAll(async () => {
  official = await serve();
  unofficial = await serve();
  row = { ...musl, mirror: `${unofficial.url}/dist` };
  await publish(official, VERSION, ['linux-arm64'], {
    [`node-v${VERSION}-linux-arm64.tar.gz`]: await archiveOf(
      'n/bin/node',
      executableOf('linux-arm64', VERSION),
    ),
  });
  await publish(unofficial, VERSION, ['headers', 'linux-x64-musl'], {
    [archive]: await archiveOf(`node-v${VERSION}-linux-x64-musl/bin/node`, muslNode),
  });
});

afterAll(() => Promise.all([official.close(), unofficial.close()]));

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-musl-'));
  cache = openBuildCache({ directory: path.join(directory, 'cache') });
  events = [];
  official.requests.length = 0;
  unofficial.requests.length = 0;
});

afterEach(() => rm(directory, { recursive: true }));

const NOBODY = 'http://127.0.0.1:9/';
const fetch = async (targets: readonly Target[], options: Partial<RuntimeRequest> = {}) =>
  await fetchRuntimes({
    targets,
    range: '24',
    project: directory,
    cache,
    onEvent: (event) => events.push(event),
    env: { HOME: directory, NODEJS_ORG_MIRROR: `${official.url}/dist/`, npm_config_registry: NOBODY },
    ...options,
  });

test('the shipped rows name the unofficial builds, and NODEJS_ORG_MIRROR does not stand for them', () => {
  for (const cpu of ['x64', 'arm64']) {
    expect(shippedTargets.get(`linux-${cpu}-musl`)).toMatchObject({
      libc: 'musl',
      nodejs: `linux-${cpu}-musl.tar.gz`,
      mirror: 'https://unofficial-builds.nodejs.org/download/release',
    });
  }
});

test('a musl runtime comes from the place of its row, and is locked with its address there', async () => {
  const { runtimes } = await fetch([row]);
  const runtime = runtimes.get(row.name)!;
  const source = `${unofficial.url}/dist/v${VERSION}/${archive}`;
  expect(runtime).toMatchObject({ version: VERSION, source });
  expect((await readFile(runtime.file)).equals(muslNode)).toBe(true);
  const { runtimes: locked } = JSON.parse(await readFile(path.join(directory, 'sarma.lock.json'), 'utf8'));
  expect(locked[row.name]).toMatchObject({ version: VERSION, source });
  expect(official.requests).toEqual([]);
});

test('glibc and musl targets of one build get one version, each from its place', async () => {
  const { runtimes, failures } = await fetch([arm64, row]);
  expect([...runtimes.values()].map(({ version }) => version)).toEqual([VERSION, VERSION]);
  expect(runtimes.get(arm64.name)!.source).toMatch(/^https:\/\/nodejs\.org\/dist\//);
  expect(failures.size).toBe(0);
});

test('where the place of a row is out of reach, the others get theirs, and the sentence names it', async () => {
  const { runtimes, failures } = await fetch([arm64, { ...musl, mirror: `${NOBODY}dist` }]);
  expect([...runtimes.keys()]).toEqual([arm64.name]);
  expect([...failures.keys()]).toEqual([musl.name]);
  expect(failures.get(musl.name)).toMatchObject({
    code: 'NO_RUNTIME',
    message: expect.stringMatching(
      /linux-x64-musl: none.*\n.*path or an address(.|\n)*No usable answer came from 127\.0\.0\.1:9 \(/,
    ),
  });
});

test('with nobody in reach, a musl target alone says so too', async () => {
  await expect(fetch([{ ...musl, mirror: `${NOBODY}dist` }])).rejects.toThrow(
    expect.objectContaining({ code: 'UNREACHABLE', message: expect.stringContaining('127.0.0.1:9') }),
  );
});

test('a Node for glibc is none for a musl target, and the other way round', async () => {
  const host = hostTarget(shippedTargets);
  await expect(fetch([musl], { range: process.execPath })).rejects.toThrow(
    `is for ${host.name}, and linux-x64-musl is wanted`,
  );
  const { runtimes } = await fetch([row]);
  await expect(
    fetch([shippedTargets.get('linux-x64')!], { range: runtimes.get(row.name)!.file }),
  ).rejects.toThrow('is for linux-x64-musl, and linux-x64 is wanted');
});
