import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import type { BootFile } from '../../src/boot-file.ts';
import { type ControlStream, connect } from '../../src/control/client.ts';
import type { NodeRecord } from '../../src/control/node-record.ts';
import { FORMAT } from '../../src/control/request.ts';
import { readEnvironment } from '../../src/environment.ts';
import type { NodeInfo } from '../../src/node-info.ts';
import type { UpgradeRequest, UpgradeResult } from '../../src/upgrade/protocol.ts';
import {
  type ReleaseParts,
  type RunOptions,
  type Started,
  type TestRelease,
  testRelease,
} from './release.ts';

// Two versions of one service, and what happens where while one takes the place of the other.

/**
 * A server that answers with its version. `ACT=<step>:<what>` has it do something on the way: `import`, `start`, `health`,
 * `stop`, and hooks by their names. It is told to N alone, with what an upgrade is asked for.
 */
const application = (version: string, options = '') => `
import http from 'node:http';
import { once } from 'node:events';
import { subscribe } from 'node:diagnostics_channel';
import { act, until } from './act.mjs';
subscribe('sarma.upgrade', (message) => console.log('sarma.upgrade ' + JSON.stringify(message)));
await act('import');
export default {
  ${options}
  async start({ release }) {
    await act('start');
    const server = http.createServer((request, response) => answer(request, response));
    server.keepAliveTimeout = 60_000;
    const { PORT } = process.env;
    server.listen(PORT.startsWith('/') ? { path: PORT } : { port: Number(PORT), host: '127.0.0.1' });
    await once(server, 'listening');
    console.log('${version} started');
    return server;
  },
  async health() { return await act('health'); },
  async stop(server) {
    await act('stop');
    server.close();
    server.closeAllConnections();
    console.log('${version} stopped');
  },
};
function answer(request, response) {
  if (request.url.startsWith('/until/')) {
    response.write('begun ');
    return until(request.url.slice('/until'.length)).then(() => response.end('${version}'));
  }
  if (request.url.startsWith('/after/'))
    return void setTimeout(() => response.end('${version}'), Number(request.url.slice('/after/'.length)));
  if (request.url === '/process') {
    const { send, connected, channel, env, execArgv, argv } = process;
    const own = Object.keys(process).filter((name) => /send|channel|connected/.test(name));
    return response.end(JSON.stringify({ send: typeof send, connected: typeof connected, own, env, execArgv, argv: argv.slice(2) }));
  }
  response.end('${version}');
}`;

const act = `
import { existsSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
export async function until(file) {
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 10));
}
const [when, what, file] = (process.env.ACT ?? '').split(':');
export async function act(step) {
  if (step !== when) return true;
  switch (what) {
    case 'throw': throw new Error('broken at ' + step);
    case 'false': return false;
    case 'exit': process.exit(3);
    case 'hang': return await new Promise((resolve) => setInterval(resolve, 2 ** 30).unref() && setInterval(() => {}, 1000));
    case 'wait':
      writeFileSync(file + '.reached', '');
      await until(file);
      return true;
    case 'kill': process.kill(process.pid, 'SIGKILL');
    case 'orphan': process.kill(process.ppid, 'SIGKILL');
  }
  return true;
}`;

/** A hook that does what ACT says, as applications do. */
const hook = (name: string) => `#!/bin/sh
case "$ACT" in
  ${name}:wait:*)
    file="\${ACT#${name}:wait:}"
    touch "$file.reached"
    while [ ! -e "$file" ] && [ -e "$file.reached" ]; do sleep 0.05; done ;;
  ${name}:throw) echo "broken at ${name}" >&2; exit 1 ;;
  ${name}:kill) kill -9 $PPID ;;
  ${name}:orphan) kill -9 $(ps -o ppid= -p $PPID) ;;
esac
echo "$RELEASE_VSN ${name}"
`;

const HOOKS = ['pre_configure', 'pre_start', 'post_start', 'post_upgrade', 'pre_stop', 'post_stop'] as const;

export interface Versions {
  readonly old: TestRelease;
  readonly next: TestRelease;
  readonly port: number;
  /** Path of the Unix-domain socket that they listen on instead. */
  readonly socket?: string;
  /** Of both. */
  readonly state: string;
}

/** The second version, and what it can do besides. */
export interface VersionOptions {
  /** Of the lifecycles: `exclusive: true,`. */
  readonly lifecycle?: string;
  readonly boot?: Partial<BootFile>;
}

export async function twoVersions({ lifecycle = '', boot = {} }: VersionOptions = {}): Promise<Versions> {
  const parts = (version: string, directory?: string): ReleaseParts => ({
    version,
    ...(directory !== undefined && { directory }),
    applications: ['demo'],
    files: {
      'lib/demo/application.mjs': application(version, lifecycle),
      'lib/demo/act.mjs': act,
      ...Object.fromEntries(HOOKS.map((name) => [`releases/${version}/hooks/${name}.sh`, hook(name)])),
    },
    boot: {
      hooks: Object.fromEntries(HOOKS.map((name) => [name, [`releases/${version}/hooks/${name}.sh`]])),
      ...boot,
    },
  });
  // Short: sockets lie in there.
  const state = mkdtempSync(path.join(tmpdir(), 'up-'));
  onTestFinished(() => rmSync(state, { recursive: true, force: true }));
  const old = await testRelease(parts('0.1.0'));
  // Where an upgrade puts it.
  const versions = path.join(old.root, 'versions');
  mkdirSync(versions);
  return { old, next: await testRelease(parts('0.2.0', versions)), port: await freePort(), state };
}

/** Starts the old version. */
export async function startOld(
  versions: Versions,
  env: Readonly<Record<string, string>> = {},
  options: RunOptions = {},
): Promise<Started & { readonly printed: () => string }> {
  const started = await versions.old.start('0.1.0 post_start', {
    ...options,
    env: { ...environmentOf(versions), ...env },
  });
  let text = '';
  for (const stream of [started.child.stdout!, started.child.stderr!])
    stream.on('data', (chunk) => (text += chunk));
  // Whatever takes its place is no child of ours.
  onTestFinished(() => endAll(versions));
  await eventually(async () => expect((await info(versions, env)).state).toBe('running'));
  return { ...started, printed: () => text };
}

export function environmentOf({ port, socket, state }: Versions): Readonly<Record<string, string>> {
  return { PORT: socket ?? String(port), RELEASE_MUTABLE_DIR: state };
}

export interface Asked {
  readonly act?: string;
  readonly timeout?: number;
  readonly isPermanent?: boolean;
  readonly isNow?: boolean;
  readonly onStream?: (stream: ControlStream) => void;
  readonly onProgress?: (progress: string) => void;
  readonly program?: Partial<UpgradeRequest['program']>;
  readonly env?: Readonly<Record<string, string>>;
}

/** What the command does. */
export async function askUpgrade(
  versions: Versions,
  {
    act: what = '',
    timeout = 20_000,
    isPermanent = false,
    isNow = false,
    onStream = () => {},
    onProgress = () => {},
    program,
    env = {},
  }: Asked = {},
): Promise<UpgradeResult> {
  const request: UpgradeRequest = {
    version: '0.2.0',
    isPermanent,
    isNow,
    timeout,
    program: {
      file: process.execPath,
      args: [path.join(versions.next.root, 'releases/0.2.0/boot.cjs')],
      env: { ACT: what },
      ...program,
    },
  };
  return (await call(
    versions,
    'upgrade',
    { ...request, format: FORMAT },
    onProgress,
    env,
    onStream,
  )) as UpgradeResult;
}

export async function info(versions: Versions, env = {}): Promise<NodeInfo> {
  return (await call(versions, 'info', {}, undefined, env)) as NodeInfo;
}

export async function call(
  versions: Versions,
  method: string,
  params: object = {},
  onProgress: (progress: string) => void = () => {},
  env: Readonly<Record<string, string>> = {},
  onStream: (stream: ControlStream) => void = () => {},
): Promise<unknown> {
  const { old } = versions;
  const boot = JSON.parse(readFileSync(path.join(old.root, 'releases/0.1.0/boot.json'), 'utf8')) as BootFile;
  const environment = readEnvironment(old.root, boot, ['upgrade'], { ...environmentOf(versions), ...env });
  const client = await connect(boot, environment);
  try {
    const stream = client.stream(method, params, ({ progress }) => onProgress(String(progress)));
    onStream(stream);
    return await stream.result;
  } finally {
    client.close();
  }
}

/** What the server of the versions answers. */
export function get({ port, socket }: Versions, where = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = socket === undefined ? { port } : { socketPath: socket };
    const request = http.get({ ...server, path: where, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}

/** A request whose answer has begun, and ends when it is told to. */
export async function slowRequest(
  versions: Versions,
): Promise<{ readonly answer: Promise<string>; readonly end: () => void }> {
  const file = path.join(versions.state, 'end');
  let text = '';
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const answer = new Promise<string>((resolve, reject) => {
    const request = http.get({ port: versions.port, path: `/until${file}`, agent: false }, (response) => {
      response.on('data', (chunk) => {
        text += chunk;
        begin();
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
  await begun;
  return { answer, end: () => writeFileSync(file, '') };
}

export function recordOf({ state }: Versions, node = 'demo'): NodeRecord {
  return JSON.parse(readFileSync(path.join(state, 'nodes', `${node}.json`), 'utf8'));
}

/** Until it is so: `what` returns without a failed expectation. */
export async function eventually(what: () => unknown): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return void (await what());
    } catch (error) {
      if (tries === 1200) throw error;
      await wait(25);
    }
  }
}

/** One node serves as `version`, the record says so, and nothing else is there. */
export async function expectServing(versions: Versions, version: string, pid?: number): Promise<void> {
  await eventually(async () => expect(await get(versions)).toBe(version));
  await eventually(async () => {
    const found = await info(versions);
    expect(found).toMatchObject({ version, state: 'running', upgrade: null });
    if (pid !== undefined) expect(found.pid).toBe(pid);
    const record = recordOf(versions);
    expect(record).toMatchObject({ version, pid: found.pid });
    expect(readdirSync(path.join(versions.state, 'nodes')).sort()).toEqual(
      [path.basename(record.socket), 'demo.json'].sort(),
    );
    // Predecessors stay, where they have no launcher, to hold their successors.
    const expected = [found.pid, ...ancestors(found.pid)];
    expect(processesOf(versions).filter((one) => !expected.includes(one))).toEqual([]);
  });
}

/** PIDs of the nodes of these versions; holders, zombies, and who only looks on apart. */
export function processesOf({ old, next }: Versions): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const words = commandLineOf(pid);
      return (
        words[0] !== 'strace' &&
        words.includes('start') &&
        words.some((word) => word.startsWith(old.root) || word.startsWith(next.root))
      );
    });
}

function ancestors(pid: number): readonly number[] {
  const parent = Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return parent === 0 ? [] : [parent, ...ancestors(parent)];
}

function commandLineOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** Whoever started them may be none of ours. */
export function endAll(versions: Versions): void {
  for (const pid of processesOf(versions)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It was faster.
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
