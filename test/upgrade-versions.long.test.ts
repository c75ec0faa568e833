// Permanent and provisional versions of a node, in the forms of a release (docs/release.md, "Versions").
import { chmod, copyFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { lacks } from './support/requirements.ts';
import {
  type BuiltVersion,
  directoryRelease,
  executableRelease,
  refused,
  twoVersions,
} from './support/service-versions.ts';
import { ask, say, startNode, withEnv } from './support/services.ts';

let first: BuiltVersion;
let second: BuiltVersion;

beforeAll(async () => {
  ({ first, second } = await twoVersions());
});

describe.each([
  ['directory', directoryRelease, 'archive'],
  ['executable', executableRelease, 'executable'],
] as const)('a node of the %s', (_form, release, what) => {
  test('is upgraded for good and goes back, with the hooks of the new version around it', async () => {
    const one = await release(first);
    const node = await startNode(one);
    expect(await say(one, 'upgrade', second[what])).toMatch(
      /^before 0\.2\.0, from 0\.1\.0\n.*tick is 0\.2\.0 now \(PID \d+\)\.$/s,
    );
    expect(node.printed()).toContain('after 0.2.0, from 0.1.0');
    expect(await say(one, 'version')).toBe('tick 0.2.0');
    expect(await say(one, 'describe')).toMatch(/^ {2}Running +PID \d+, since/m);
    expect(await say(one, 'downgrade')).toContain('tick is 0.1.0 now');
    expect(await say(one, 'version')).toBe('tick 0.1.0');
    expect(await refused(one, 'downgrade')).toContain('There is no version from before 0.1.0.');
    expect(await say(one, 'remove', '0.2.0')).toBe('tick 0.2.0 is removed.');
    await say(one, 'stop');
  });

  test('comes back as the last permanent version, if it was only tried', async () => {
    const one = await release(first);
    await startNode(one);
    await say(one, 'upgrade', '--no-permanent', second[what]);
    expect(await say(one, 'describe')).toMatch(/Running +PID \d+, version 0\.2\.0, provisional, since/);
    expect(await say(one, 'versions')).toMatch(
      /^0\.1\.0 +\d+ MB {2}permanent\n0\.2\.0 +\d+ MB {2}provisional, tick runs/,
    );
    const pid = Number(await say(one, 'pid'));
    process.kill(pid, 'SIGKILL');
    while ((await ask(one, ['pid'])).exitCode === 0) await pause(50);
    await startNode(one);
    expect(JSON.parse(await say(one, 'describe', '--json')).running).toMatchObject({
      version: '0.1.0',
      isProvisional: false,
    });
    expect(await say(one, 'upgrade', '--no-permanent', '0.2.0')).toContain('the next start gives 0.1.0.');
    await say(one, 'restart');
    expect(await say(one, 'describe')).toContain('version 0.2.0, provisional');
    const tried = await say(one, 'pid');
    expect(await say(one, 'upgrade', '0.2.0')).toBe(
      `tick is 0.2.0 (PID ${tried}), and the next start gives it, too.`,
    );
    expect(await say(one, 'pid')).toBe(tried);
    expect(await say(one, 'version')).toBe('tick 0.2.0');
    expect(await say(one, 'versions')).toMatch(/^0\.2\.0 .*permanent, tick runs/m);
    expect(await say(one, 'downgrade')).toContain('tick is 0.1.0 now');
    await say(one, 'stop');
  });

  test('runs on where a hook pre_upgrade fails', async () => {
    const one = await release(first);
    await startNode(one);
    const { exitCode, stderr } = await ask(one, ['upgrade', second[what]], { env: { FAIL: 'yes' } });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'Hook pre_upgrade (releases/0.2.0/hooks/pre_upgrade.sh) failed with exit code 3.',
    );
    expect(stderr).toContain('0.2.0 is not started: a hook pre_upgrade of it failed. 0.1.0 runs on.');
    expect(await say(one, 'describe')).toMatch(/Running +PID \d+, since/);
    // What was put there for it has gone with it.
    expect(await say(one, 'versions')).not.toContain('0.2.0');
    await say(one, 'stop');
  });
});

test('a hook pre_upgrade that hangs is ended, and the old version runs on', async () => {
  const one = await directoryRelease(first);
  await startNode(one);
  const env = { HANG: 'yes', RELEASE_UPGRADE_TIMEOUT: '1' };
  const { exitCode, stderr } = await ask(one, ['upgrade', second.archive], { env });
  expect(exitCode).toBe(1);
  expect(stderr).toContain(
    'Hook pre_upgrade (releases/0.2.0/hooks/pre_upgrade.sh) was not done within 1 s, and was ended.',
  );
  expect(stderr).toContain('0.1.0 runs on.');
  await say(one, 'stop');
});

test('the executable of the new version upgrades the node that runs, without being told what to', async () => {
  const one = await executableRelease(first);
  await startNode(one);
  expect(await say({ ...one, command: second.executable }, 'upgrade')).toContain('tick is 0.2.0 now');
  expect(await say(one, 'version')).toBe('tick 0.2.0');
  // An install that was pruned comes back from its executable.
  await say(one, 'downgrade');
  const installs = path.join(one.env.XDG_CACHE_HOME!, 'sarma/releases');
  const pruned = (await readdir(installs)).filter((name) => name.startsWith('tick-0.2.0-'));
  expect(pruned).toHaveLength(1);
  await rm(path.join(installs, pruned[0]!), { recursive: true });
  expect(await say(one, 'upgrade', '0.2.0')).toContain('tick is 0.2.0 now');
  // It runs from its copy, and what is put into the place of the file is started by a restart all the same.
  await copyFile(first.executable, `${one.program}.new`);
  await rename(`${one.program}.new`, one.program);
  await say(one, 'restart');
  expect(JSON.parse(await say(one, 'describe', '--json')).running.version).toBe('0.1.0');
  await say(one, 'stop');
});

test('the way back is known where a file was put into its place by hand', async () => {
  const one = await executableRelease(first);
  await startNode(one);
  await say(one, 'upgrade', '--no-permanent', second.executable);
  await copyFile(second.executable, `${one.program}.new`);
  await rename(`${one.program}.new`, one.program);
  expect(await say(one, 'versions')).toMatch(/^0\.2\.0 +\d+ MB {2}permanent, tick runs/m);
  expect(await say(one, 'downgrade')).toContain('tick is 0.1.0 now');
  expect(await say(one, 'version')).toBe('tick 0.1.0');
  await say(one, 'stop');
});

test('a new assembly upgrades the node of an old one, by its state directory', async () => {
  const one = await directoryRelease(first);
  await startNode(one);
  const command = path.join(second.directory, 'bin/tick');
  const other = withEnv({ ...one, command }, { RELEASE_MUTABLE_DIR: one.state });
  expect(await say(other, 'upgrade')).toContain('tick is 0.2.0 now');
  expect(await say(one, 'version')).toBe('tick 0.2.0');
  expect(JSON.parse(await say(one, 'describe', '--json')).paths.root).toBe(
    path.join(one.root, 'versions/0.2.0'),
  );
  await say(one, 'stop');
});

test.skipIf(lacks('root', 'setpriv'))(
  'a version whose file cannot be replaced runs, and what to do is said',
  async () => {
    const one = await executableRelease(first);
    await chmod(path.dirname(one.program), 0o555);
    const caps = '-dac_override,-dac_read_search';
    const under = path.join(one.state, 'start');
    await writeFile(
      under,
      `#!/bin/sh\nexec setpriv --bounding-set=${caps} --inh-caps=${caps} '${one.program}' "$@"\n`,
      { mode: 0o755 },
    );
    await startNode({ ...one, command: under });
    const { stdout, stderr, exitCode } = await ask(one, ['upgrade', second.executable]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /tick is 0\.2\.0 now \(PID \d+\)\. It is provisional: the next start gives 0\.1\.0\.$/m,
    );
    const copy = path.join(one.state, 'versions/0.2.0/tick');
    expect(stderr).toContain(`${one.program} cannot be replaced (EACCES`);
    expect(stderr).toContain(`Put ${copy} there as a user who may.`);
    expect(await say(one, 'describe')).toContain('version 0.2.0, provisional');
    await say(one, 'stop');
  },
);
