import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  askUpgrade,
  call,
  endAll,
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

/** A node under `heart`, which ends with `ended` and says `said`. */
async function startUnderHeart(versions: Versions) {
  const env = { ...environmentOf(versions), RELEASE_STOP_TIMEOUT: '1' };
  const heart = versions.old.spawn(['heart'], { env });
  let said = '';
  heart.stderr!.on('data', (chunk) => (said += chunk));
  onTestFinished(() => endAll(versions));
  await eventually(async () => expect((await info(versions)).state).toBe('running'));
  return { ended: once(heart, 'exit'), said: () => said };
}

const RUNS_ON = (pid: number) =>
  `after an upgrade; the new version (PID ${pid}) runs on, and nobody starts it again`;

test('--heart starts nothing beside a node whose predecessor has died before it held it', async () => {
  const versions = await twoVersions();
  const { ended, said } = await startUnderHeart(versions);
  const { answer } = await slowRequest(versions);
  const { pid } = await askUpgrade(versions);
  process.kill(recordOf(versions).holder!, 'SIGKILL');
  await expect(answer).rejects.toThrow();
  expect(await ended).toEqual([1, null]);
  expect(said()).toContain(`ended by SIGKILL ${RUNS_ON(pid)}`);
  await expectServing(versions, '0.2.0', pid);
});

test('--heart starts nothing beside a node whose predecessor has died before it took over', async () => {
  // Two that run would both have what one alone may have.
  const versions = await twoVersions({ lifecycle: 'exclusive: true,' });
  const { ended, said } = await startUnderHeart(versions);
  const { pid: old } = recordOf(versions);
  const go = path.join(versions.state, 'go');
  const asked = askUpgrade(versions, { act: `start:wait:${go}` });
  asked.catch(() => {});
  await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
  process.kill(old, 'SIGKILL');
  await expect(asked).rejects.toThrow('The node has hung up');
  await eventually(() => expect(recordOf(versions)).toMatchObject({ version: '0.2.0', holder: old }));
  const { pid } = recordOf(versions);
  expect(await ended).toEqual([1, null]);
  expect(said()).toContain(RUNS_ON(pid));
  writeFileSync(go, '');
  await expectServing(versions, '0.2.0', pid);
});
