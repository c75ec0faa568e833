import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type TestRelease, testRelease } from './support/release.ts';

const sys = {
  demo: { port: 4040, secret: 'hunter2', url: 'postgres://me:hunter2@host/db' },
  tool: { depth: 1 },
};

async function release(): Promise<TestRelease> {
  return await testRelease({
    files: {
      'lib/demo/application.mjs': `export default {
        start() { console.log('up'); },
        configChange(state, { changed, removed }) { console.log('changed', JSON.stringify({ changed, removed })); },
      };`,
      'lib/tool/application.mjs': 'export default { start() {} };',
      'lib/demo/provider.mjs': 'export default { load: (configuration) => configuration };',
      'releases/0.1.0/hooks/pre_start.sh': 'exit 0\n',
    },
    applications: ['demo', { name: 'tool', mode: 'load' }],
    config: sys,
    boot: {
      commands: [{ name: 'migrate', module: 'lib/demo/migrate.mjs', description: 'Migrate the database' }],
      hooks: { pre_start: ['releases/0.1.0/hooks/pre_start.sh'] },
      configuration: {
        sys: 'releases/0.1.0/sys.config.json',
        providers: [{ name: '@demo/vault', module: 'lib/demo/provider.mjs', state: { password: 'hunter2' } }],
        runtime: null,
        requiredEnv: [],
        compiled: {},
        validateCompileEnv: true,
      },
    },
  });
}

test('describe says what the release is, where it keeps things, and that it does not run', async () => {
  const demo = await release();
  const { code, stdout } = await demo.run(['describe']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^demo 0\.1\.0 \(prod\)\n/);
  expect(stdout).toMatch(/^ {2}Running +no$/m);
  expect(stdout).toMatch(new RegExp(`^ {2}State +${demo.root}/var$`, 'm'));
  expect(stdout).toMatch(/^ {2}demo 1\.0\.0 {2}permanent$/m);
  expect(stdout).toMatch(/^ {2}tool 1\.0\.0 {2}load$/m);
  expect(stdout).toMatch(/^ {2}@demo\/vault$/m);
  expect(stdout).toMatch(/^ {2}pre_start {2}releases\/0\.1\.0\/hooks\/pre_start\.sh$/m);
  expect(stdout).toMatch(/^ {2}migrate {2}Migrate the database$/m);
  expect(stdout).not.toContain('hunter2');
});

test('describe of a running node: its PID, since when, and how its applications are', async () => {
  const demo = await release();
  const { child } = await demo.start('up');
  const { stdout } = await demo.run(['status']);
  expect(stdout).toMatch(new RegExp(`^ {2}Running +PID ${child.pid}, since 20\\d\\d-\\S+Z, \\d+ MB$`, 'm'));
  expect(stdout).toMatch(/^ {2}demo 1\.0\.0 {2}permanent {2}running$/m);
  expect(stdout).toMatch(/^ {2}tool 1\.0\.0 {2}load {7}loaded$/m);
});

test('describe --json is for machines', async () => {
  const demo = await release();
  const described = JSON.parse((await demo.run(['describe', '--json'])).stdout);
  expect(described).toMatchObject({
    name: 'demo',
    version: '0.1.0',
    node: 'demo',
    running: null,
    runtime: { version: process.versions.node },
    paths: { root: demo.root, executable: null, state: path.join(demo.root, 'var') },
    applications: [
      { name: 'demo', mode: 'permanent', state: null },
      { name: 'tool', mode: 'load', state: null },
    ],
    configuration: { providers: ['@demo/vault'] },
    commands: [{ name: 'migrate' }],
  });
});

test('a node that does not know us is described as far as that goes', async () => {
  const demo = await release();
  await demo.start('up');
  const { code, stdout } = await demo.run(['describe'], {
    env: { RELEASE_COOKIE: 'another-cookie-than-its' },
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {2}Running +unknown: .*cookie/m);
});

test('config effective prints what the node would get, secrets masked', async () => {
  const demo = await release();
  const { code, stdout } = await demo.run(['config', 'effective']);
  expect(code).toBe(0);
  expect(stdout).toBe(
    `demo.port = 4040\ndemo.secret = '********'\ndemo.url = 'postgres://me:********@host/db'\ntool.depth = 1\n`,
  );
  const json = await demo.run(['config', 'effective', '--json', '--app', 'tool']);
  expect(JSON.parse(json.stdout)).toEqual({ tool: { depth: 1 } });
});

test('config effective --sources tells where each value comes from: files, variables, providers, and what these say', async () => {
  const demo = await testRelease({
    files: {
      'lib/demo/application.mjs': 'export default { start() {} };',
      'lib/demo/provider.mjs': `export default { load(_configuration, _state, { onSource }) {
        onSource(['demo', 'deep', 'a'], '/etc/demo.conf:3');
        return { demo: { deep: { a: 1, b: 2 }, limit: 5 } };
      } };`,
      'lib/demo/runtime.mjs': 'export default { demo: { limit: 6 } };',
    },
    applications: ['demo'],
    config: {
      demo: {
        port: { $env: { name: 'PORT', type: 'integer', default: 1 } },
        host: { $env: { name: 'HOST_NAME', type: 'string', default: 'here' } },
        deep: { a: 0, c: 3 },
        limit: 4,
        secrets: { a: 1 },
      },
    },
    boot: {
      configuration: {
        runtime: 'lib/demo/runtime.mjs',
        providers: [{ name: 'settings', module: 'lib/demo/provider.mjs', state: null }],
      } as never,
    },
  });
  const effective = ['config', 'effective', '--sources'];
  const { stdout } = await demo.run(effective, { env: { PORT: '99' } });
  expect(stdout).toBe(
    `demo.port = 99  # $PORT
demo.host = 'here'  # sys.config.json
demo.deep = { a: 1, c: 3, b: 2 }  # /etc/demo.conf:3, sys.config.json, settings
demo.limit = 6  # config/runtime.ts
demo.secrets = '********'  # sys.config.json
`,
  );
  const json = await demo.run([...effective, '--json']);
  expect(JSON.parse(json.stdout)).toContainEqual({
    key: 'demo.limit',
    value: 6,
    source: 'config/runtime.ts',
  });
});

test('config example prints the .conf of the release, and says so where there is none', async () => {
  const demo = await testRelease({
    files: {
      'lib/demo/application.mjs': 'export default { start() {} };',
      'releases/0.1.0/config/demo.conf': '# demo.port = 1\n',
    },
    applications: ['demo'],
  });
  expect(await demo.run(['config', 'example'])).toMatchObject({ code: 0, stdout: '# demo.port = 1\n' });
  const other = await (await release()).run(['config', 'example']);
  expect(other).toMatchObject({ code: 1, stdout: '' });
  expect(other.stderr).toContain('This release has no .conf');
});

test('what a provider of Sarma’s own says of a wrong file is shown without its stack', async () => {
  const demo = await testRelease({
    files: {
      'lib/demo/application.mjs': "export default { start() { console.log('started'); } };",
      'lib/demo/provider.mjs': `
        class ConformError extends Error { name = 'ConformError'; }
        export default { load() { throw new ConformError('demo.conf:1:2: wrong'); } };`,
    },
    applications: ['demo'],
    boot: {
      configuration: {
        providers: [{ name: '@sarma/conform', module: 'lib/demo/provider.mjs', state: null }],
      } as never,
    },
  });
  expect(await demo.run(['start'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'demo: Config provider @sarma/conform failed: demo.conf:1:2: wrong\n',
  });
});

test('config: wrong words are sentences', async () => {
  const demo = await release();
  expect(await demo.run(['config'])).toMatchObject({
    code: 1,
    stderr: 'demo: config expects the word effective or example.\n',
  });
  expect(await demo.run(['config', 'effective', '--app', 'tols'])).toMatchObject({
    code: 1,
    stderr: 'demo: There is no configuration for "tols". Did you mean tool?\n',
  });
});

test('reload_config names what changed, not what it is; the applications are told', async () => {
  const demo = await release();
  const { child } = await demo.start('up');
  let told = '';
  child.stdout!.on('data', (text) => (told += text));
  expect((await demo.run(['reload_config'])).stdout).toBe('Nothing has changed.\n');
  await writeFile(
    path.join(demo.root, 'releases/0.1.0/sys.config.json'),
    JSON.stringify({ ...sys, demo: { port: 4041, secret: 'hunter3' } }),
  );
  const { code, stdout } = await demo.run(['reload_config']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Changed:\n  demo.port\n  demo.secret\n  demo.url\n' });
  await expect.poll(() => told).toContain('"port":4041');
});

test('reload_config tells why config/runtime failed', async () => {
  const demo = await testRelease({
    files: {
      'lib/demo/application.mjs':
        "export default { start() { process.env.BAD = 'yes'; console.log('up'); } };",
      'lib/demo/runtime.mjs':
        "export default ({ env }) => { if (env.BAD) throw new Error('no such vault'); return {}; };",
    },
    applications: ['demo'],
    boot: { configuration: { runtime: 'lib/demo/runtime.mjs' } as never },
  });
  await demo.start('up');
  const { code, stderr } = await demo.run(['reload_config']);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^demo: .*runtime\.mjs failed\.\nError: no such vault\n {4}at .*runtime\.mjs\?[\d.]+:1:/,
  );
  expect(stderr).not.toContain('boot/');
});

test('reload_config when nothing runs, and when a provider fails: exit 1, the node lives on as it was', async () => {
  const demo = await release();
  expect(await demo.run(['reload_config'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('demo is not running'),
  });
  await demo.start('up');
  await writeFile(path.join(demo.root, 'releases/0.1.0/sys.config.json'), '{');
  const { code, stderr } = await demo.run(['reload_config']);
  expect(code).toBe(1);
  expect(stderr).toContain('sys.config.json');
  expect((await demo.run(['ping'])).code).toBe(0);
});
