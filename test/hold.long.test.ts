// Who holds an upgraded node of a release with its launcher, over a restart (docs/decisions/0034).
import { existsSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import {
  type BuiltVersion,
  directoryRelease,
  executableRelease,
  twoVersions,
} from './support/service-versions.ts';
import { ask, say, startNode } from './support/services.ts';

let first: BuiltVersion;
let second: BuiltVersion;

beforeAll(async () => {
  ({ first, second } = await twoVersions());
});

test.skipIf(process.platform !== 'linux').each([
  ['directory', directoryRelease, 'archive'],
  ['executable', executableRelease, 'executable'],
] as const)(
  'an upgraded node of the %s that was restarted stops when the process is killed that was first started',
  async (_form, release, what) => {
    const one = await release(first);
    const { child } = await startNode(one);
    await say(one, 'upgrade', second[what]);
    await expect.poll(() => say(one, 'describe')).not.toContain('Upgrade');
    const pid = Number(await say(one, 'pid'));
    expect(await say(one, 'restart')).toContain(`(PID ${pid})`);
    child.kill('SIGKILL');
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    expect((await ask(one, ['ping'])).exitCode).toBe(1);
    // And whoever starts it again finds the name free.
    await startNode(one);
    await say(one, 'stop');
  },
);
