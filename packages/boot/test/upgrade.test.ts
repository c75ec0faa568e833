import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  askUpgrade,
  call,
  environmentOf,
  eventually,
  expectServing,
  freePort,
  get,
  info,
  recordOf,
  slowRequest,
  startOld,
  twoVersions,
} from './support/upgrade.ts';

const failure = (upgrade: Promise<unknown>) =>
  upgrade.then(
    () => 'it did not fail',
    (error: Error) => error.message,
  );

describe('an upgrade', () => {
  test('puts the other version in the place of the node, whoever started it sees one process', async () => {
    const versions = await twoVersions();
    const { child, ended, printed } = await startOld(versions);
    const progress: string[] = [];
    const result = await askUpgrade(versions, { onProgress: (line) => progress.push(line) });
    expect(result).toMatchObject({ from: '0.1.0', to: '0.2.0', isPermanent: false });
    await expectServing(versions, '0.2.0', result.pid);
    expect(progress).toEqual([
      `Starting 0.2.0 (PID ${result.pid}) beside 0.1.0 (PID ${child.pid})`,
      `0.2.0 has taken over (PID ${result.pid})`,
    ]);
    expect(recordOf(versions).holder).toBe(child.pid);
    await call(versions, 'stop');
    expect((await ended).code).toBe(0);
    expect(printed()).toContain('0.1.0 stopped');
    expect(readdirSync(path.join(versions.state, 'nodes'))).toEqual([]);
  });

  test('runs the hooks of a start and of the upgrade in the new version, and those of a stop in none', async () => {
    const versions = await twoVersions();
    const { printed } = await startOld(versions);
    const before = printed().length;
    const { pid } = await askUpgrade(versions);
    await expectServing(versions, '0.2.0', pid);
    await eventually(() => expect(printed()).toContain('0.1.0 stopped'));
    expect(
      printed()
        .slice(before)
        .match(/^0\.\d\.0 \w+$/gm),
    ).toEqual([
      '0.2.0 pre_configure',
      '0.2.0 pre_start',
      '0.2.0 started',
      '0.2.0 post_start',
      '0.2.0 post_upgrade',
      '0.1.0 stopped',
    ]);
  });

  test('is not seen by the applications of the new version: their process is as ever', async () => {
    const versions = await twoVersions();
    await startOld(versions, {}, { args: ['one', '--two'] });
    const before = JSON.parse(await get(versions, '/process'));
    const { pid } = await askUpgrade(versions);
    await expectServing(versions, '0.2.0', pid);
    const after = JSON.parse(await get(versions, '/process'));
    expect(after).toMatchObject({ send: 'undefined', connected: 'undefined', own: [], execArgv: [] });
    expect(after.argv).toEqual(['start', '--', 'one', '--two']);
    // What is of a version is of the new one, all else as it was.
    const same = (env: Record<string, string>) =>
      Object.keys(env)
        .filter((name) => !['ACT', 'RELEASE_VSN'].includes(name))
        .sort();
    expect(same(after.env)).toEqual(same(before.env));
    expect(after.env).toMatchObject({ RELEASE_ROOT: versions.next.root, RELEASE_VSN: '0.2.0' });
  });

  test('lets the old version answer what it was asked', async () => {
    const versions = await twoVersions();
    await startOld(versions);
    const { answer, end } = await slowRequest(versions);
    const { pid } = await askUpgrade(versions);
    end();
    expect(await answer).toBe('begun 0.1.0');
    await expectServing(versions, '0.2.0', pid);
  });

  test('can be followed by another one', async () => {
    const versions = await twoVersions();
    const { child, ended } = await startOld(versions);
    await askUpgrade(versions);
    await expectServing(versions, '0.2.0');
    const back = await askUpgrade(versions, {
      program: { args: [path.join(versions.old.root, 'releases/0.1.0/boot.cjs')] },
    });
    expect(back.from).toBe('0.2.0');
    await expectServing(versions, '0.1.0', back.pid);
    expect(recordOf(versions).holder).toBe(child.pid);
    await call(versions, 'stop');
    expect((await ended).code).toBe(0);
  });

  test('leaves a second node of the same install alone', async () => {
    const versions = await twoVersions();
    await startOld(versions);
    const other = { RELEASE_NODE: 'other', PORT: '0' };
    await versions.old.start('0.1.0 post_start', { env: { ...environmentOf(versions), ...other } });
    const before = recordOf(versions, 'other');
    const { pid } = await askUpgrade(versions);
    await eventually(async () => expect((await info(versions)).pid).toBe(pid));
    expect(recordOf(versions, 'other')).toEqual(before);
    expect((await info(versions, other)).version).toBe('0.1.0');
    await call(versions, 'stop', {}, undefined, other);
  });

  test('takes the port for other machines along', async () => {
    const versions = await twoVersions();
    const port = String(await freePort());
    const env = { RELEASE_DISTRIBUTION: 'name', RELEASE_NODE: 'demo@127.0.0.1', RELEASE_CONTROL_PORT: port };
    await startOld(versions, env);
    const { tcp } = recordOf(versions, 'demo@127.0.0.1');
    await askUpgrade(versions, { env });
    await eventually(() => expect(recordOf(versions, 'demo@127.0.0.1').version).toBe('0.2.0'));
    expect(recordOf(versions, 'demo@127.0.0.1').tcp).toEqual(tcp);
    // As on another machine, where there is no record.
    vi.stubEnv('RELEASE_CONTROL_PORT', port);
    onTestFinished(() => void vi.unstubAllEnvs());
    const cookie = readFileSync(path.join(versions.state, 'cookie'), 'utf8').trim();
    process.env.RELEASE_CONTROL_PORT = port;
    onTestFinished(() => void delete process.env.RELEASE_CONTROL_PORT);
    const elsewhere = {
      ...env,
      RELEASE_MUTABLE_DIR: path.join(versions.state, 'elsewhere'),
      RELEASE_COOKIE: cookie,
    };
    expect((await info(versions, elsewhere)).version).toBe('0.2.0');
  });
});

describe('a new version that fails leaves the old one serving', () => {
  for (const [act, why] of [
    ['pre_configure:throw', 'Hook pre_configure'],
    ['import:throw', 'Application demo could not be loaded.'],
    ['import:exit', 'It ended with exit code 3.'],
    ['start:throw', 'broken at start'],
    ['start:kill', 'It was ended by SIGKILL.'],
    ['health:false', 'Application demo runs and is not well'],
    ['health:throw', 'broken at health'],
    ['post_start:throw', 'Hook post_start'],
  ] as const) {
    test(`${act.replace(':', ': ')}`, async () => {
      const versions = await twoVersions();
      const { child, printed } = await startOld(versions);
      const message = await failure(askUpgrade(versions, { act }));
      expect(message).toContain(why);
      expect(message).toContain('0.1.0 runs on');
      await expectServing(versions, '0.1.0', child.pid);
      await eventually(() => expect(printed()).toContain('demo: The upgrade to 0.2.0 has failed'));
      // And a better one goes.
      await askUpgrade(versions);
      await expectServing(versions, '0.2.0');
    });
  }

  test('when it never gets ready, after RELEASE_UPGRADE_TIMEOUT', async () => {
    const versions = await twoVersions();
    const { child } = await startOld(versions);
    const message = await failure(askUpgrade(versions, { act: 'start:hang', timeout: 1500 }));
    expect(message).toContain('0.2.0 was not ready within 1.5 s. RELEASE_UPGRADE_TIMEOUT gives it more.');
    await expectServing(versions, '0.1.0', child.pid);
  });

  test('when it is no program at all', async () => {
    const versions = await twoVersions();
    const { child } = await startOld(versions);
    const message = await failure(askUpgrade(versions, { program: { file: '/nowhere/demo' } }));
    expect(message).toContain('ENOENT');
    await expectServing(versions, '0.1.0', child.pid);
  });
});

describe('while an upgrade is under way', () => {
  test('restart, reload_config and another upgrade are refused, describe says what goes on', async () => {
    const versions = await twoVersions();
    const { child } = await startOld(versions);
    const go = path.join(versions.state, 'go');
    const upgrade = askUpgrade(versions, { act: `health:wait:${go}` });
    await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
    const { upgrade: now } = await info(versions);
    for (const method of ['restart', 'reload_config']) {
      expect(await failure(call(versions, method))).toMatch(
        new RegExp(`^demo cannot be .* now: its upgrade to 0.2.0 is under way \\(PID ${now!.pid}\\)`),
      );
    }
    expect(await failure(askUpgrade(versions))).toContain('its upgrade to 0.2.0 is under way');
    const { stdout } = await versions.old.run(['describe'], { env: environmentOf(versions) });
    expect(stdout).toContain(`to 0.2.0, which starts (PID ${now!.pid})`);
    writeFileSync(go, '');
    const { pid } = await upgrade;
    await expectServing(versions, '0.2.0', pid);
    expect(pid).not.toBe(child.pid);
  });

  test('the old version is named as long as it ends what it has begun, and restart waits for that', async () => {
    const versions = await twoVersions();
    const { child } = await startOld(versions);
    const { answer, end } = await slowRequest(versions);
    await askUpgrade(versions);
    const { upgrade } = await info(versions);
    expect(upgrade).toEqual({ from: '0.1.0', pid: child.pid });
    expect(await failure(call(versions, 'restart'))).toContain(`PID ${child.pid}, version 0.1.0, still ends`);
    end();
    expect(await answer).toBe('begun 0.1.0');
    await expectServing(versions, '0.2.0');
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} to the old version ends both`, async () => {
      const versions = await twoVersions();
      const { child, ended } = await startOld(versions);
      const go = path.join(versions.state, 'go');
      const upgrade = failure(askUpgrade(versions, { act: `health:wait:${go}` }));
      await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
      child.kill(signal);
      expect((await ended).code).toBe(0);
      await upgrade;
      expect(readdirSync(path.join(versions.state, 'nodes'))).toEqual([]);
    });
  }
});

describe('applications that cannot run beside themselves', () => {
  const exclusive = { lifecycle: 'exclusive: true,' };

  test('are stopped in the old version before they are started in the new one', async () => {
    const versions = await twoVersions(exclusive);
    const { printed } = await startOld(versions);
    const { pid } = await askUpgrade(versions);
    await expectServing(versions, '0.2.0', pid);
    const lines = printed().split('\n');
    expect(lines.indexOf('0.1.0 stopped')).toBeLessThan(lines.indexOf('0.2.0 started'));
    expect(lines.indexOf('0.1.0 stopped')).toBeGreaterThan(-1);
  });

  for (const act of ['import:throw', 'start:throw', 'start:kill', 'health:false', 'post_start:throw']) {
    test(`are started again in the old version when the new one fails: ${act.replace(':', ': ')}`, async () => {
      const versions = await twoVersions(exclusive);
      const { child } = await startOld(versions);
      expect(await failure(askUpgrade(versions, { act }))).toContain('0.1.0 runs on');
      await expectServing(versions, '0.1.0', child.pid);
    });
  }
});
