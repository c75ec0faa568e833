import { describe, expect, test } from 'vitest';
import { testRelease } from './support/release.ts';

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
