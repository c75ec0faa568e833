import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  askUpgrade,
  environmentOf,
  eventually,
  expectServing,
  slowRequest,
  startOld,
  twoVersions,
  type Versions,
} from '../packages/boot/test/support/upgrade.ts';
import { lacks } from './support/requirements.ts';

// Killed at every step: afterwards one node serves, its record is right, and nothing of the other one is left.

const STEPS = ['pre_configure', 'import', 'start', 'health', 'post_start', 'post_upgrade'] as const;

describe.each([
  ['beside the old version', ''],
  ['with applications that cannot run beside themselves', 'exclusive: true,'],
] as const)('%s', (_, lifecycle) => {
  test.each(STEPS)('a new version that is killed at %s leaves the old one serving', async (step) => {
    const versions = await twoVersions({ lifecycle });
    const { child } = await startOld(versions);
    await expect(askUpgrade(versions, { act: `${step}:kill` })).rejects.toThrow('It was ended by SIGKILL.');
    await expectServing(versions, '0.1.0', child.pid);
  });

  test.each(STEPS)('an old version that is killed at %s leaves the new one serving', async (step) => {
    const versions = await twoVersions({ lifecycle });
    const { child } = await startOld(versions);
    const exit = once(child, 'exit');
    await expect(askUpgrade(versions, { act: `${step}:orphan` })).rejects.toThrow('The node has hung up');
    expect(await exit).toEqual([null, 'SIGKILL']);
    await expectServing(versions, '0.2.0');
  });

  test('an old version that is killed while it stops its applications leaves the new one serving', async () => {
    const versions = await twoVersions({ lifecycle });
    const { child } = await startOld(versions, { ACT: 'stop:kill' });
    const exit = once(child, 'exit');
    // Beside each other, that is behind the answer.
    const asked = askUpgrade(versions);
    if (lifecycle === '') expect(await asked).toMatchObject({ to: '0.2.0' });
    else await expect(asked).rejects.toThrow('The node has hung up');
    expect(await exit).toEqual([null, 'SIGKILL']);
    await expectServing(versions, '0.2.0');
  });

  test.skipIf(lacks('strace'))(
    'a new version that is killed while it takes the name leaves the old one serving',
    async () => {
      const versions = await twoVersions({ lifecycle });
      const { child } = await startOld(versions);
      const program = atTake(versions, 'signal=KILL');
      await expect(askUpgrade(versions, { program })).rejects.toThrow('It was ended by SIGKILL.');
      await expectServing(versions, '0.1.0', child.pid);
    },
  );

  test.skipIf(lacks('strace'))(
    'an old version that is killed while the new one takes the name leaves that one serving',
    async () => {
      const versions = await twoVersions({ lifecycle });
      const { child } = await startOld(versions);
      const exit = once(child, 'exit');
      const asked = askUpgrade(versions, { program: atTake(versions, 'delay_enter=1000000') });
      asked.catch(() => {});
      // The right to the name, before the name.
      const nodes = path.join(versions.state, 'nodes');
      await eventually(() =>
        expect(readdirSync(nodes).filter((name) => name.endsWith('.next'))).toHaveLength(1),
      );
      child.kill('SIGKILL');
      await expect(asked).rejects.toThrow('The node has hung up');
      expect(await exit).toEqual([null, 'SIGKILL']);
      await expectServing(versions, '0.2.0');
    },
  );

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

test('an old version that is killed while it answers what it has begun leaves the new one serving', async () => {
  const versions = await twoVersions();
  const { child } = await startOld(versions);
  const exit = once(child, 'exit');
  const { answer } = await slowRequest(versions);
  await askUpgrade(versions);
  child.kill('SIGKILL');
  await expect(answer).rejects.toThrow();
  expect(await exit).toEqual([null, 'SIGKILL']);
  await expectServing(versions, '0.2.0');
});

/** The new version under strace, which does something at its first rename: that of its record to the node's name. */
function atTake({ next }: Versions, what: string) {
  const strace = [
    '-D',
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    'trace=rename',
    '-e',
    `inject=rename:${what}:when=1`,
  ];
  const node = [process.execPath, path.join(next.root, 'releases/0.2.0/boot.cjs')];
  return { file: 'strace', args: [...strace, ...node] };
}

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
