import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  askUpgrade,
  environmentOf,
  expectServing,
  startOld,
  twoVersions,
  type Versions,
} from '../packages/boot/test/support/upgrade.ts';

// Killed at every step: afterwards one node serves, its record is right, and nothing of the other one is left.

const STEPS = ['pre_configure', 'import', 'start', 'health', 'post_start', 'post_upgrade'] as const;

describe.each([
  ['beside the old version', ''],
  ['with applications that cannot run beside themselves', 'exclusive: true,'],
] as const)('%s', (_, lifecycle) => {
  test.each(STEPS)('a new version that is killed at %s leaves the old one serving', async (step) => {
    const versions = await twoVersions({ lifecycle });
    const { child } = await startOld(versions);
    await askUpgrade(versions, { act: `${step}:kill` }).catch(() => {});
    await expectServing(versions, '0.1.0', child.pid);
  });

  test.each(STEPS)('an old version that is killed at %s leaves the new one serving', async (step) => {
    const versions = await twoVersions({ lifecycle });
    const { child } = await startOld(versions);
    const exit = once(child, 'exit');
    await askUpgrade(versions, { act: `${step}:orphan` }).catch(() => {});
    expect(await exit).toEqual([null, 'SIGKILL']);
    await expectServing(versions, '0.2.0');
  });

  test.each([2, 3])(
    'a command that is killed after line %i of what it says changes nothing',
    async (lines) => {
      const versions = await twoVersions({ lifecycle });
      await startOld(versions);
      const command = asker(versions);
      let text = '';
      for await (const chunk of command.stdout!) {
        text += chunk;
        if (text.split('\n').length > lines) break;
      }
      command.kill('SIGKILL');
      await once(command, 'exit');
      await expectServing(versions, '0.2.0');
    },
  );
});

/** Asks for the upgrade in a process of its own, and says `asked` and what it is told. */
function asker({ next, ...versions }: Versions): ChildProcess {
  const file = fileURLToPath(new URL('../packages/boot/test/support/asker.ts', import.meta.url));
  const words = [versions.old.root, JSON.stringify(environmentOf({ next, ...versions })), next.root];
  const child = spawn(process.execPath, ['--conditions=@sarma/source', file, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}
