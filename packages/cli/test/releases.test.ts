// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders of vm.args look like JavaScript's
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hostTarget } from './support/host.ts';
import { ended, folder, hello, quickly, sarma, start } from './support/sarma.ts';

/** A project with two releases and no package installed, so that it is all source. */
const project = (releases: string, more: Readonly<Record<string, string>> = {}) =>
  folder({
    'package.json': JSON.stringify({
      name: 'store',
      version: '1.2.3',
      type: 'module',
      sarma: { application: './application.ts' },
    }),
    'application.ts': 'export default { start: ({ args }: any) => console.log("started", ...args) };\n',
    'sarma.config.ts': `import { defineConfig } from 'sarma';\nexport default defineConfig(${releases});\n`,
    ...more,
  });

const runtime = ['--runtime', process.versions.node];

test('the positional argument may name a release; an unknown one lists them', async () => {
  const directory = await project(`{ releases: { store: {}, store_admin: () => ({ version: '9.0.0' }) } }`);
  const { exitCode, stdout } = await sarma(['assemble', 'store_admin', ...runtime], { directory });
  expect(stdout).toMatch(/^store_admin 9\.0\.0 from sarma\.config\.ts/);
  expect(exitCode).toBe(0);
  for (const argv of [['shop'], ['--release', 'shop']]) {
    const unknown = await sarma(['assemble', ...argv], { directory });
    expect(unknown.stderr).toMatch(/shop.*store, store_admin/);
    expect(unknown.exitCode).toBe(1);
  }
  const none = await sarma(['wrap'], { directory });
  expect(none.stderr).toMatch(/store, store_admin/);
});

test('the environment is that of --env, else of SARMA_ENV', async () => {
  const directory = await project(
    `{ releases: { store: {} }, environments: { staging: { version: '2.0.0' }, dev: { version: '3.0.0' } } }`,
  );
  const environment = { SARMA_ENV: 'staging' };
  const named = await sarma(['assemble', '--env', 'dev', ...runtime], { directory, environment });
  expect(named.stdout).toContain('store 3.0.0');
  expect(existsSync(path.join(directory, '_build/dev/rel/store/releases/3.0.0'))).toBe(true);
  expect((await sarma(['assemble', ...runtime], { directory, environment })).stdout).toContain('store 2.0.0');
});

test('steps run in their order, functions get what was made, and the tar is told', async () => {
  const directory = await project(`{ releases: { store: {
    steps: [
      (release) => { console.log('first', release.assembled); return { ...release, overlayVars: { motd: 'hi' } }; },
      'assemble',
      (release) => { console.log('then', release.assembled.entries.store, release.steps.length); return release; },
      'tar',
    ],
    targets: ['${hostTarget}'],
  } } }`);
  const { stdout, exitCode } = await sarma(['assemble', ...runtime], { directory });
  expect(stdout).toMatch(
    /first undefined\n.*Assembled .*\nthen releases\/1\.2\.3\/boot\.cjs 1\n.*: burrito_out\/store-1\.2\.3-/s,
  );
  expect(exitCode).toBe(0);
  expect(existsSync(path.join(directory, `burrito_out/store-1.2.3-${hostTarget}.tar.gz`))).toBe(true);
});

test('a step that returns no release is named, and nothing is wrapped', async () => {
  const directory = await project(`{ releases: { store: { steps: [function sign() {}, 'assemble'] } } }`);
  const { stderr, exitCode } = await sarma(['wrap', ...runtime], { directory });
  expect(stderr).toMatch(/sign.*release/);
  expect(exitCode).toBe(1);
  expect(existsSync(path.join(directory, 'burrito_out'))).toBe(false);
});

test('a step around a phase may halt the build of a target', async () => {
  const directory = await project(`{ releases: { store: { wrap: { extraSteps: { patch: { pre: [
    function refuse(context) { return { ...context, halted: true }; },
  ] } } } } } }`);
  const { stderr, exitCode } = await sarma(['wrap', '--compression', 'fast', ...runtime], { directory });
  expect(stderr).toMatch(/refuse/);
  expect(exitCode).toBe(1);
});

test('without a runtime there is a directory and no executable', async () => {
  const directory = await project(`{ releases: { store: { runtime: { include: false } } } }`);
  const refused = await sarma(['wrap'], { directory });
  expect(refused.stderr).toMatch(/runtime\.include: false.*sarma assemble/);
  expect(refused.exitCode).toBe(1);
  expect((await sarma(['assemble'], { directory })).exitCode).toBe(0);
  const start = JSON.parse(
    await readFile(path.join(directory, '_build/prod/rel/store/releases/start.json'), 'utf8'),
  );
  expect(start).toEqual({ version: '1.2.3', runtime: null });
});

test('a runtime that is named is the one that the release is made for', async () => {
  const directory = await project(`{ releases: { store: { runtime: { version: '22' } } } }`);
  const { exitCode } = await sarma(['assemble', ...runtime], { directory });
  expect(exitCode).toBe(0);
  const bin = path.join(directory, '_build/prod/rel/store/bin/store');
  const { stdout } = await promisify(execFile)(bin, ['eval', 'process.versions.node']);
  expect(stdout).toContain(process.versions.node);
});

test('for a machine without a target of its own a service is wrapped for others all the same', async () => {
  const directory = await project('{}', {
    'targets.json': JSON.stringify({ [hostTarget]: { cpu: 'x32' } }),
  });
  // Looked at only where the directory gets a runtime; the runtime itself is nowhere, and that is said.
  const { stderr } = await sarma(['wrap', '-t', 'win-x64', '--offline', '--runtime', '1.0.0'], { directory });
  expect(stderr).toMatch(/^error: .*1\.0\.0/m);
  expect(stderr).not.toContain('No target for this machine');
});

test('an assembled service says how to start it, connect to it, stop it', async () => {
  const directory = await project('{}');
  const { stdout } = await sarma(['assemble', ...runtime], { directory });
  for (const word of ['start', 'remote', 'stop', 'help']) {
    expect(stdout).toContain(`_build/prod/rel/store/bin/store ${word}`);
  }
});

test('init writes what can be found out, asks nothing, and leaves alone what is there', async () => {
  const directory = await folder({
    'package.json': JSON.stringify({ name: '@me/shop', version: '1.0.0', main: 'server.js' }),
    'server.js': 'console.log("served");',
    '.gitignore': 'node_modules\n',
  });
  const first = await sarma(['init'], { directory });
  expect(first).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await readFile(path.join(directory, '.gitignore'), 'utf8')).toBe(
    'node_modules\n_build/\nburrito_out/\n',
  );
  const config = path.join(directory, 'sarma.config.ts');
  expect(await readFile(config, 'utf8')).toContain('shop:');
  await writeFile(config, '// mine\nexport default {};\n');
  const second = await sarma(['init'], { directory });
  expect(second.stdout).toContain('left alone sarma.config.ts');
  expect(await readFile(config, 'utf8')).toContain('// mine');
  expect((await sarma(['init', '--force'], { directory })).stdout).toContain('replaced sarma.config.ts');
  expect((await sarma(['assemble', ...runtime], { directory })).exitCode).toBe(0);
});

test('run boots the sources, with what follows -- as arguments; eval has the configuration and starts nothing', async () => {
  const directory = await project('{}', {
    'config/config.ts': 'export default { store: { size: 3 } };\n',
    'config/dev.ts': 'export default { store: { size: 5 } };\n',
  });
  const child = start(['run', '--', 'a', '--b'], { directory });
  child.stdout!.once('data', () => child.kill('SIGTERM'));
  expect(await ended(child)).toMatchObject({ exitCode: 0, stdout: 'started a --b\n', stderr: '' });
  const expression = "globalThis[Symbol.for('sarma.release')].configuration.store.size";
  const evaluated = await sarma(['eval', expression], { directory });
  expect(evaluated).toEqual({ exitCode: 0, stdout: '5\n', stderr: '' });
  expect((await sarma(['eval', expression, '--env', 'prod'], { directory })).stdout).toBe('3\n');
  expect((await sarma(['eval', 'nope'], { directory })).exitCode).toBe(1);
});

test('eval may run beside others, in any environment that is configured and in its own', async () => {
  const directory = await project('{ environments: { staging: {} } }');
  const evaluate = async (...argv: string[]) => {
    const { stdout, stderr } = await sarma(['eval', 'String(process.env.NODE_ENV)', ...argv], { directory });
    return stdout + stderr;
  };
  const said = await Promise.all([evaluate(), evaluate(), evaluate(), evaluate('--env', 'staging')]);
  expect(said).toEqual(["'undefined'\n", "'undefined'\n", "'undefined'\n", "'production'\n"]);
});

test('run --watch starts again when a source changes', async () => {
  const directory = await project('{}');
  const child = start(['run', '--watch'], { directory });
  let text = '';
  const printed = async (pattern: RegExp) => {
    while (!pattern.test(text)) await new Promise((resolve) => child.stdout!.once('data', resolve));
  };
  child.stdout!.on('data', (chunk) => (text += chunk));
  await printed(/^started\n/);
  await writeFile(
    path.join(directory, 'application.ts'),
    'export default { start: () => console.log("started anew") };\n',
  );
  await printed(/started anew\n/);
  child.kill('SIGTERM');
  expect((await ended(child)).exitCode).toBe(0);
});

test.each(['assemble', 'tar', 'wrap'])(
  'a target that does not exist is told before anything is replaced, whatever the last step is: %s',
  async (last) => {
    const steps = JSON.stringify([...new Set(['assemble', last])]);
    const directory = await project(`{ releases: { store: {
      targets: ['${hostTarget}', 'linux-x46'],
      steps: [() => { throw new Error('too late'); }, ...${steps}],
    } } }`);
    const refused = await sarma(['assemble', ...runtime], { directory });
    expect(refused.stderr).toMatch(/Unknown target "linux-x46".*linux-x64/s);
    expect(refused.stderr).not.toContain('too late');
    expect(refused.exitCode).toBe(2);
  },
);

test.each([
  [
    'rel/vm.args',
    '# one\n--title=a b\n-r\n./there.cjs\n--env-file=there\n--nosuchflag\n',
    /:6: .*bad option: --nosuchflag/,
  ],
  ['rel/vm.args', '--stack-size=many\n', /:1: .*--stack-size=many/],
  ['rel/vm.args', '--title\n', /:1: .*--title requires an argument/],
  ['rel/remote.vm.args', '--nosuchflag=${X}\n--nosuchflag\n', /:2: .*--nosuchflag/],
])('%s is shown to Node where the release is made for this machine: %j', async (name, text, expected) => {
  const directory = await project('{ releases: { store: {} } }', { [name]: text });
  const { stderr, exitCode } = await sarma(['assemble', ...runtime], { directory });
  expect(stderr).toContain(path.join(directory, name));
  expect(stderr).toMatch(expected);
  expect(exitCode).toBe(1);
});

test('also where a program is only wrapped; what the machine of a start decides is left to that', async () => {
  const program = { ...hello, 'sarma.config.ts': 'export default {};\n' };
  const bad = { ...program, 'rel/vm.args': '--nosuchflag\n' };
  const refused = await sarma(['wrap', ...quickly], { directory: await folder(bad) });
  expect(refused.stderr).toContain('--nosuchflag');
  expect(refused.exitCode).toBe(1);
  const good = {
    ...program,
    'rel/vm.args': '-r\n${GUARD:-./g.cjs}\n-r\n./none.cjs\n--env-file=none\n--title=${T}\n',
  };
  expect((await sarma(['assemble', ...runtime], { directory: await folder(good) })).exitCode).toBe(0);
});
