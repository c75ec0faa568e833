import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BootFile } from '../src/boot-file.ts';
import { type Ended, type RunOptions, type TestRelease, testRelease } from './support/release.ts';

const start = (program: string) =>
  `globalThis[Symbol.for('sarma.program')] = '${program}';\nrequire('./boot.cjs');\n`;

/** A release of kind cli whose program `demo` has a configuration. */
async function program(entry: string, files: Readonly<Record<string, string>>, boot: Partial<BootFile> = {}) {
  return await testRelease({
    config: { demo: { greeting: 'hello' } },
    boot: {
      kind: 'cli',
      programs: { demo: entry },
      instructions: [{ do: 'configure' }, { do: 'run', program: 'demo' }],
      ...boot,
    },
    files: { 'releases/0.1.0/start-demo.cjs': start('demo'), ...files },
  });
}

/** The program through the boot, and its entry by Node alone, in the same environment. */
async function both(release: TestRelease, entry: string, args: readonly string[], options: RunOptions = {}) {
  return {
    booted: await release.run(args, { ...options, entry: 'start-demo.cjs' }),
    plain: await release.run(args, { ...options, entry: path.join('../..', entry) }),
  };
}

const report = `{
  argv: process.argv, execArgv: process.execArgv, execPath: process.execPath, title: process.title,
  env: process.env, cwd: process.cwd(), listeners: process.eventNames().map(String).sort(),
  exitCode: process.exitCode ?? null,
}`;

describe('a program with a configuration', () => {
  test('of CommonJS is its own main, with arguments and environment as they are under node', async () => {
    const entry = 'lib/demo/cli.cjs';
    const release = await program(entry, {
      [entry]: `console.log(JSON.stringify({ ...${report}, main: require.main === module, file: require.main.filename,
        mainModule: process.mainModule === module, parent: module.parent, id: module.id, children: module.children.length }));
        console.error('to stderr'); process.exitCode = 3;`,
    });
    const args = ['start', '--version', '-e', '', 'ä'];
    const { booted, plain } = await both(release, entry, args, { vmArgs: ['--stack-trace-limit=5'] });
    expect(booted).toEqual(plain);
    expect(JSON.parse(booted.stdout)).toMatchObject({ main: true, execArgv: ['--stack-trace-limit=5'] });
    expect(booted).toMatchObject({ stderr: 'to stderr\n', code: 3 });
  });

  test('of ES modules is its own main, also with top-level await', async () => {
    const entry = 'lib/demo/cli.mjs';
    const release = await program(entry, {
      [entry]: `await new Promise((resolve) => setTimeout(resolve, 5));
        console.log(JSON.stringify({ ...${report}, main: import.meta.main, url: import.meta.url, dirname: import.meta.dirname }));`,
    });
    const { booted, plain } = await both(release, entry, ['stop', 'x']);
    expect(booted).toEqual(plain);
    expect(JSON.parse(booted.stdout).argv.slice(1)).toEqual([path.join(release.root, entry), 'stop', 'x']);
  });

  test('finds its configuration, also what providers and config/runtime say, before it is loaded', async () => {
    const release = await program(
      'lib/demo/cli.mjs',
      {
        'lib/demo/cli.mjs': `const { configuration, release } = globalThis[Symbol.for('sarma.release')];
          console.log(JSON.stringify(configuration), release.name, release.version);`,
        'lib/demo/runtime.mjs': `export default ({ env }) => ({ demo: { who: env.WHO } });`,
      },
      { configuration: { runtime: 'lib/demo/runtime.mjs' } as never },
    );
    const { stdout, stderr } = await release.run([], { entry: 'start-demo.cjs', env: { WHO: 'you' } });
    expect({ stdout, stderr }).toEqual({
      stdout: '{"demo":{"greeting":"hello","who":"you"}} demo 0.1.0\n',
      stderr: '',
    });
  });

  test('forks itself and starts workers as under node', async () => {
    const entry = 'lib/demo/cli.cjs';
    const release = await program(entry, {
      [entry]: `
        const { fork } = require('node:child_process');
        const { Worker, isMainThread, parentPort } = require('node:worker_threads');
        const facts = () => [require.main === module, process.argv.slice(1), process.execArgv];
        if (process.send) process.send(facts());
        else if (!isMainThread) parentPort.postMessage(facts());
        else fork(__filename, ['child']).on('message', (child) => {
          new Worker(__filename, { argv: ['worker'] }).on('message', (worker) => console.log(JSON.stringify({ child, worker })));
        });`,
    });
    const { booted, plain } = await both(release, entry, ['x'], { vmArgs: ['--stack-trace-limit=5'] });
    expect(booted).toEqual(plain);
    expect(JSON.parse(booted.stdout).child[0]).toBe(true);
  });

  test.each([
    ['lib/demo/cli.cjs', `setTimeout(() => {}, 10000); throw new Error('boom');`],
    ['lib/demo/cli.mjs', `setTimeout(() => {}, 10000); throw new Error('boom');`],
    ['lib/demo/cli.mjs', `await new Promise(() => {});`],
    ['lib/demo/cli.cjs', `Promise.reject(new Error('boom'));`],
  ])('%s ends as under node: %s', async (entry, text) => {
    const release = await program(entry, { [entry]: text });
    const { booted, plain } = await both(release, entry, []);
    // Which functions of Node's own lie below the program is another matter.
    const facts = ({ stderr, code, signal }: Ended) => ({
      code,
      signal,
      first: stderr.split('\n').slice(0, 5),
    });
    expect(facts(booted)).toEqual(facts(plain));
    expect(booted.code).not.toBe(0);
  });

  test('without a home and without a place to write it runs all the same', async () => {
    const release = await program('lib/demo/cli.mjs', {
      'lib/demo/cli.mjs': `console.log('ran')`,
      '.sarma/marker': 'sarma 1\n',
    });
    const env = { HOME: '', XDG_STATE_HOME: '' };
    expect(await release.run([], { entry: 'start-demo.cjs', env })).toMatchObject({
      stdout: 'ran\n',
      stderr: '',
    });
  });

  test('a configuration that fails is a sentence with exit code 1, and the program does not run', async () => {
    const release = await program(
      'lib/demo/cli.mjs',
      { 'lib/demo/cli.mjs': `console.log('ran')` },
      { configuration: { requiredEnv: ['TOKEN'] } as never },
    );
    expect(await release.run([], { entry: 'start-demo.cjs' })).toMatchObject({
      stdout: '',
      stderr: 'demo: TOKEN must be set in the environment of demo.\n',
      code: 1,
    });
  });
});

test('a vm.args that the environment names is for services: whoever starts a program may be one', async () => {
  const entry = 'lib/demo/cli.cjs';
  const release = await program(entry, {
    [entry]: `console.log(JSON.stringify([process.execArgv, process.env.RELEASE_VM_ARGS,
      globalThis[Symbol.for('sarma.release')].configuration.demo]))`,
    '.sarma/marker': 'sarma 1\n',
    'releases/0.1.0/release.json': '{"shell":false,"vmArgs":[]}',
    'releases/0.1.0/vm.args': '-demo own true\n',
    'my.args': '--stack-trace-limit=7\n-demo key value\n',
  });
  const env = { RELEASE_VM_ARGS: 'my.args', SARMA_BIN: '/opt/demo' };
  const { stdout } = await release.run([], { entry: 'start-demo.cjs', env });
  expect(JSON.parse(stdout)).toEqual([[], 'my.args', { greeting: 'hello', own: true }]);
});

test('its environment is untouched, also by what another release left in it; its configuration is its own', async () => {
  const entry = 'lib/demo/cli.mjs';
  const release = await program(
    entry,
    {
      [entry]: `console.log(JSON.stringify([process.env.RELEASE_NODE, globalThis[Symbol.for('sarma.release')]]))`,
      'lib/demo/provider.mjs': `export default { load(configuration, state, { configDirectory }) { return { demo: { configDirectory } }; } };`,
    },
    {
      configuration: { providers: [{ name: 'demo', module: 'lib/demo/provider.mjs', state: null }] } as never,
    },
  );
  const env = { RELEASE_ROOT: '/opt/other', RELEASE_NODE: 'other', RELEASE_MUTABLE_DIR: '/opt/other/var' };
  const { stdout } = await release.run([], { entry: 'start-demo.cjs', env });
  const [inherited, state] = JSON.parse(stdout);
  expect(inherited).toBe('other');
  expect(state.release).toMatchObject({ node: 'demo', mutableDirectory: path.join(release.root, 'var') });
  expect(state.configuration.demo.configDirectory).toBe(path.join(release.root, 'var'));
});
