// Whoever started a service keeps seeing the process that it started while the service is upgraded (docs/decisions/0034):
// the service manager, a container, a daemon's log and heart, a terminal.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { busy } from './support/load.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { ask, freePort, type Installed, installed, makeService, say, withEnv } from './support/services.ts';
import { underSystemd } from './support/systemd.ts';
import { openTerminal } from './support/terminal.ts';

const files = {
  'application.ts': `
    import { once } from 'node:events';
    import { createServer } from 'node:http';
    import { defineApplication, release } from '@sarma/app';
    export default defineApplication({
      async start() {
        const server = createServer((_, response) => response.end(release()?.version));
        // As sd_listen_fds(3) has it: descriptors from 3 on, for the process of that PID.
        const isActivated = process.env.LISTEN_FDS === '1' && process.env.LISTEN_PID === String(process.pid);
        const place = { port: Number(process.env.PORT), host: '127.0.0.1' };
        await once(server.listen(isActivated ? { fd: 3 } : place), 'listening');
        console.log('serving', release()?.version);
        return server;
      },
      async stop(server) {
        await new Promise((resolve) => server.close(resolve));
        console.log('stopped', release()?.version);
      },
    });`,
};

let executables: readonly string[];

beforeAll(async () => {
  const web = await makeService('web', files);
  const versions: string[] = [];
  for (const version of ['1.0.0', '2.0.0', '3.0.0'])
    versions.push(await wrapProgram(web, ['--release-version', version]));
  executables = versions;
});

/** The first version in a place of its own. */
async function own(): Promise<Installed & { readonly port: number }> {
  const command = path.join(await temporaryDirectory(), 'web');
  await copyFile(executables[0]!, command);
  const port = await freePort();
  const one = withEnv(await installed(command), { PORT: String(port) });
  onTestFinished(async () => void (await ask(one, ['stop', '--force'])));
  return { ...one, port };
}

/** With the executable of another version, as it was downloaded. */
async function upgrade(one: Installed, version: 2 | 3): Promise<void> {
  const { exitCode, stdout, stderr } = await ask({ ...one, command: executables[version - 1]! }, ['upgrade']);
  expect(exitCode, stdout + stderr).toBe(0);
}

const served = async (port: number) => await (await fetch(`http://127.0.0.1:${port}/`)).text();

test.skipIf(lacks('systemd-socket-activate'))(
  'a service that its socket activates keeps that socket over two upgrades, and nobody who connects is refused',
  async () => {
    const one = await own();
    // Where it would listen if it did not take what it is given.
    const port = await freePort();
    const variables = Object.entries({ ...process.env, ...one.env }).flatMap(([key, value]) => [
      '-E',
      `${key}=${value}`,
    ]);
    const words = ['-l', `127.0.0.1:${port}`, ...variables, one.command, 'start'];
    const child = spawn('systemd-socket-activate', words, { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    await vi.waitUntil(async () => (await socketAt(port)) !== undefined, { timeout: 30_000 });
    const socket = await socketAt(port);
    const client = busy(async () => expect(await served(port)).toMatch(/^[123]\.0\.0$/));
    await client.progress();
    expect(await say(one, 'pid')).toBe(String(child.pid));
    for (const version of [2, 3] as const) {
      await vi.waitUntil(async () => (await ask(one, ['describe'])).stdout.includes('running'), {
        timeout: 30_000,
      });
      await upgrade(one, version);
      await client.progress();
      expect(await served(port)).toBe(`${version}.0.0`);
      expect(await say(one, 'rpc', 'process.env.LISTEN_PID === String(process.pid)')).toBe('true');
    }
    expect(await socketAt(port)).toBe(socket);
    await client.end();
    await say(one, 'stop');
    expect(await ended).toEqual([0, null]);
    expect(printed).toContain('stopped 3.0.0');
  },
);

/** The kernel's number of the socket that listens there. */
async function socketAt(port: number): Promise<string | undefined> {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
  return lines.find(([, local, , state]) => local === address && state === '0A')?.[9];
}

test.skipIf(lacks('mounts', 'pidNamespaces', 'systemd'))(
  'systemd keeps the main process of a unit over two upgrades, and reloads, restarts and stops the new version',
  async () => {
    const one = await own();
    expect(await underSystemd(one, SCRIPT, executables.slice(1))).toEqual([
      '1.0.0 by the main process, no restart',
      '2.0.0 by another process, no restart',
      'same main process',
      '3.0.0 by another process, no restart',
      'same main process',
      'reloaded: active',
      'killed: 3.0.0 by the main process, one restart',
      'stopped: inactive success',
    ]);
  },
);

const SCRIPT = `
web=$1; second=$2; third=$3
mkdir -p "$XDG_CONFIG_HOME" && echo "PORT=$PORT" >"$XDG_CONFIG_HOME/web.env"
show() { systemctl --user show web --property "$1" --value; }
state() {
  pid=$("$web" pid); main=$(show MainPID); restarts=$(show NRestarts)
  [ "$pid" = "$main" ] && by='the main process' || by='another process'
  case $restarts in 0) restarts='no restart' ;; 1) restarts='one restart' ;; esac
  echo "$(curl -s "http://127.0.0.1:$PORT/") by $by, $restarts"
}
main_is_held() { grep -q launcher "/proc/$main/cmdline"; }
upgraded() {
  before=$main
  "$1" upgrade >/dev/null || echo "upgrade ended with $?" >&2
  until_true main_is_held
  state
  [ "$main" = "$before" ] && echo 'same main process'
}
restarted() { [ "$(show NRestarts)" = 1 ] && "$web" ping; }
"$web" service install --user >/dev/null
systemctl --user start web
until_true "$web" ping
state
upgraded "$second"
upgraded "$third"
systemctl --user reload web
echo "reloaded: $(systemctl --user is-active web)"
kill -9 "$pid"
until_true restarted
echo "killed: $(state)"
systemctl --user stop web
echo "stopped: $(systemctl --user is-active web) $(show Result)"
`;

test.skipIf(lacks('pidNamespaces'))(
  'the first process of a container stays the first, and ends in order when the container is stopped',
  async () => {
    const one = await own();
    const words = ['--pid', '--fork', '--mount-proc', one.command, 'start'];
    const child = spawn('unshare', words, {
      env: { ...process.env, ...one.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    await vi.waitUntil(async () => (await ask(one, ['ping'])).exitCode === 0, { timeout: 30_000 });
    const first = (await childrenOf(child.pid!))[0]!;
    // As `docker exec`.
    const inside = [
      'nsenter',
      '--target',
      `${first}`,
      '--pid',
      '--mount',
      executables[1]!,
      'upgrade',
    ] as const;
    const { exitCode, stderr } = await run(inside[0], inside.slice(1), { env: one.env });
    expect(exitCode, stderr).toBe(0);
    expect(await served(one.port)).toBe('2.0.0');
    await vi.waitUntil(async () => (await commandLine(first)).includes('launcher hold'), { timeout: 30_000 });
    process.kill(first, 'SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(printed).toBe('serving 1.0.0\nserving 2.0.0\nstopped 1.0.0\nstopped 2.0.0\n');
  },
);

const logOf = async ({ state }: Installed) => await readFile(path.join(state, 'log/web.log'), 'utf8');

test('the log of a daemon goes on with the new version', async () => {
  const one = await own();
  await say(one, 'daemon');
  await upgrade(one, 2);
  expect(await served(one.port)).toBe('2.0.0');
  await vi.waitUntil(async () => (await logOf(one)).includes('stopped 1.0.0'), { timeout: 30_000 });
  await say(one, 'stop');
  await vi.waitUntil(async () => (await logOf(one)).includes('stopped 2.0.0'), { timeout: 30_000 });
  expect((await logOf(one)).replaceAll(/^\S+Z /gm, '').replaceAll(/PID \d+/g, 'PID')).toBe(
    'web 1.0.0 starts (PID)\nserving 1.0.0\nweb 2.0.0 starts (PID)\nserving 2.0.0\nstopped 1.0.0\nstopped 2.0.0\n',
  );
});

test('a heart watches over the new version: starts that again, and lets it be ended', async () => {
  const one = await own();
  await say(one, 'daemon', '--heart');
  const heart = await parentOf(Number(await say(one, 'pid')));
  await upgrade(one, 2);
  const holder = (await childrenOf(heart))[0]!;
  await vi.waitUntil(async () => (await commandLine(holder)).includes('launcher hold'), { timeout: 30_000 });
  process.kill(Number(await say(one, 'pid')), 'SIGKILL');
  await vi.waitUntil(async () => (await logOf(one)).includes('ended by SIGKILL; starting it again (1 of 5'), {
    timeout: 30_000,
  });
  await vi.waitUntil(async () => (await ask(one, ['ping'])).exitCode === 0, { timeout: 30_000 });
  expect(await served(one.port)).toBe('2.0.0');
  await upgrade(one, 3);
  const next = (await childrenOf(heart))[0]!;
  await vi.waitUntil(async () => (await commandLine(next)).includes('launcher hold'), { timeout: 30_000 });
  await say(one, 'stop', '--force');
  await vi.waitUntil(() => !existsSync(`/proc/${heart}`), { timeout: 30_000 });
  expect((await logOf(one)).match(/ heart: /g)).toHaveLength(1);
});

test.skipIf(lacks('script'))(
  'Ctrl-C on the terminal that the first version was started on stops the second, once',
  async () => {
    const one = await own();
    const terminal = await openTerminal(`exec ${one.command} start`, one.env);
    await terminal.shows('serving 1.0.0');
    await vi.waitUntil(async () => (await ask(one, ['ping'])).exitCode === 0, { timeout: 30_000 });
    const first = Number(await say(one, 'pid'));
    await upgrade(one, 2);
    await terminal.shows('stopped 1.0.0');
    await vi.waitUntil(async () => (await commandLine(first)).includes('launcher hold'), { timeout: 30_000 });
    terminal.type('\x03');
    const { exitCode, screen } = await terminal.ended;
    expect(screen).toMatch(/\^Cstopped 2\.0\.0\r\n$/);
    expect(exitCode).toBe(0);
  },
);

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

async function parentOf(pid: number): Promise<number> {
  return Number(/PPid:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]);
}

async function commandLine(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
}
