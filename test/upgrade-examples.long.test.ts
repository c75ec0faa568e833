// examples/kv and examples/notes under load take new versions: no client sees an error, and no write is lost.
import { cp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Client } from '../examples/kv/apps/kv/src/client.ts';
import {
  type Built,
  buildVersions,
  KV,
  NOTES,
  OTHER_NODE,
  OTHER_RUNTIME,
  SHAPES,
  VERSIONS,
} from './support/example-versions.ts';
import {
  addNote,
  type Busy,
  busy,
  ask as get,
  keeping,
  notesOf,
  openClient,
  untilListening,
} from './support/load.ts';
import { temporaryDirectory } from './support/run.ts';
import {
  ask,
  type Foreground,
  freePort,
  type Installed,
  installed,
  say,
  startNode,
  withEnv,
} from './support/services.ts';

type Form = 'directory' | 'executable';
type How = 'upgrade' | 'reload';

/** A node of the first version, and its clients. */
interface Running extends Loaded {
  readonly node: Installed;
  readonly built: Built;
  readonly form: Form;
  /** What a supervisor has started. */
  readonly started: Foreground;
}

/** Clients that send without pause, and one that keeps its connection open. */
interface Loaded {
  readonly clients: readonly Busy[];
  /** What the open connection is answered by: the version of the code. */
  readonly servedBy: () => Promise<string>;
  /** Once for all; fails where a write is lost. `steps`: how often another process has taken over. */
  readonly check: (steps: number) => Promise<void>;
  /** Evaluates to the count that the state has. */
  readonly count: string;
}

/** The first version in a place of its own. */
async function place(built: Built, form: Form): Promise<Installed> {
  const first = built[VERSIONS[0]]!;
  const root = path.join(await temporaryDirectory(), 'app');
  await cp(form === 'directory' ? first.directory : first.executable, root, {
    recursive: true,
    verbatimSymlinks: true,
  });
  const name = path.basename(first.directory).split('-')[0]!;
  const port = await freePort();
  const node = withEnv(await installed(form === 'directory' ? path.join(root, 'bin', name) : root), {
    PORT: String(port),
    SECRET_KEY_BASE: 'x'.repeat(64),
  });
  onTestFinished(async () => void (await ask(node, ['stop', '--force'])));
  return node;
}

async function start(built: Built, form: Form, load: (port: number) => Promise<Loaded>): Promise<Running> {
  const node = await place(built, form);
  const started = await startNode(node);
  return { ...(await load(Number(node.env.PORT))), node, built, form, started };
}

/** Everything is as it has to be while `version` serves. */
async function expectServing({ node, clients, servedBy, started }: Running, version: string): Promise<void> {
  await Promise.all(clients.map((client) => client.progress()));
  expect(await servedBy()).toBe(version);
  expect(await say(node, 'rpc', 'process.env.RELEASE_VSN')).toBe(`'${version}'`);
  // Whoever supervises sees the process that it has started.
  expect({ code: started.child.exitCode, signal: started.child.signalCode }).toEqual({
    code: null,
    signal: null,
  });
}

async function take({ node, built, form }: Running, how: How, version: string): Promise<void> {
  await say(node, how, built[version]![form]);
}

async function end(running: Running, steps: number): Promise<void> {
  const { clients, check, started, node } = running;
  for (const client of clients) await client.end();
  await check(steps);
  await say(node, 'stop');
  expect(await started.ended).toEqual({ exitCode: 0, signal: null });
}

async function loadKv(port: number): Promise<Loaded> {
  const quiet = openClient(port);
  expect(await quiet.send('CREATE all')).toEqual(['OK']);
  const open = openClient(port);
  const kept = busy(async (number) => {
    expect(await open.send(`PUT all kept-${number} ${number}`)).toEqual(['OK']);
  });
  const anew = busy(async (number) => {
    const client = openClient(port);
    expect(await client.send(`PUT all anew-${number} ${number}`)).toEqual(['OK']);
    expect(await client.send(`GET all anew-${number}`)).toEqual([String(number), 'OK']);
    client.close();
  });
  return {
    clients: [kept, anew],
    // The connections are the first ones: this client makes no others.
    servedBy: async () => (await quiet.send('HELLO'))[0]!.split(' ').at(-1)!,
    async check() {
      const asked = Object.entries({ kept, anew }).flatMap(([name, client]) =>
        client.acknowledged().map(async (number) => {
          expect(await quiet.send(`GET all ${name}-${number}`)).toEqual([String(number), 'OK']);
        }),
      );
      await Promise.all(asked);
    },
    count: 'stateOf("kv").parts.kept',
  };
}

async function loadNotes(port: number): Promise<Loaded> {
  const [open, keep, once] = [keeping(), keeping(), new Agent()];
  const kept = busy((number) => addNote(port, keep, `kept ${number}`));
  const anew = busy((number) => addNote(port, once, `anew ${number}`));
  return {
    clients: [kept, anew],
    servedBy: async () => (await get(port, open, { path: '/api/notes/1' })).version,
    async check(steps) {
      const there = await notesOf(port);
      const told = Object.entries({ kept, anew }).flatMap(([name, client]) =>
        client.acknowledged().map((number) => `${name} ${number}`),
      );
      expect(there.toSorted()).toEqual(told.toSorted());
      // An idle one goes to the next version; one with a request under way is ended by the answer.
      expect(open.connections).toBe(1);
      expect(keep.connections).toBeLessThanOrEqual(1 + steps);
    },
    count: 'stateOf("notes").written',
  };
}

/** Two clients of which one keeps its connection; both come again after an error. */
async function writers(name: string, port: number): Promise<readonly Busy[]> {
  const again = () => untilListening(port);
  if (name === 'notes') {
    const [keep, once] = [keeping(), new Agent()];
    return [
      busy((number) => addNote(port, keep, `0 ${number}`), again),
      busy((number) => addNote(port, once, `1 ${number}`), again),
    ];
  }
  const put = async (client: Client, key: string) =>
    expect(await client.send(`PUT all ${key} yes`)).toEqual(['OK']);
  let open = openClient(port);
  await open.send('CREATE all');
  return [
    busy(
      async (number) => await put(open, `0-${number}`),
      async () => {
        await untilListening(port);
        open = openClient(port);
      },
    ),
    busy(async (number) => {
      const client = openClient(port);
      await put(client, `1-${number}`);
      client.close();
    }, again),
  ];
}

async function expectWritten(name: string, port: number, clients: readonly Busy[]): Promise<void> {
  const keys = clients.flatMap(({ acknowledged }, client) =>
    acknowledged().map((number) => [client, number] as const),
  );
  if (name === 'notes') {
    const texts = new Set(await notesOf(port));
    for (const [client, number] of keys) expect(texts).toContain(`${client} ${number}`);
    return;
  }
  // All at once: they may be tens of thousands on a busy machine.
  const reader = openClient(port);
  const asked = keys.map(async ([client, number]) => {
    expect(await reader.send(`GET all ${client}-${number}`)).toEqual(['yes', 'OK']);
  });
  await Promise.all(asked);
}

const EXAMPLES = [
  ['kv', KV, loadKv],
  ['notes', NOTES, loadNotes],
] as const;

describe.skipIf(process.platform === 'win32').each(EXAMPLES)('%s', (name, example, load) => {
  let built: Built;
  beforeAll(async () => {
    built = await buildVersions(example);
  });

  test.each(['directory', 'executable'] as const)(
    'three upgrades of its %s and a downgrade: nobody sees an error, open connections stay, no write is lost',
    async (form) => {
      const running = await start(built, form, load);
      const pids = new Set([await say(running.node, 'pid')]);
      expect(pids).toContain(String(running.started.child.pid));
      for (const version of VERSIONS.slice(1)) {
        await take(running, 'upgrade', version);
        await expectServing(running, version);
        pids.add(await say(running.node, 'pid'));
      }
      await say(running.node, 'downgrade');
      await expectServing(running, '0.3.0');
      pids.add(await say(running.node, 'pid'));
      expect(pids.size).toBe(5);
      await end(running, 4);
    },
  );

  test.each([name === 'kv' ? 'directory' : 'executable'] as const)(
    'three reloads of its %s and the way back: the same connections, no write is lost, and the state changes its shape',
    async (form) => {
      const running = await start(built, form, load);
      for (const version of [...VERSIONS.slice(1), '0.3.0']) {
        await take(running, 'reload', version);
        await expectServing(running, version);
        expect(await say(running.node, 'pid')).toBe(String(running.started.child.pid));
      }
      for (const client of running.clients) await client.end();
      // Every change since the first version was started, those during the reloads too.
      const writes = running.clients.reduce((sum, client) => sum + client.done(), name === 'kv' ? 1 : 0);
      expect(JSON.parse(await say(running.node, 'rpc', '--json', running.count))).toEqual(
        SHAPES['0.3.0']!(writes),
      );
      // Handlers of the versions before are gone: each request was reported once.
      if (name === 'notes')
        await expect.poll(() => running.started.printed().match(/^POST /gm)).toHaveLength(writes);
      await end(running, 0);
    },
  );

  test('an upgrade to another Node, and back', async () => {
    const running = await start(built, 'directory', load);
    const own = await say(running.node, 'rpc', 'process.versions.node');
    await take(running, 'upgrade', OTHER_NODE);
    await expectServing(running, OTHER_NODE);
    expect(await say(running.node, 'rpc', 'process.versions.node')).toMatch(`'${OTHER_RUNTIME}.`);
    await say(running.node, 'downgrade');
    await expectServing(running, '0.1.0');
    expect(await say(running.node, 'rpc', 'process.versions.node')).toBe(own);
    await end(running, 2);
  });

  test('versions that fail on purpose change nothing', async () => {
    const running = await start(built, 'directory', load);
    const { node } = running;
    const before = await say(node, 'versions');
    const pid = await say(node, 'pid');
    for (const [how, fault, message] of [
      ['upgrade', 'start throw', 'broken at start'],
      ['upgrade', 'health false', 'health'],
      ['upgrade', 'start kill', 'SIGKILL'],
      ['reload', 'codeChange throw', 'broken at codeChange'],
    ] as const) {
      await writeFile(path.join(node.state, 'fault'), `0.2.0 ${fault}`);
      const { exitCode, stderr } = await ask(node, [how, built['0.2.0']!.directory]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(message);
      await expectServing(running, '0.1.0');
      expect(await say(node, 'pid')).toBe(pid);
    }
    expect((await say(node, 'versions')).split('\n')[0]).toBe(before.split('\n')[0]);
    await rm(path.join(node.state, 'fault'));
    await end(running, 4);
  });

  // Whoever was connected to the one that ends has to connect again.
  test.each([
    ['the new version is killed while it starts', '0.2.0 start kill', '0.1.0'],
    ['the hook post_start of the new version fails', '0.2.0 post_start throw', '0.1.0'],
    ['the new version is killed when it has taken over', '0.2.0 post_start kill', '0.1.0'],
    ['the new version is killed when it is permanent', '0.2.0 post_upgrade kill', '0.1.0'],
    ['the old version is killed while the new one starts', '0.2.0 start orphan', '0.2.0'],
    ['the old version is killed when the new one has taken over', '0.2.0 post_start orphan', '0.2.0'],
    ['the old version is killed while it stops its applications', '0.1.0 stop kill', '0.2.0'],
  ])('%s: the other one serves, and every acknowledged write is there', async (_, fault, left) => {
    const node = await place(built, 'directory');
    await say(node, 'daemon');
    const port = Number(node.env.PORT);
    const clients = await writers(name, port);
    for (const client of clients) await client.progress();
    await writeFile(path.join(node.state, 'fault'), fault);
    await ask(node, ['upgrade', built['0.2.0']!.directory]);
    for (const client of clients) await client.progress();
    await vi.waitUntil(async () => (await ask(node, ['ping'])).exitCode === 0, { timeout: 30_000 });
    expect(await say(node, 'rpc', 'process.env.RELEASE_VSN')).toBe(`'${left}'`);
    for (const client of clients) await client.end();
    await expectWritten(name, port, clients);
    // Who went back is the version of the next start, too.
    if (left === '0.1.0') expect(await say(node, 'version')).toContain('0.1.0');
    await rm(path.join(node.state, 'fault'));
    await say(node, 'stop');
  });
});
