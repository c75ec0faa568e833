import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type AssembledRelease, loadRelease, writeSourceRelease } from '../src/index.ts';
import { project, release, text, write } from './support/project.ts';

const manifest = {
  name: 'kv',
  version: '1.0.0',
  type: 'module',
  sarma: { application: './src/application.ts' },
};

/** Says what it got, and ends the node. */
const application = `
  import { port } from './port.ts';
  export default {
    async start({ config, args, exit }) {
      console.log(JSON.stringify({ config, args, port, url: import.meta.url.split('/').slice(-2) }));
      setTimeout(exit, 10);
    },
  };`;

const service = {
  'package.json': manifest,
  'src/application.ts': application,
  'src/port.ts': 'export const port: number = 1;',
  'config/config.ts': 'export default { kv: { below: 1, kept: true } };',
  'config/runtime.ts':
    'export default ({ configuration }) => ({ kv: { below: Number(configuration.kv.below) + 1 } });',
};

/** Starts the node of a release that lies somewhere else, its project being gone. */
function start(root: string, { path: at, entries, name }: AssembledRelease, ...args: string[]): string {
  const away = path.join(path.dirname(root), 'moved to');
  cpSync(at, away, { recursive: true, verbatimSymlinks: true });
  renameSync(root, `${root}-away`);
  return node([path.join(away, entries[name]!), ...args], path.dirname(root));
}

function node(args: readonly string[], home: string): string {
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    RELEASE_DISTRIBUTION: 'none',
    RELEASE_MUTABLE_DIR: `${home}/state`,
  };
  return execFileSync(process.execPath, args, { cwd: home, encoding: 'utf8', env });
}

test.each(['copy', 'bundle'] as const)(
  'an assembled service starts with its configuration (%s)',
  async (code) => {
    const root = project(service);
    const assembled = await release(root, { code });
    expect(assembled.warnings).toEqual([]);
    expect(JSON.parse(start(root, assembled, 'start', 'a', '--b'))).toEqual({
      config: { below: 2, kept: true },
      args: ['a', '--b'],
      port: 1,
      url: ['src', 'application.js'],
    });
  },
);

test('boot.json, release.json and the code of the boot lie in the folder of the version', async () => {
  const root = project({
    ...service,
    'commands/seed.ts': "export default { description: 'Fill it', run() {} };",
    'sarma.config.json': { upgrade: { drainTimeout: 0 } },
  });
  const assembled = await release(root);
  const boot = JSON.parse(text(assembled, 'releases/1.0.0/boot.json'));
  expect(boot).toMatchObject({
    format: 1,
    name: 'kv',
    version: '1.0.0',
    kind: 'service',
    environment: 'prod',
    nodeLine: null,
    main: 'lib/kv-1.0.0',
    programs: {},
    commands: [{ name: 'seed', module: 'lib/kv-1.0.0/commands/seed.js', description: 'Fill it' }],
    hooks: {},
    shutdownTimeout: 10_000,
    upgrade: { drainTimeout: 0 },
  });
  expect(boot).not.toHaveProperty('cookie');
  expect(JSON.parse(text(assembled, 'releases/start.json'))).toEqual({ version: '1.0.0', runtime: null });
  expect(JSON.parse(text(assembled, 'releases/1.0.0/release.json'))).toMatchObject({
    kind: 'service',
    environment: 'prod',
    entries: { kv: 'releases/1.0.0/boot.cjs' },
    applications: [{ name: 'kv', version: '1.0.0', mode: 'permanent' }],
    shell: false,
  });
});

test.each([
  [
    'seed.ts',
    "import { defineCommand } from '@sarma/app'; export default defineCommand({ description: 'Fill it' });",
  ],
  ['seed.js', "const command = { description: 'Fill it' }; export { command as default };"],
  ['seed.cjs', 'module.exports = { description: `Fill it`, run() {} };'],
])('a command says what it does without being run: %s', async (file, source) => {
  const root = project({
    ...service,
    [`commands/${file}`]: `${source}\nthrow new Error('run');`,
    'commands/_shared.ts': 'export const shared = 1;',
  });
  const { commands } = JSON.parse(text(await release(root), 'releases/1.0.0/boot.json'));
  expect(commands).toMatchObject([{ name: 'seed', description: 'Fill it' }]);
});

test('a command that cannot be read is named with its line', async () => {
  const root = project({ ...service, 'commands/seed.js': 'export default {\n  description: ,\n};' });
  await expect(release(root)).rejects.toThrow(/commands\/seed\.js:2:\d+ cannot be read: Unexpected/);
});

test('config/config.ts and its environments are in the release only as what they say', async () => {
  const root = project({
    ...service,
    'config/prod.ts': 'export default { kv: { stage: 1 } };',
    'config/dev.ts': 'export default { kv: { password: "dev" } };',
    'config/qa.ts': 'export default { kv: { password: "qa" } };',
    'config/other.ts': 'export default 1;',
    'sarma.config.json': { environments: { qa: {} } },
  });
  const assembled = await release(root);
  expect(readdirSync(path.join(assembled.path, 'lib/kv-1.0.0/config')).sort()).toEqual([
    'other.js',
    'runtime.js',
  ]);
});

test('the same project gives the same boot wherever it lies', async () => {
  const parts = {
    ...service,
    'config/vault.ts': 'export default { load: () => ({}) };',
    'telemetry.ts': '',
    'sarma.config.json': { preload: ['./telemetry.ts'], configProviders: ['./config/vault.ts'] },
  };
  const [one, other] = [await release(project(parts)), await release(project(parts))];
  const files = (assembled: AssembledRelease) =>
    readdirSync(assembled.path, { recursive: true, encoding: 'utf8' }).sort();
  expect(files(one)).toEqual(files(other));
  for (const file of ['releases/1.0.0/boot.json', 'releases/1.0.0/boot.cjs', 'releases/1.0.0/release.json'])
    expect(text(one, file)).toBe(text(other, file));
});

test('the code of the boot is the same wherever it is built', () => {
  const home = path.dirname(project({ 'deeper/down/text': '' }));
  const code = JSON.stringify(path.join(import.meta.dirname, '../src/boot/code.ts'));
  const source = `const { addBootCode } = await import(${code}); const tree = new Map();
    await addBootCode(tree, 'x'); console.log(JSON.stringify([...tree]));`;
  const built = ['.', 'project', 'project/deeper/down'].map((at) =>
    execFileSync(process.execPath, ['--conditions=@sarma/source', '--input-type=module', '-e', source], {
      cwd: path.join(home, at),
      encoding: 'utf8',
    }),
  );
  expect(built[0]!.length).toBeGreaterThan(10_000);
  expect(new Set(built).size).toBe(1);
});

test('a program with a configuration is started by the boot, as its own main', async () => {
  const root = project({
    'package.json': { name: 'tool', version: '1.0.0', type: 'module', bin: { tool: './main.ts' } },
    'main.ts': 'console.log(import.meta.main, process.argv.slice(2).join(), globalThis.seen);',
    'telemetry.ts': 'globalThis.seen = "telemetry first";',
    'sarma.config.json': { preload: ['./telemetry.ts'] },
  });
  const assembled = await release(root);
  expect(assembled).toMatchObject({ kind: 'cli', entries: { tool: 'releases/1.0.0/start-tool.cjs' } });
  const away = path.join(path.dirname(root), 'away');
  cpSync(assembled.path, away, { recursive: true });
  expect(node([path.join(away, assembled.entries.tool!), 'stop', 'x'], path.dirname(root))).toBe(
    'true stop,x telemetry first\n',
  );
});

test('a program without one has no boot at all', async () => {
  const root = project({
    'package.json': { name: 'tool', version: '1.0.0', main: 'main.js' },
    'main.js': '',
  });
  const assembled = await release(root);
  expect(assembled.entries).toEqual({ tool: 'lib/tool-1.0.0/main.js' });
  expect(() => text(assembled, 'releases/1.0.0/boot.json')).toThrow('ENOENT');
});

test.each([
  [{ runtime: { version: '24' } }, {}, 24],
  [{ runtime: { version: '^22.15.0' } }, {}, 22],
  [{}, { engines: { node: '24.x' } }, 24],
  [{}, { engines: { node: '>=20' } }, null],
  [{ runtime: { include: false } }, {}, Number(process.versions.node.split('.')[0])],
])('the line of Node of %j with %j is %s', async (configuration, more, line) => {
  const root = project({
    ...service,
    'package.json': { ...manifest, ...more },
    'sarma.config.json': configuration,
  });
  const assembled = await release(root);
  expect(JSON.parse(text(assembled, 'releases/1.0.0/boot.json')).nodeLine).toBe(line);
});

test('what the boot shall import and is not there is named', async () => {
  const root = project({ ...service, 'sarma.config.json': { preload: ['tracing/register'] } });
  await expect(release(root)).rejects.toThrow(/tracing\/register.*npm install tracing/s);
});

test('a preload may be a module of a dependency', async () => {
  const root = project({
    ...service,
    'package.json': { ...manifest, dependencies: { tracing: '1' } },
    'node_modules/tracing/package.json': {
      name: 'tracing',
      version: '1.0.0',
      exports: { './register': { import: './esm/register.mjs', require: './cjs/register.js' } },
    },
    'node_modules/tracing/esm/register.mjs': 'console.log("traced");',
    'node_modules/tracing/cjs/register.js': '',
    'sarma.config.json': { preload: ['tracing/register'] },
  });
  const assembled = await release(root);
  expect(start(root, assembled, 'start')).toMatch(/^traced\n\{/);
});

test('a release runs from its sources, and keeps what the node wrote beside them', async () => {
  const root = project({
    ...service,
    'src/port.ts': 'export const port = __PORT__;',
    'sarma.config.json': { define: { __PORT__: 9, 'build.at': 'now' } },
  });
  const directory = path.join(root, '_build/dev/run/kv');
  const loaded = await loadRelease({ project: root, environment: 'dev' });
  write(root, { '_build/dev/run/kv/var/log.txt': 'kept', '_build/dev/run/kv/releases/1.0.0/vm.args': '-x' });
  // Several at once, as `sarma eval` beside `sarma run`.
  for (const _ of [1, 2])
    await Promise.all([1, 2, 3].map(() => writeSourceRelease(loaded, directory, () => {})));
  const boot = path.join(directory, 'releases/1.0.0/boot.cjs');
  expect(JSON.parse(node([boot, 'start', 'x'], path.dirname(root)))).toMatchObject({
    config: { below: 2, kept: true },
    args: ['x'],
    port: 9,
    url: ['src', 'application.ts'],
  });
  expect(existsSync(path.join(directory, 'var/log.txt'))).toBe(true);
  expect(existsSync(path.join(directory, 'releases/1.0.0/vm.args'))).toBe(false);
  expect(readdirSync(directory).sort()).toEqual(['bin', 'package.json', 'releases', 'var']);
});
