import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { testRelease } from './support/release.ts';

const demo = () =>
  testRelease({
    applications: ['demo'],
    config: { demo: { port: 4000 } },
    files: {
      'lib/demo/package.json': '{"type":"module"}',
      // As '@sarma/app' finds it.
      'lib/demo/config.js': `export const config = (name) => globalThis[Symbol.for('sarma.release')].configuration[name];
        export const words = (...args) => args;`,
      'lib/demo/application.mjs': `console.log('imported'); export default { start() { console.log('ready'); } };`,
    },
  });

test('eval runs in a process of its own: the configuration is loaded, nothing is started', async () => {
  const release = await demo();
  const { stdout, stderr, code } = await release.run([
    'eval',
    '(await import("./config.js")).config("demo")',
  ]);
  expect({ stdout, stderr, code }).toEqual({ stdout: '{ port: 4000 }\n', stderr: '', code: 0 });
  expect((await release.run(['eval', 'process.env.RELEASE_NAME + process.env.NODE_ENV'])).stdout).toBe(
    "'demoproduction'\n",
  );
  // No cookie, no socket, no directory.
  expect(existsSync(path.join(release.root, 'var'))).toBe(false);
});

test('beside a running node, and also while it does not run', async () => {
  const release = await demo();
  const { child } = await release.start('ready');
  expect((await release.run(['eval', `process.pid === ${child.pid}`])).stdout).toBe('false\n');
  expect((await release.run(['ping'])).stdout).toBe('pong\n');
});

test('what follows -- is argv and process.argv, whatever it looks like', async () => {
  const release = await demo();
  const code = 'console.log(JSON.stringify([argv, process.argv.slice(2)]))';
  const words = ['--help', '-v', 'a b', '--json'];
  expect((await release.run(['eval', code, '--', ...words])).stdout).toBe(
    `${JSON.stringify([words, words])}\n`,
  );
});

test('prints what rpc prints: the value, JSON, a stack and exit code 1', async () => {
  const release = await demo();
  expect(await release.run(['eval', '--json', '{ a: 1 }'])).toMatchObject({ stdout: '{"a":1}\n', code: 0 });
  expect(await release.run(['eval', 'throw new TypeError("no")'])).toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(/^TypeError: no\n\s+at .*lib\/demo\/eval:1/),
    code: 1,
  });
  expect((await release.run(['eval', '--call', './config.js#words', 'x'])).stdout).toBe("[ 'x' ]\n");
  const file = path.join(release.root, 'task.js');
  writeFileSync(file, 'const { words } = await import("./config.js");\nwords(...argv)\n');
  expect((await release.run(['eval', '--file', file, 'y'])).stdout).toBe("[ 'y' ]\n");
});

test('ends when the value is there, whatever was left open, and with the exit code that the code says', async () => {
  const release = await demo();
  expect(await release.run(['eval', 'setInterval(() => {}, 1000); 1 + 1'])).toMatchObject({
    stdout: '2\n',
    code: 0,
  });
  expect(await release.run(['eval', 'process.exit(4)'])).toMatchObject({ code: 4 });
});

test('what never settles is said, and ends with the exit code that Node has for it', async () => {
  const release = await demo();
  const code = "console.log('begun'); await new Promise(() => {}); console.log('done')";
  expect(await release.run(['eval', code])).toMatchObject({
    code: 13,
    stdout: 'begun\n',
    stderr:
      'demo: What eval was given waits for a promise that never settles: nothing is left in this process that could settle it.\n',
  });
  expect(await release.run(['eval', 'process.exitCode = 4; new Promise(() => {})'])).toMatchObject({
    code: 4,
  });
});

test('a provider that never settles is named, by every command that loads the configuration', async () => {
  const release = await testRelease({
    files: { 'lib/vault.mjs': 'export default { load: () => new Promise(() => {}) };' },
    boot: {
      configuration: { providers: [{ name: 'vault', module: 'lib/vault.mjs', state: null }] } as never,
    },
  });
  for (const words of [['eval', '1'], ['config', 'effective'], ['doctor']]) {
    expect(await release.run(words)).toMatchObject({
      code: 13,
      stdout: '',
      stderr: expect.stringMatching(/^demo: Config provider vault waits for a promise that never settles/),
    });
  }
});

test("the code's own warnings are seen", async () => {
  const release = await demo();
  const { stderr } = await release.run([
    'eval',
    'process.emitWarning("mind this"); await import("./config.js"); 1',
  ]);
  expect(stderr).toContain('Warning: mind this');
  expect(stderr).not.toContain('ExperimentalWarning');
});

test('a configuration that cannot be loaded is said, and nothing is evaluated', async () => {
  const release = await testRelease({
    files: {},
    boot: { configuration: { requiredEnv: ['DEMO_SECRET'] } as never },
  });
  const { stdout, stderr, code } = await release.run(['eval', 'console.log("evaluated")']);
  expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
  expect(stderr).toContain('DEMO_SECRET');
});

test('asks for no state of applications', async () => {
  const release = await demo();
  expect((await release.run(['eval', 'stateOf("demo")'])).stderr).toContain(
    'demo is not started by eval; rpc asks the running node.',
  );
});
