import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { BootFile } from '../src/boot-file.ts';
import type { ControlStream } from '../src/control/client.ts';
import { body, client } from './support/clients.ts';
import {
  askUpgrade,
  call,
  environmentOf,
  eventually,
  expectServing,
  freePort,
  get,
  info,
  processesOf,
  recordOf,
  slowRequest,
  startOld,
  twoVersions,
  type Versions,
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

  test('is told to telemetry in the old version: what begins, what ends it, what fails', async () => {
    const versions = await twoVersions();
    const { printed } = await startOld(versions);
    await failure(askUpgrade(versions, { act: 'health:false' }));
    await askUpgrade(versions);
    const told = [...printed().matchAll(/^sarma\.upgrade (.*)$/gm)].map(([, text]) => JSON.parse(text!));
    expect(told.map(({ event }) => event)).toEqual(['start', 'error', 'start', 'end']);
    expect(told[1].error).toContain('Application demo runs and is not well');
    expect(told[3]).toMatchObject({ kind: 'upgrade', from: '0.1.0', to: '0.2.0', direction: 'upgrade' });
  });

  test('goes to a version of which nothing is started', async () => {
    const instructions: BootFile['instructions'] = [{ do: 'configure' }, { do: 'load', application: 'demo' }];
    const versions = await twoVersions({ boot: { instructions } });
    await startOld(versions);
    const { pid } = await askUpgrade(versions);
    await eventually(async () =>
      expect(await info(versions)).toMatchObject({ version: '0.2.0', pid, state: 'running', upgrade: null }),
    );
  });

  test('leaves a whole record where somebody has removed that of the old version meanwhile', async () => {
    const versions = await twoVersions();
    await startOld(versions);
    const go = path.join(versions.state, 'go');
    const upgrade = askUpgrade(versions, { act: `health:wait:${go}` });
    await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
    rmSync(path.join(versions.state, 'nodes', 'demo.json'));
    writeFileSync(go, '');
    const { pid } = await upgrade;
    await expectServing(versions, '0.2.0', pid);
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
      // Once, by whoever knows.
      expect(
        printed()
          .replace(/^sarma\.upgrade .*$/gm, '')
          .split(why),
      ).toHaveLength(2);
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

describe('what another Sarma has made is refused in a sentence', () => {
  const OTHER = 'was made by another Sarma than the version that runs';

  test.each([
    ['the new version', 'next', 'FORMAT=1', 'FORMAT=2', `0.1.0 runs on.\nThis version ${OTHER}`],
    ['one that does not look', 'next', 'type:"loaded",format:FORMAT', 'type:"loaded"', `0.2.0 ${OTHER}`],
    ['the command', 'old', 'FORMAT=1', 'FORMAT=2', `The command upgrade ${OTHER}`],
    [
      'the node, before there were upgrades',
      'old',
      'case"upgrade"',
      'case"other"',
      'an older Sarma, which has no upgrade',
    ],
  ] as const)('%s', async (_, which, text, other, message) => {
    const versions = await twoVersions();
    const { root, version } = versions[which];
    const file = path.join(root, 'releases', version, 'boot/later.cjs');
    const code = readFileSync(file, 'utf8');
    expect(code).toContain(text);
    writeFileSync(file, code.replace(text, other));
    const { child } = await startOld(versions);
    expect(await failure(askUpgrade(versions))).toContain(message);
    await expectServing(versions, '0.1.0', child.pid);
  });
});

describe('a new version that fails once it had taken over', () => {
  for (const lifecycle of ['', 'exclusive: true,']) {
    const how = lifecycle === '' ? '' : ', where it could not run beside the old one';

    test(`leaves the old one on the path of its Unix-domain socket${how}`, async () => {
      const given = await twoVersions({ lifecycle });
      const versions = { ...given, socket: path.join(given.state, 'demo.sock') };
      const { child } = await startOld(versions);
      expect(await failure(askUpgrade(versions, { act: 'post_start:throw' }))).toContain('0.1.0 runs on');
      await expectServing(versions, '0.1.0', child.pid);
      expect(existsSync(`${versions.socket}.upgrade`)).toBe(false);
      await askUpgrade(versions);
      await expectServing(versions, '0.2.0');
      await call(versions, 'stop');
      await eventually(() => expect(existsSync(versions.socket)).toBe(false));
    });
  }

  const permanent = ({ old }: Versions) =>
    JSON.parse(readFileSync(path.join(old.root, 'releases/start.json'), 'utf8'));

  test('is not what the next start starts: killed while the old one ends what it has begun', async () => {
    const versions = await twoVersions();
    const { child, printed } = await startOld(versions);
    const { answer, end } = await slowRequest(versions);
    const { pid } = await askUpgrade(versions, { isPermanent: true });
    expect(permanent(versions)).toMatchObject({ version: '0.2.0', before: ['0.1.0'] });
    process.kill(pid, 'SIGKILL');
    await expectServing(versions, '0.1.0', child.pid);
    expect(permanent(versions)).toMatchObject({ version: '0.1.0', before: [] });
    end();
    expect(await answer).toBe('begun 0.1.0');
    expect(printed()).toContain('The upgrade to 0.2.0 has failed, and 0.1.0 runs on.');
  });

  test('is not what the next start starts: killed before it has said that it is', async () => {
    const versions = await twoVersions();
    const { child } = await startOld(versions);
    const message = await failure(askUpgrade(versions, { act: 'post_upgrade:kill', isPermanent: true }));
    expect(message).toContain('0.1.0 runs on');
    await expectServing(versions, '0.1.0', child.pid);
    expect(permanent(versions)).toMatchObject({ version: '0.1.0' });
  });
});

describe('stop --force ends the service', () => {
  const force = ({ old, ...versions }: Versions) =>
    old.run(['stop', '--force'], { env: environmentOf({ old, ...versions }) });

  test('while the new version has not taken over', async () => {
    const versions = await twoVersions();
    await startOld(versions);
    const go = path.join(versions.state, 'go');
    const upgrade = failure(askUpgrade(versions, { act: `start:wait:${go}` }));
    await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
    expect(await force(versions)).toMatchObject({ code: 0 });
    await upgrade;
    await eventually(() => expect(processesOf(versions)).toEqual([]));
  });

  test('while the old version ends what it has begun; afterwards everything is free for the next start', async () => {
    const versions = await twoVersions();
    await startOld(versions);
    const { answer } = await slowRequest(versions);
    answer.catch(() => {});
    await askUpgrade(versions);
    expect(await force(versions)).toMatchObject({ code: 0 });
    expect(processesOf(versions)).toEqual([]);
    await startOld(versions);
    await expectServing(versions, '0.1.0');
  });
});

test('an old version that cannot go on either says so and ends, for whoever supervises it', async () => {
  const versions = await twoVersions();
  const { ended } = await startOld(versions);
  const other = { RELEASE_NODE: 'other', PORT: '0' };
  await versions.old.start('0.1.0 post_start', { env: { ...environmentOf(versions), ...other } });
  const go = path.join(versions.state, 'go');
  const upgrade = failure(askUpgrade(versions, { act: `health:wait:${go}` }));
  await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
  const { upgrade: now } = await info(versions);
  // As if somebody else had started it.
  const nodes = path.join(versions.state, 'nodes');
  copyFileSync(path.join(nodes, 'other.json'), path.join(nodes, 'demo.json'));
  process.kill(now!.pid, 'SIGKILL');
  expect(await upgrade).toContain('has failed, and 0.1.0 cannot go on and ends.');
  const { code, stderr } = await ended;
  expect(code).toBe(1);
  expect(stderr).toContain('other runs already');
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
    const { pid } = await askUpgrade(versions);
    const { upgrade } = await info(versions);
    expect(upgrade).toEqual({ from: '0.1.0', pid: child.pid });
    const another = asking(versions, '');
    await eventually(() => expect(another.progress[0]).toMatch(/^Waiting for 0\.1\.0/));
    another.interrupt();
    expect(await failure(another.result)).toContain('It was interrupted');
    const progress: string[] = [];
    const restart = call(versions, 'restart', {}, (line) => progress.push(line));
    await eventually(() =>
      expect(progress[0]).toMatch(/^Waiting for 0\.1\.0 \(PID \d+\), which has at most [\d.]+ s more/),
    );
    end();
    expect(await answer).toBe('begun 0.1.0');
    expect(await restart).toMatchObject({ pid });
  });

  test('the way back at once ends what the old version has begun, with --now', async () => {
    const versions = await twoVersions();
    await startOld(versions);
    const { answer } = await slowRequest(versions);
    const cutOff = failure(answer);
    await askUpgrade(versions);
    const program = { args: [path.join(versions.old.root, 'releases/0.1.0/boot.cjs')] };
    const back = await askUpgrade(versions, { program, isNow: true });
    expect(await cutOff).toBe('aborted');
    await expectServing(versions, '0.1.0', back.pid);
  });

  test('whoever has asked can interrupt it until the new version has taken over', async () => {
    const versions = await twoVersions();
    const { child } = await startOld(versions);
    const go = path.join(versions.state, 'go');
    const before = asking(versions, `health:wait:${go}`);
    await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
    before.interrupt();
    expect(await failure(before.result)).toContain('0.1.0 runs on.\nIt was interrupted by whoever asked');
    await expectServing(versions, '0.1.0', child.pid);
    const next = path.join(versions.state, 'next');
    const after = asking(versions, `post_start:wait:${next}`);
    await eventually(() => expect(existsSync(`${next}.reached`)).toBe(true));
    after.interrupt();
    await eventually(() => expect(after.progress).toContain('The upgrade goes on: 0.2.0 has taken over'));
    writeFileSync(next, '');
    await after.result;
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
      expect(await upgrade).toContain('was given up: the node is told to stop.');
      expect(readdirSync(path.join(versions.state, 'nodes'))).toEqual([]);
      expect(processesOf(versions)).toEqual([]);
    });
  }
});

describe('while the hooks of a new version that has taken over run', () => {
  test('whoever upgraded is told what is waited for', async () => {
    const versions = await twoVersions();
    await startOld(versions);
    const go = path.join(versions.state, 'go');
    const progress: string[] = [];
    const onProgress = (line: string) => {
      progress.push(line);
      if (line.startsWith('Waiting')) writeFileSync(go, '');
    };
    await askUpgrade(versions, { act: `post_upgrade:wait:${go}`, timeout: 3000, onProgress });
    expect(progress.at(-1)).toBe(
      'Waiting for the hooks post_start and post_upgrade of 0.2.0, which have not ended within 3 s',
    );
    await expectServing(versions, '0.2.0');
  });

  test('stop ends both, and the command says that it was that', async () => {
    const versions = await twoVersions();
    const { ended } = await startOld(versions);
    const go = path.join(versions.state, 'go');
    const upgrade = failure(askUpgrade(versions, { act: `post_start:wait:${go}` }));
    await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
    await call(versions, 'stop');
    expect(await upgrade).toMatch(/^0\.2\.0 had taken over, and was told to stop: demo ends\./);
    writeFileSync(go, '');
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    expect(stderr).not.toContain('has failed');
    expect(processesOf(versions)).toEqual([]);
  });
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

  for (const [how, act, version] of [
    ['to the new version', '', '0.2.0'],
    ['to the old one again where the new one fails', 'start:throw', '0.1.0'],
  ] as const) {
    test(`leave HTTP connections open ${how}`, async () => {
      const versions = await twoVersions(exclusive);
      const { port } = versions;
      await startOld(versions);
      const agent = new Agent({ keepAlive: true });
      expect(await body({ port, agent })).toBe('0.1.0');
      const [socket] = Object.values(agent.freeSockets).flat();
      await askUpgrade(versions, { act }).catch(() => {});
      expect(await body({ port, agent })).toBe(version);
      expect(Object.values(agent.freeSockets).flat()).toEqual([socket]);
      agent.destroy();
    });
  }

  test('show no error to clients that ask all the time over HTTP', async () => {
    const versions = await twoVersions(exclusive);
    await startOld(versions);
    const clients = Array.from({ length: 3 }, () => {
      const agent = new Agent({ keepAlive: true });
      const ask = () => wait(5).then(() => body({ port: versions.port, agent, path: '/after/20' }));
      return client(ask, () => agent.destroy());
    });
    await wait(100);
    await askUpgrade(versions);
    for (const end of clients) {
      const { answers, errors } = await end('0.2.0');
      expect(errors).toEqual([]);
      expect(Object.keys(answers)).toEqual(['0.1.0', '0.2.0']);
    }
  });

  for (const act of ['stop:hang', 'stop:throw']) {
    test(`never do: the old version restarts where one does not stop (${act.replace(':', ': ')})`, async () => {
      const versions = await twoVersions({ ...exclusive, boot: { shutdownTimeout: 500 } });
      const { child, printed } = await startOld(versions, { ACT: act });
      const message = await failure(askUpgrade(versions));
      expect(message).toMatch(
        /^The upgrade to 0\.2\.0 has failed, and 0\.1\.0 restarts\.\nApplication demo .*stop/,
      );
      await eventually(() => expect(printed()).toContain('0.1.0 started'));
      await expectServing(versions, '0.1.0', child.pid);
      expect(printed()).not.toContain('0.2.0 started');
    });
  }

  test('are not started in the new version when the old one is told to stop meanwhile', async () => {
    const versions = await twoVersions(exclusive);
    const go = path.join(versions.state, 'go');
    const { child, ended } = await startOld(versions, { ACT: `stop:wait:${go}` });
    const upgrade = failure(askUpgrade(versions));
    await eventually(() => expect(existsSync(`${go}.reached`)).toBe(true));
    child.kill('SIGTERM');
    expect(await upgrade).toContain('was given up: the node is told to stop.');
    writeFileSync(go, '');
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain('0.2.0 started');
    expect(processesOf(versions)).toEqual([]);
  });
});

/** An upgrade as `askUpgrade` asks for it, which can be interrupted. */
function asking(versions: Versions, act: string) {
  const progress: string[] = [];
  let interrupt = () => {};
  const onStream = (stream: ControlStream) => {
    interrupt = () => stream.send({ interrupt: true });
  };
  const result = askUpgrade(versions, { act, onStream, onProgress: (line) => progress.push(line) });
  return { result, progress, interrupt: () => interrupt() };
}
