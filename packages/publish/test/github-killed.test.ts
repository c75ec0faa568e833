import { expect, test } from 'vitest';
import { publishToGitHub } from '../../../test/support/publish-to-github.ts';
import { onGitHub, stagedVersion, UPLOAD } from './support/on-github.ts';

test.concurrent('killed in the middle, it goes on where it was when it is started again', async (t) => {
  const { server, expectPublished, publish, count } = await onGitHub(t);
  const version = await stagedVersion('1.2.0', {
    one: 1000,
    two: 1000,
    'hello_linux-x64': 8_000_000,
    'hello_win-x64.exe': 8_000_000,
  });
  // The large ones are on their way when the small ones have arrived.
  server.fail(UPLOAD, { stuckAfter: 4_000_000 }, 2);
  const killed = publishToGitHub(server, version);
  await expect
    .poll(() => server.releases[0]?.assets.map(({ state }) => state).sort())
    .toEqual(['starter', 'starter', 'uploaded', 'uploaded']);
  killed.kill('SIGKILL');
  expect((await killed).signal).toBe('SIGKILL');

  server.forgive();
  const { events } = await publish(version);
  expect(events.filter(({ type }) => type === 'kept')).toHaveLength(2);
  expect(count(UPLOAD)).toBe(6);
  await expectPublished(version);
});
