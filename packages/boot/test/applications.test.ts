import { describe, expect, test } from 'vitest';
import type { ApplicationMode } from '../src/boot-file.ts';
import { testRelease } from './support/release.ts';

/** `worker` ends by itself with what `exit` is called with; `store` is there before and says when it is stopped. */
async function endOf(mode: ApplicationMode, reason: string) {
  const release = await testRelease({
    applications: ['store', { name: 'worker', mode }],
    files: {
      'lib/store/application.mjs': `export default { start() {}, stop() { console.log('store stopped'); } };`,
      'lib/worker/application.mjs': `export default {
        start({ exit }) { setTimeout(() => { exit(${reason}); setTimeout(() => console.log('alive'), 50); }, 10); },
        stop() { console.log('worker stopped'); },
      };`,
    },
  });
  const child = release.spawn(['start']);
  let stdout = '';
  let stderr = '';
  child.stderr!.on('data', (text) => (stderr += text));
  child.stdout!.on('data', (text) => {
    stdout += text;
    if (stdout.includes('alive')) child.kill('SIGTERM');
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, lines: stdout.trimEnd().split('\n'), stderr };
}

describe('the end of an application', () => {
  test('of a permanent one ends the node: with 0 where it was normal', async () => {
    expect(await endOf('permanent', '')).toEqual({
      code: 0,
      lines: ['worker stopped', 'store stopped'],
      stderr: '',
    });
  });

  test('of a permanent one with a reason ends the node with 1 and says why', async () => {
    const { code, lines, stderr } = await endOf('permanent', `new Error('lost')`);
    expect({ code, lines }).toEqual({ code: 1, lines: ['worker stopped', 'store stopped'] });
    expect(stderr).toMatch(/^demo: Application worker has ended\.\nError: lost\n {4}at /);
  });

  test('of a transient one is nothing where it was normal', async () => {
    expect(await endOf('transient', '')).toEqual({
      code: 0,
      lines: ['worker stopped', 'alive', 'store stopped'],
      stderr: '',
    });
  });

  test('of a transient one with a reason ends the node', async () => {
    const { code, lines, stderr } = await endOf('transient', `'no more work'`);
    expect({ code, lines, stderr }).toEqual({
      code: 1,
      lines: ['worker stopped', 'store stopped'],
      stderr: 'demo: Application worker has ended: no more work\n',
    });
  });

  test('of a temporary one never ends the node, and its reason is said', async () => {
    const { code, lines, stderr } = await endOf('temporary', `'no more work'`);
    expect({ code, lines }).toEqual({ code: 0, lines: ['worker stopped', 'alive', 'store stopped'] });
    expect(stderr).toBe('demo: Application worker has ended: no more work\n');
  });
});

test('an application may end in the first line of its start, and is stopped once that is done', async () => {
  const release = await testRelease({
    applications: [{ name: 'once', mode: 'temporary' }, 'web'],
    files: {
      'lib/once/application.mjs': `export default {
        async start({ exit }) { exit(); await null; console.log('once started'); },
        stop() { console.log('once stopped'); },
      };`,
      'lib/web/application.mjs': `export default {
        start({ exit }) { console.log('web started'); exit(); },
        stop() { console.log('web stopped'); },
      };`,
    },
  });
  expect(await release.run(['start'])).toEqual({
    stdout: 'once started\nonce stopped\nweb started\nweb stopped\n',
    stderr: '',
    code: 0,
    signal: null,
  });
});

test('a signal that is asked for when the stop has begun is aborted already', async () => {
  const release = await testRelease({
    applications: ['web'],
    files: {
      'lib/web/application.mjs': `export default {
        start(context) { setTimeout(context.exit); return context; },
        stop(context) { console.log(context.signal.aborted); },
      };`,
    },
  });
  expect(await release.run(['start'])).toMatchObject({ stdout: 'true\n', code: 0 });
});

describe('loading', () => {
  test('all applications are imported before the first one starts; one of mode load is not started', async () => {
    const application = (name: string) => `
      console.log('${name} imported');
      export default { start() { console.log('${name} started'); ${name === 'web' ? "process.kill(process.pid, 'SIGTERM');" : ''} } };`;
    const release = await testRelease({
      applications: ['store', { name: 'metrics', mode: 'load' }, 'web'],
      files: {
        'lib/store/application.mjs': application('store'),
        'lib/metrics/application.mjs': application('metrics'),
        'lib/web/application.mjs': application('web'),
      },
    });
    const { stdout } = await release.run(['start']);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'store imported',
      'metrics imported',
      'web imported',
      'store started',
      'web started',
    ]);
  });

  test('a lifecycle module that was compiled to CommonJS is taken by its default', async () => {
    const release = await testRelease({
      applications: [{ name: 'web', module: 'lib/web/application.js' }],
      files: {
        'lib/web/application.js': `
          Object.defineProperty(exports, '__esModule', { value: true });
          exports.default = { start() { console.log('started'); process.kill(process.pid, 'SIGTERM'); } };`,
      },
    });
    expect(await release.run(['start'])).toMatchObject({ stdout: 'started\n', code: 0 });
  });

  test('preload modules are evaluated after the configuration and before applications', async () => {
    const release = await testRelease({
      applications: ['web'],
      config: { web: { port: 1 } },
      boot: {
        instructions: [
          { do: 'configure' },
          { do: 'preload', module: 'lib/demo/telemetry.mjs' },
          { do: 'load', application: 'web' },
          { do: 'start', application: 'web' },
        ],
      },
      files: {
        'lib/demo/telemetry.mjs': `console.log(JSON.stringify(globalThis[Symbol.for('sarma.release')].configuration));`,
        'lib/web/application.mjs': `console.log('imported'); export default { start() { process.kill(process.pid, 'SIGTERM'); } };`,
      },
    });
    expect((await release.run(['start'])).stdout).toBe('{"web":{"port":1}}\nimported\n');
  });
});
