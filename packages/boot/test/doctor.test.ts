import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import type { Finding } from '../src/doctor/finding.ts';
import { type RunOptions, type TestRelease, testRelease } from './support/release.ts';

async function release(
  config: unknown = {},
  files: Readonly<Record<string, string>> = {},
): Promise<TestRelease> {
  return await testRelease({
    files: { 'lib/demo/application.mjs': 'export default { start() { console.log("up"); } };', ...files },
    applications: ['demo'],
    config,
  });
}

async function examine(demo: TestRelease, options: RunOptions = {}) {
  const { code, stdout, stderr } = await demo.run(['doctor', '--json'], options);
  expect(stderr).toBe('');
  const findings = JSON.parse(stdout) as readonly Finding[];
  return {
    code,
    findings,
    of: (subject: string) => findings.filter((finding) => finding.subject.startsWith(subject)),
  };
}

test('a release in good health: every line is ok, exit 0, and nothing is made', async () => {
  const demo = await release({ demo: { port: 0 } });
  const { code, findings } = await examine(demo);
  expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
  expect(code).toBe(0);
  expect((await demo.run(['doctor'])).stdout).toMatch(
    /^ok {7}release: demo 0\.1\.0 in .* files, [\d.]+ MB$/m,
  );
  await expect(mkdir(path.join(demo.root, 'var'))).resolves.toBeUndefined();
});

// The oldest that a release runs on has less than ours.
const oldest = '/usr/bin/node';

test.skipIf(!existsSync(oldest))('an old runtime is no reason to fail', async () => {
  const { code, findings } = await examine(await release(), { runtime: oldest });
  expect(findings.filter(({ level }) => level === 'problem')).toEqual([]);
  expect(code).toBe(0);
});

test('a configuration that cannot be loaded is a problem, and the rest is looked at', async () => {
  const demo = await release();
  await writeFile(path.join(demo.root, 'releases/0.1.0/sys.config.json'), '{');
  const { code, of } = await examine(demo);
  expect(code).toBe(1);
  expect(of('configuration')).toMatchObject([
    { level: 'problem', message: expect.stringContaining('sys.config.json') },
  ]);
  expect(of('release')).toMatchObject([{ level: 'ok' }]);
});

test('what a provider threw is told', async () => {
  const demo = await testRelease({
    files: { 'lib/vault.mjs': 'export default { load() { throw new Error("vault is sealed"); } };' },
    boot: {
      configuration: { providers: [{ name: 'vault', module: 'lib/vault.mjs', state: null }] } as never,
    },
  });
  const [finding] = (await examine(demo)).of('configuration');
  expect(finding?.message).toMatch(/^Config provider vault failed\.\nError: vault is sealed/);
});

test('a module that is missing is named', async () => {
  const demo = await release();
  const module = path.join(demo.root, 'lib/demo/application.mjs');
  await rm(module);
  const { code, of } = await examine(demo);
  expect(code).toBe(1);
  expect(of('release')).toMatchObject([
    { level: 'problem', message: expect.stringContaining(`${module} is missing`) },
  ]);
});

test('a port in use is a problem when it is an application’s own, and nothing to a node that runs', async () => {
  const server = createServer().listen(0);
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const database = { host: 'localhost', port };
  const demo = await release({ demo: { port, database, remote: { host: 'db.example', port } } });
  const { code, of } = await examine(demo);
  expect(code).toBe(1);
  expect(of('port')).toEqual([
    {
      level: 'problem',
      subject: `port ${port}`,
      message: expect.stringMatching(/in use \(demo\.port\)\. Stop/),
    },
    { level: 'warning', subject: `port ${port}`, message: expect.stringContaining('demo.database.port') },
  ]);
  await demo.start('up');
  expect((await examine(demo)).of('port')).toEqual([]);
});

test('a node that does not answer is one problem, and its port is no other', async () => {
  const server = createServer().listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const demo = await testRelease({
    files: {
      'lib/demo/application.mjs': `import { createServer } from 'node:net';
        export default { start({ config }) { createServer().listen(config.port, () => console.log('up')); } };`,
    },
    applications: ['demo'],
    config: { demo: { port } },
  });
  const { child } = await demo.start('up');
  child.kill('SIGSTOP');
  const { code, of } = await examine(demo);
  expect(code).toBe(1);
  expect(of('node')).toEqual([
    {
      level: 'problem',
      subject: 'node',
      message: expect.stringContaining(`demo (PID ${child.pid}) does not answer`),
    },
  ]);
  expect(of('port')).toEqual([]);
}, 20_000);

test('PORT is looked at too', async () => {
  const server = createServer().listen(0);
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const { code, of } = await examine(await release(), { env: { PORT: String(port) } });
  expect(code).toBe(1);
  expect(of('port')).toMatchObject([{ level: 'problem', message: expect.stringContaining('(PORT)') }]);
});

test('a locked database is a problem, a free one is not, one that is none is said to be', async () => {
  const demo = await release();
  const [locked, free, none] = ['locked.db', 'free.sqlite', 'none.db'].map((name) =>
    path.join(demo.root, name),
  );
  for (const file of [locked!, free!]) new DatabaseSync(file).exec('CREATE TABLE t (a)');
  await writeFile(none!, 'this is no database, and long enough to be seen as none'.repeat(20));
  const writer = new DatabaseSync(locked!);
  onTestFinished(() => writer.close());
  writer.exec('BEGIN IMMEDIATE');
  const config = { demo: { db: { path: locked }, file: free, other: none, missing: '/nowhere/x.db' } };
  await writeFile(path.join(demo.root, 'releases/0.1.0/sys.config.json'), JSON.stringify(config));
  const { code, of } = await examine(demo);
  expect(code).toBe(1);
  expect(of('database')).toEqual([
    {
      level: 'problem',
      subject: `database ${locked}`,
      message: expect.stringContaining('locked by another process (demo.db.path)'),
    },
    { level: 'ok', subject: `database ${free}`, message: expect.any(String) },
    {
      level: 'problem',
      subject: `database ${none}`,
      message: expect.stringContaining('cannot be used (demo.other)'),
    },
  ]);
});

test('a cookie that others may read is a problem, with the command that mends it', async () => {
  const demo = await release();
  const file = path.join(demo.root, 'var/cookie');
  await mkdir(path.dirname(file));
  await writeFile(file, 'x'.repeat(43));
  await chmod(file, 0o644);
  const { code, of } = await examine(demo);
  expect(code).toBe(1);
  expect(of('cookie')).toMatchObject([
    { level: 'problem', message: expect.stringContaining(`chmod 600 '${file}'`) },
  ]);
  execFileSync('chmod', ['600', file]);
  expect((await examine(demo)).of('cookie')).toMatchObject([{ level: 'ok' }]);
});

test('a cookie that lies elsewhere is found too', async () => {
  const demo = await release();
  const env = { RELEASE_READ_ONLY: '1', XDG_RUNTIME_DIR: demo.root };
  const message = async () => (await examine(demo, { env })).of('cookie')[0]!.message;
  expect(await message()).toMatch(/^none yet/);
  await demo.start('up', { env });
  expect(await message()).toMatch(/^there is one/);
  const written = await testRelease({ files: {}, boot: { cookie: 'x'.repeat(20) } });
  expect((await examine(written)).of('cookie')).toMatchObject([
    { level: 'ok', message: expect.stringContaining("release's own") },
  ]);
});

test('the record of a node that was killed is a warning', async () => {
  const demo = await release();
  const { child, ended } = await demo.start('up');
  expect((await examine(demo)).of('node')).toEqual([
    { level: 'ok', subject: 'node', message: `demo runs (PID ${child.pid})` },
  ]);
  child.kill('SIGKILL');
  await ended;
  const { code, of } = await examine(demo);
  expect(code).toBe(0);
  expect(of('node')).toMatchObject([
    { level: 'ok' },
    { level: 'warning', message: expect.stringContaining(`demo (PID ${child.pid}) is gone`) },
  ]);
});

test('a package whose native addons do not load here is named; one that loads, or is for elsewhere, is fine', async () => {
  const manifest = (name: string, more = {}) => JSON.stringify({ name, version: '1.0.0', ...more });
  const demo = await release(
    {},
    {
      'lib/demo/node_modules/broken/package.json': manifest('broken'),
      'lib/demo/node_modules/broken/build/Release/broken.node': 'no addon',
      'lib/demo/node_modules/elsewhere/package.json': manifest('elsewhere', { os: ['sunos'] }),
      'lib/demo/node_modules/elsewhere/elsewhere.node': 'no addon',
    },
  );
  const { code, of } = await examine(demo);
  expect(code).toBe(1);
  expect(of('native addon')).toEqual([
    {
      level: 'problem',
      subject: 'native addon',
      message: expect.stringMatching(/^broken 1\.0\.0 has none that loads here: .*broken\.node/),
    },
  ]);
});

test('a state directory that is not written to is said to be so', async () => {
  const { code, of } = await examine(await release(), { env: { RELEASE_READ_ONLY: '1' } });
  expect(code).toBe(0);
  expect(of('state directory')).toMatchObject([
    { level: 'ok', message: expect.stringContaining('RELEASE_READ_ONLY') },
  ]);
});
