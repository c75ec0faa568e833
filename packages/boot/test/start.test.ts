import { describe, expect, test } from 'vitest';
import { testRelease } from './support/release.ts';

/** An application that says what happens to it. */
const telling = (name: string, body = '') => `
  export default {
    async start({ config, args, release, signal, exit }) {
      console.log('${name} starts', JSON.stringify({ config, args }));
      signal.addEventListener('abort', () => console.log('${name} is told'));
      ${body}
      return { name: '${name}' };
    },
    async stop(state) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(state.name, 'stopped');
    },
  };`;

describe('start', () => {
  test('applications start in order, get their configuration and arguments, and stop in reverse on SIGTERM', async () => {
    const release = await testRelease({
      applications: ['store', 'web'],
      config: { store: { path: '/data' } },
      files: {
        'lib/store/application.mjs': telling('store'),
        'lib/web/application.mjs': telling('web', `setTimeout(() => console.log('ready'));`),
      },
    });
    const { child, ended } = await release.start('ready', { args: ['--port', '1'] });
    child.kill('SIGTERM');
    expect(await ended).toEqual({
      code: 0,
      signal: null,
      stderr: '',
      stdout: [
        'store starts {"config":{"path":"/data"},"args":["--port","1"]}',
        'web starts {"config":{},"args":["--port","1"]}',
        'ready',
        'web is told',
        'web stopped',
        'store is told',
        'store stopped',
        '',
      ].join('\n'),
    });
  });
});
