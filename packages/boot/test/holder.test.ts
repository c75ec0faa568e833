import { once } from 'node:events';
import { expect, test } from 'vitest';
import {
  askUpgrade,
  call,
  environmentOf,
  eventually,
  expectServing,
  get,
  info,
  processesOf,
  recordOf,
  slowRequest,
  startOld,
  twoVersions,
  type Versions,
} from './support/upgrade.ts';

// What was one process to whoever started it ends as one (docs/decisions/0034). Holders are processes of Node here; the
// launcher is at work in test/hold.test.ts.

async function restarted(versions: Versions): Promise<void> {
  const { run } = await info(versions);
  await call(versions, 'restart');
  await eventually(async () => expect(await info(versions)).toMatchObject({ state: 'running' }));
  expect((await info(versions)).run).not.toBe(run);
}

test('an upgraded node that was restarted still stops when the process is killed that was first started', async () => {
  const versions = await twoVersions();
  const { child } = await startOld(versions);
  const { pid } = await askUpgrade(versions);
  await expectServing(versions, '0.2.0', pid);
  await restarted(versions);
  expect(recordOf(versions)).toMatchObject({ pid, holder: child.pid });
  expect(JSON.parse(await get(versions, '/process')).env).not.toHaveProperty('RELEASE_HELD');
  child.kill('SIGKILL');
  await eventually(() => expect(processesOf(versions)).toEqual([]));
});

test('an upgraded node that was restarted names the same holder after the next upgrade', async () => {
  const versions = await twoVersions();
  const { child, ended } = await startOld(versions);
  const { pid } = await askUpgrade(versions);
  await expectServing(versions, '0.2.0', pid);
  await restarted(versions);
  const back = await askUpgrade(versions, {
    program: { args: [`${versions.old.root}/releases/0.1.0/boot.cjs`] },
  });
  await expectServing(versions, '0.1.0', back.pid);
  expect(recordOf(versions).holder).toBe(child.pid);
  await call(versions, 'stop');
  expect((await ended).code).toBe(0);
});

test('--heart starts nothing beside a node whose predecessor has died before it held it', async () => {
  const versions = await twoVersions();
  const env = { ...environmentOf(versions), RELEASE_STOP_TIMEOUT: '1' };
  const heart = versions.old.spawn(['heart'], { env });
  let said = '';
  heart.stderr!.on('data', (chunk) => (said += chunk));
  await eventually(async () => expect((await info(versions)).state).toBe('running'));
  const ended = once(heart, 'exit');
  const { answer } = await slowRequest(versions);
  const { pid } = await askUpgrade(versions);
  process.kill(recordOf(versions).holder!, 'SIGKILL');
  await expect(answer).rejects.toThrow();
  expect(await ended).toEqual([1, null]);
  expect(said).toContain(
    `ended by SIGKILL after an upgrade; the new version (PID ${pid}) runs on, and nobody starts it again`,
  );
  await expectServing(versions, '0.2.0', pid);
  process.kill(pid, 'SIGKILL');
});
