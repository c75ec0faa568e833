import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { askUpgrade, call, eventually, expectServing, startOld, twoVersions } from './support/upgrade.ts';

/** Two versions that write their PID into a file, in the hook of that name. */
async function withPidFile(hook: 'pre_start' | 'post_start') {
  const versions = await twoVersions();
  for (const { root, version } of [versions.old, versions.next]) {
    const file = path.join(root, `releases/${version}/boot.json`);
    const boot = JSON.parse(readFileSync(file, 'utf8'));
    const ready = path.join(root, 'pid-file.json');
    writeFileSync(ready, JSON.stringify({ pidFile: 'demo.pid' }));
    boot.hooks[hook].unshift(ready);
    writeFileSync(file, JSON.stringify(boot));
  }
  return { versions, pidIn: () => Number(readFileSync(path.join(versions.state, 'demo.pid'), 'utf8')) };
}

describe.each(['pre_start', 'post_start'] as const)('a pidFile of %s', (hook) => {
  test('names the new version after an upgrade, and is gone with it', async () => {
    const { versions, pidIn } = await withPidFile(hook);
    const { child, ended } = await startOld(versions);
    expect(pidIn()).toBe(child.pid);
    const { pid } = await askUpgrade(versions);
    expect(pidIn()).toBe(pid);
    await expectServing(versions, '0.2.0', pid);
    expect(pidIn()).toBe(pid);
    await call(versions, 'stop');
    await ended;
    expect(existsSync(path.join(versions.state, 'demo.pid'))).toBe(false);
  });
});

test.each([
  ['pre_start', 'start:throw'],
  ['pre_start', 'start:kill'],
  ['pre_start', 'post_start:throw'],
  ['post_start', 'post_start:kill'],
] as const)(
  'a pidFile of %s names the old version after an upgrade that has failed: %s',
  async (hook, act) => {
    const { versions, pidIn } = await withPidFile(hook);
    const { child } = await startOld(versions);
    await expect(askUpgrade(versions, { act })).rejects.toThrow('0.1.0 runs on');
    expect(pidIn()).toBe(child.pid);
    await expectServing(versions, '0.1.0', child.pid);
  },
);

test('a pidFile names the old version as long as that is the node', async () => {
  const { versions, pidIn } = await withPidFile('pre_start');
  const { child } = await startOld(versions);
  const go = path.join(versions.state, 'go');
  const upgrade = askUpgrade(versions, { act: `health:wait:${go}` });
  await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
  expect(pidIn()).toBe(child.pid);
  writeFileSync(go, '');
  expect((await upgrade).pid).toBe(pidIn());
});
