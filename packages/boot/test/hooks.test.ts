import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { testRelease } from './support/release.ts';
import { askUpgrade, expectServing, startOld, twoVersions } from './support/upgrade.ts';

const application = `export default {
  start({ exit }) { console.log('web started'); setTimeout(exit, 100); },
  stop() { console.log('web stopped'); },
};`;

describe.skipIf(process.platform === 'win32')('hooks', () => {
  test('a stop hook that hangs is named and ended, and the applications are stopped all the same', async () => {
    const release = await testRelease({
      applications: ['web'],
      boot: {
        shutdownTimeout: 1000,
        hooks: { pre_stop: ['releases/0.1.0/hooks/pre_stop.sh'] },
      },
      files: { 'lib/web/application.mjs': application, 'releases/0.1.0/hooks/pre_stop.sh': 'exec sleep 100' },
    });
    const { code, stdout, stderr } = await release.run(['start']);
    expect(stderr).toBe(
      'demo: Hook pre_stop (releases/0.1.0/hooks/pre_stop.sh) was not done within 1 s, and was ended.\n',
    );
    expect(stdout).toContain('web stopped');
    expect(code).toBe(1);
  });

  test('run around configuration, start and stop, in order, with the environment of the node', async () => {
    const says = (what: string) => `echo "${what} $RELEASE_NAME $RELEASE_NODE"`;
    const release = await testRelease({
      applications: ['web'],
      boot: {
        configuration: { runtime: 'lib/demo/runtime.mjs' } as never,
        hooks: {
          pre_configure: ['releases/0.1.0/hooks/pre_configure.sh'],
          post_configure: ['releases/0.1.0/hooks/post_configure.mjs'],
          pre_start: ['releases/0.1.0/hooks/pre_start.d/10-a', 'releases/0.1.0/hooks/pre_start.d/20-b.sh'],
          post_start: ['releases/0.1.0/hooks/post_start.bat', 'releases/0.1.0/hooks/post_start.sh'],
          pre_stop: ['releases/0.1.0/hooks/pre_stop.sh'],
          post_stop: ['releases/0.1.0/hooks/post_stop.sh'],
        },
      },
      files: {
        'lib/demo/runtime.mjs': `console.log('configured'); export default {};`,
        'lib/web/application.mjs': application,
        'releases/0.1.0/hooks/pre_configure.sh': says('pre_configure'),
        'releases/0.1.0/hooks/post_configure.mjs': `console.log('post_configure', process.env.RELEASE_VSN);`,
        'releases/0.1.0/hooks/pre_start.d/10-a': `#!/bin/sh\n${says('10-a')}`,
        'releases/0.1.0/hooks/pre_start.d/20-b.sh': says('20-b'),
        'releases/0.1.0/hooks/post_start.sh': says('post_start'),
        'releases/0.1.0/hooks/post_start.bat': 'echo for Windows only',
        'releases/0.1.0/hooks/pre_stop.sh': says('pre_stop'),
        'releases/0.1.0/hooks/post_stop.sh': says('post_stop'),
      },
    });
    const { stdout, stderr, code } = await release.run(['start'], { env: { RELEASE_NODE: 'foo' } });
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout.trimEnd().split('\n')).toEqual([
      'pre_configure demo foo',
      'configured',
      'post_configure 0.1.0',
      '10-a demo foo',
      '20-b demo foo',
      'web started',
      'post_start demo foo',
      'pre_stop demo foo',
      'web stopped',
      'post_stop demo foo',
    ]);
  });

  test('one that fails aborts the start with its name; those behind it do not run', async () => {
    const release = await testRelease({
      applications: ['web'],
      boot: { hooks: { pre_start: ['releases/0.1.0/hooks/a.sh', 'releases/0.1.0/hooks/b.sh'] } },
      files: {
        'lib/web/application.mjs': application,
        'releases/0.1.0/hooks/a.sh': 'exit 3',
        'releases/0.1.0/hooks/b.sh': 'echo b',
      },
    });
    expect(await release.run(['start'])).toMatchObject({
      stdout: '',
      stderr: 'demo: Hook pre_start (releases/0.1.0/hooks/a.sh) failed with exit code 3.\n',
      code: 1,
    });
  });

  test('a post_start that fails stops what has started', async () => {
    const release = await testRelease({
      applications: ['web'],
      boot: { hooks: { post_start: ['releases/0.1.0/hooks/a'] } },
      files: { 'lib/web/application.mjs': application },
    });
    const { stdout, stderr, code } = await release.run(['start']);
    expect(stdout).toBe('web started\nweb stopped\n');
    expect(stderr).toMatch(
      /^demo: Hook post_start \(releases\/0\.1\.0\/hooks\/a\) could not be executed: .*ENOENT/,
    );
    expect(code).toBe(1);
  });

  test('a pre_stop that fails keeps nothing from stopping, and the exit code says so', async () => {
    const release = await testRelease({
      applications: ['web'],
      boot: { hooks: { pre_stop: ['releases/0.1.0/hooks/a.sh'] } },
      files: { 'lib/web/application.mjs': application, 'releases/0.1.0/hooks/a.sh': 'kill -9 $$' },
    });
    expect(await release.run(['start'])).toMatchObject({
      stdout: 'web started\nweb stopped\n',
      stderr: 'demo: Hook pre_stop (releases/0.1.0/hooks/a.sh) was ended by SIGKILL.\n',
      code: 1,
    });
  });
});

describe('ready-made hooks', () => {
  /** A server on a port that others know already; it answers with 503 until it is `well`. */
  const server = async () => {
    const state = { well: false, asked: 0 };
    const listening = createServer((_, response) => {
      state.asked += 1;
      response.writeHead(state.well ? 204 : 503).end();
    });
    const listen = async (port = 0) => {
      await new Promise<void>((resolve) => listening.listen(port, '127.0.0.1', resolve));
      return (listening.address() as AddressInfo).port;
    };
    const close = () => new Promise((resolve) => listening.close(resolve));
    onTestFinished(async () => void (await close()));
    return { state, listen, close };
  };
  const release = async (hook: string, text: object) =>
    await testRelease({
      applications: ['web'],
      boot: { hooks: { [hook]: [`releases/0.1.0/hooks/${hook}.json`] } },
      files: {
        'lib/web/application.mjs': `export default { start() { console.log('web started'); } };`,
        [`releases/0.1.0/hooks/${hook}.json`]: JSON.stringify(text),
      },
    });

  test('waitForPort lets nothing start before somebody listens there', async () => {
    const { listen, close } = await server();
    const port = await listen();
    await close();
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the hook's
    const demo = await release('pre_start', { waitForPort: '${HOST:-127.0.0.1}:${PORT}' });
    const child = demo.spawn(['start'], { env: { PORT: String(port) } });
    let printed = '';
    child.stdout!.on('data', (text) => (printed += text));
    await vi.waitUntil(async () => (await demo.run(['ping'])).code !== 0, { timeout: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(printed).toBe('');
    await listen(port);
    await vi.waitUntil(() => printed === 'web started\n', { timeout: 30_000 });
    child.kill('SIGTERM');
  });

  test('waitForHealth waits until the address answers that all is well', async () => {
    const { listen, state } = await server();
    const port = await listen();
    const demo = await release('pre_start', { waitForHealth: `http://127.0.0.1:${port}/health` });
    const child = demo.spawn(['start']);
    let printed = '';
    child.stdout!.on('data', (text) => (printed += text));
    await vi.waitUntil(() => state.asked > 1, { timeout: 30_000 });
    expect(printed).toBe('');
    state.well = true;
    await vi.waitUntil(() => printed === 'web started\n', { timeout: 30_000 });
    child.kill('SIGTERM');
  });

  test('one that has waited long enough fails, and says what it saw', async () => {
    const { listen, close } = await server();
    const port = await listen();
    const at = (hook: string) => `demo: Hook pre_start (releases/0.1.0/hooks/pre_start.json) ${hook}\n`;
    const sick = { waitForHealth: `http://127.0.0.1:${port}/`, timeout: 0.3 };
    expect(await (await release('pre_start', sick)).run(['start'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: at(`was not done within 0.3 s: http://127.0.0.1:${port}/ answers 503.`),
    });
    await close();
    const nobody = { waitForPort: `127.0.0.1:${port}`, timeout: 0.3 };
    expect((await (await release('pre_start', nobody)).run(['start'])).stderr).toBe(
      at(`was not done within 0.3 s: 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}.`),
    );
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the hook's
    const nowhere = await release('pre_start', { waitForPort: '${NO_SUCH_PORT}' });
    expect((await nowhere.run(['start'])).stderr).toBe(
      at('has no port to wait for: waitForPort is ""; expected a port or host:port.'),
    );
  });

  test('pidFile names the process of the node as long as it runs', async () => {
    const demo = await release('post_start', { pidFile: 'demo.pid' });
    const { child, ended } = await demo.start('web started');
    const file = path.join(demo.root, 'var/demo.pid');
    await vi.waitUntil(() => existsSync(file), { timeout: 30_000 });
    expect(readFileSync(file, 'utf8')).toBe(`${child.pid}\n`);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    expect(existsSync(file)).toBe(false);
  });
});

test('a version that fails before it has taken over runs no hooks of a stop: the node goes on in the old one', async () => {
  const versions = await twoVersions();
  const { child, printed } = await startOld(versions);
  await expect(askUpgrade(versions, { act: 'health:false' })).rejects.toThrow('0.1.0 runs on');
  await expectServing(versions, '0.1.0', child.pid);
  expect(printed()).toContain('0.2.0 stopped');
  expect(printed()).not.toMatch(/(pre|post)_stop/);
});
