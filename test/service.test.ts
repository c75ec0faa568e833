import { copyFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { lacks } from './support/requirements.ts';
import { temporaryDirectory, wrapProgram } from './support/run.ts';
import { ask, type Installed, installed, makeService } from './support/services.ts';
import { underSystemd } from './support/systemd.ts';

// A wrapped service under somebody who keeps it alive: `daemon --heart`, or the system's service manager.

const files = {
  'application.ts': `
    import { existsSync } from 'node:fs';
    import { defineApplication, release } from '@sarma/app';
    export default defineApplication({
      start({ args: [what] }) {
        console.log('started', release()?.version);
        if (what === 'flood') {
          setInterval(() => {
            if (!existsSync(process.env.RELEASE_MUTABLE_DIR + '/go')) return;
            for (let line = 0; line < 100_000; line++) console.log('line', line);
            process.exit(3);
          }, 20);
        }
      },
      stop() {
        console.log('stopped');
      },
    });`,
};

let first: string;
let second: string;

beforeAll(async () => {
  const clock = await makeService('clock', files);
  first = await wrapProgram(clock, ['--release-version', '1.0.0']);
  second = await wrapProgram(clock, ['--release-version', '2.0.0']);
});

/** A copy of the executable that may be replaced, with a home of its own; stopped after the test. */
async function own(): Promise<Installed> {
  const command = path.join(await temporaryDirectory(), 'clock');
  await copyFile(first, command);
  const one = await installed(command);
  onTestFinished(async () => void (await ask(one, ['stop'])));
  return one;
}

const logOf = async ({ state }: Installed) => await readFile(path.join(state, 'log/clock.log'), 'utf8');

test('a daemon’s log is carried by the launcher of the release, and nothing is lost of what it printed last', async () => {
  const one = await own();
  expect((await ask(one, ['daemon', 'flood'])).exitCode).toBe(0);
  expect(await commandLines()).toContainEqual(
    expect.stringMatching(`/releases/1\\.0\\.0/launcher log ${one.state}/log/clock\\.log `),
  );
  await writeFile(path.join(one.state, 'go'), '');
  await vi.waitUntil(async () => (await logOf(one)).includes('line 99999\n'), { timeout: 30_000 });
  const lines = (await logOf(one)).split('\n').slice(2, -1);
  expect(lines).toEqual(Array.from({ length: 100_000 }, (_, line) => `line ${line}`));
});

test('a crashed daemon is started again from the file as it is then', async () => {
  const one = await own();
  expect((await ask(one, ['daemon', '--heart'])).exitCode).toBe(0);
  const before = Number((await ask(one, ['pid'])).stdout);
  // As it is to be done: another file takes the name, the running one keeps its contents.
  await copyFile(second, `${one.command}.new`);
  await rename(`${one.command}.new`, one.command);
  process.kill(before, 'SIGKILL');
  await vi.waitUntil(async () => (await logOf(one)).includes('started 2.0.0'), { timeout: 30_000 });
  const { running } = JSON.parse((await ask(one, ['describe', '--json'])).stdout);
  expect(running).toMatchObject({ version: '2.0.0' });
  expect(running.pid).not.toBe(before);
  expect((await ask(one, ['stop'])).exitCode).toBe(0);
  expect((await logOf(one)).replaceAll(/^\S+Z /gm, '').replaceAll(/PID \d+/g, 'PID')).toBe(
    'clock 1.0.0 starts (PID)\nstarted 1.0.0\n' +
      'heart: clock ended by SIGKILL; starting it again (1 of 5 in 60 s)\n' +
      'clock 2.0.0 starts (PID)\nstarted 2.0.0\nstopped\n',
  );
});

test('doctor finds nothing wrong with it', async () => {
  const one = await own();
  const { exitCode, stdout } = await ask(one, ['doctor']);
  expect(stdout.split('\n').filter((line) => line !== '' && !line.startsWith('ok '))).toEqual([]);
  expect(exitCode).toBe(0);
});

test.skipIf(lacks('mounts', 'pidNamespaces', 'systemd'))(
  'systemd starts it, starts it again after a crash, reloads and stops it',
  async () => {
    const one = await own();
    const unit = `${one.env.HOME}/.config/systemd/user/clock.service`;
    expect(await underSystemd(one, SCRIPT)).toEqual([
      `Wrote ${unit}.`,
      'It starts with your next session. To start it now:',
      '  systemctl --user start clock.service',
      'pong',
      'status 0',
      'another process',
      'Nothing has changed.',
      expect.stringMatching(/^clock has stopped \(PID \d+\)\.$/),
      'inactive',
      'pong',
      `Removed ${unit}.`,
      'pang',
    ]);
  },
);

const SCRIPT = `
pid_differs() { now=$("$clock" pid 2>/dev/null) && [ "$now" != "$first" ]; }
clock=$1
"$clock" service install --user
systemctl --user start clock
until_true "$clock" ping; "$clock" ping
"$clock" service status --user >/dev/null; echo "status $?"
first=$("$clock" pid)
kill -9 $first
until_true pid_differs && echo another process
systemctl --user reload clock
"$clock" reload_config
"$clock" stop
sleep 0.3; systemctl --user is-active clock
systemctl --user start clock
until_true "$clock" ping; "$clock" ping
"$clock" service uninstall --user
"$clock" ping 2>/dev/null
true
`;

async function commandLines(): Promise<readonly string[]> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return await Promise.all(
    processes.map(async (pid) =>
      (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' '),
    ),
  );
}
