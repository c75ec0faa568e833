// examples/kv as a person uses it: built, copied away, two nodes started from one install.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../examples/kv/apps/kv/src/client.ts';
import { build, copyExample } from './support/examples.ts';
import { temporaryDirectory } from './support/run.ts';
import {
  ask,
  type Foreground,
  freePort,
  type Installed,
  installed,
  say,
  startNodeOfHook,
  withEnv,
} from './support/services.ts';

let project: string;
let admin: Installed;

beforeAll(async () => {
  project = await copyExample('kv');
  await build(project, ['wrap', 'kv', '--current', '--compression', 'fast']);
  await build(project, ['wrap', 'kv_admin', '--current', '--compression', 'fast']);
  const platform = `${process.platform}-${process.arch}`;
  admin = await installed(path.join(project, `burrito_out/kv_admin_${platform}`));
});

/** Each with the place where it keeps everything, which nobody has told it. */
const forms = {
  'the assembled directory': async () => {
    const copy = path.join(await temporaryDirectory(), 'kv');
    await cp(path.join(project, '_build/prod/rel/kv'), copy, { recursive: true, verbatimSymlinks: true });
    return { file: path.join(copy, 'bin/kv'), state: () => path.join(copy, 'var') };
  },
  'the unpacked tarball': async () => {
    const directory = await temporaryDirectory();
    const archive = path.join(project, `burrito_out/kv-0.1.0-${process.platform}-${process.arch}.tar.gz`);
    await execa('tar', ['-xzf', archive, '-C', directory]);
    return { file: path.join(directory, 'bin/kv'), state: () => path.join(directory, 'var') };
  },
  'the executable': async () => {
    const file = path.join(await temporaryDirectory(), 'kv');
    await cp(path.join(project, `burrito_out/kv_${process.platform}-${process.arch}`), file);
    return { file, state: (states: string) => path.join(states, 'kv') };
  },
};

describe.each(Object.entries(forms))('two nodes from %s', (_name, make) => {
  let foo: Installed;
  let bar: Installed;
  let ports: readonly [number, number];
  let state: string;
  const running: Foreground[] = [];

  const clientOf = (node: Installed) => new Client('127.0.0.1', Number(node.env.PORT));
  const send = async (node: Installed, ...commands: readonly string[]) => {
    const client = clientOf(node);
    const answers = await Promise.all(commands.map((command) => client.send(command)));
    client.close();
    return answers.map((lines) => lines.join(' '));
  };
  const start = async (node: Installed) => {
    const started = await startNodeOfHook(node);
    running.push(started);
    return started;
  };
  const names = '(await import("kv")).registry().names';

  beforeAll(async () => {
    const { file, state: stateOf } = await make();
    const own = await installed(file);
    const service = withEnv(own, { RELEASE_MUTABLE_DIR: '', XDG_STATE_HOME: own.state });
    state = stateOf(own.state);
    ports = [await freePort(), await freePort()];
    const NODES = `foo=127.0.0.1:${ports[0]};bar=127.0.0.1:${ports[1]}`;
    foo = withEnv(service, { NODES, RELEASE_NODE: 'foo', PORT: String(ports[0]) });
    bar = withEnv(service, { NODES, RELEASE_NODE: 'bar', PORT: String(ports[1]) });
    await start(foo);
    await start(bar);
  });

  afterAll(async () => {
    for (const started of running) await started.kill();
  });

  test('each is itself: its own PID, its own name', async () => {
    expect(await say(foo, 'pid')).toBe(String(running[0]!.child.pid));
    expect(await say(bar, 'pid')).toBe(String(running[1]!.child.pid));
    expect(await say(foo, 'ping')).toBe('pong');
    expect(await say(bar, 'ping')).toBe('pong');
    expect(await say(bar, 'rpc', '--json', 'process.env.RELEASE_NODE')).toBe('"bar"');
  });

  test('a bucket lies with the node of its first letter, whichever node is asked', async () => {
    expect(await send(foo, 'CREATE shopping', 'PUT shopping milk 1', 'GET shopping milk')).toEqual([
      'OK',
      'OK',
      '1 OK',
    ]);
    expect(
      await send(bar, 'CREATE apples', 'PUT apples red 3', 'GET apples red', 'GET shopping milk'),
    ).toEqual(['OK', 'OK', '3 OK', '1 OK']);
    expect(JSON.parse(await say(foo, 'rpc', '--json', names))).toEqual(['apples']);
    expect(JSON.parse(await say(bar, 'rpc', '--json', names))).toEqual(['shopping']);
  });

  test('blanks of any kind stand between words, and each line of an answer comes back, here and through the other', async () => {
    const client = connect({ host: '127.0.0.1', port: Number(foo.env.PORT) });
    client.write('GET\tshopping  milk \r\n GET\tapples red\nGET shopping milk\nHELLO\n');
    let said = '';
    for await (const text of client.setEncoding('utf8')) {
      said += text;
      if (said.endsWith('COMMAND\r\n')) break;
    }
    expect(said.trimEnd().split('\r\n')).toEqual(['1', 'OK', '3', 'OK', '1', 'OK', 'UNKNOWN COMMAND']);
  });

  test('the protocol is that of the guide', async () => {
    expect(
      await send(
        foo,
        'DELETE shopping milk',
        'GET shopping milk',
        'GET cities paris',
        'PUT cities paris 1',
        'HELLO',
      ),
    ).toEqual(['OK', ' OK', 'NOT FOUND', 'NOT FOUND', 'UNKNOWN COMMAND']);
  });

  test('remote evaluates in the node, and leaving it leaves the node running', async () => {
    const { stdout, exitCode } = await ask(foo, ['remote'], { input: `${names}\n.exit\n` });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("[ 'apples' ]");
    expect(await say(foo, 'ping')).toBe('pong');
  });

  test('an exception in rpc is for who asked; the node lives', async () => {
    const { exitCode, stderr } = await ask(foo, ['rpc', '(await import("kv")).nothing()']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('TypeError');
    expect(await say(foo, 'ping')).toBe('pong');
  });

  test('a second start of a node is refused with the PID that has it', async () => {
    const { exitCode, stderr } = await ask(foo, ['start']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(String(running[0]!.child.pid));
  });

  test('a port in use is a sentence', async () => {
    const other = withEnv(foo, { RELEASE_NODE: 'baz', NODES: '' });
    const { exitCode, stderr } = await ask(other, ['start']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`port ${ports[0]} of 127.0.0.1 is in use`);
  });

  test('a node that NODES does not name is refused', async () => {
    const { exitCode, stderr } = await ask(withEnv(foo, { RELEASE_NODE: 'baz' }), ['start']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('RELEASE_NODE is baz, but NODES names foo, bar');
  });

  test('a node that stops while clients write keeps what they were told, and has told all that it keeps', async () => {
    await send(foo, 'CREATE plenty', 'CREATE crates');
    const directly = Array.from({ length: 8 }, (_, index) => write(clientOf(bar), 'plenty', index));
    const throughFoo = Array.from({ length: 8 }, (_, index) => write(clientOf(foo), 'plenty', 100 + index));
    // Connections on which there is always something that has not been answered yet, here and by the other node.
    const busy = [clientOf(bar), clientOf(bar)] as const;
    const atOnce = Array.from({ length: 300 }, (_, index) => write(busy[0], 'plenty', 1000 + index));
    const throughBar = Array.from({ length: 300 }, (_, index) => write(busy[1], 'crates', 2000 + index));
    await pause(300);
    const last = running.at(-1)!;
    await say(bar, 'stop');
    // It is gone when stop returns, not only about to be. (Its PID is there until this process has asked how it ended.)
    expect(existsSync(`/proc/${last.child.pid}/exe`)).toBe(false);
    const { exitCode } = await last.ended;
    expect(exitCode, last.printed()).toBe(0);

    await start(bar);
    const contents = async (node: Installed, bucket: string) => {
      const expression = `Object.fromEntries((await import("kv")).registry().lookup("${bucket}"))`;
      return JSON.parse(await say(node, 'rpc', '--json', expression));
    };
    const plenty = await told(directly, throughFoo, atOnce);
    expect(Object.keys(plenty).length).toBeGreaterThan(1000);
    expect(await contents(bar, 'plenty')).toEqual(plenty);
    expect(await contents(foo, 'crates')).toEqual(await told(throughBar));
  });

  test('a client that resets its connection does not keep a node from stopping', async () => {
    const client = connect({ host: '127.0.0.1', port: Number(bar.env.PORT), allowHalfOpen: true });
    client.on('error', () => {}).once('end', () => client.resetAndDestroy());
    client.write('HELLO\n');
    await once(client, 'data');
    client.resume();
    const last = running.at(-1)!;
    await say(bar, 'stop');
    const { exitCode } = await last.ended;
    expect(exitCode, last.printed()).toBe(0);
    expect(last.printed()).toContain('kv_server: every command that came in is answered');
    await start(bar);
  });

  test('a killed node has what it told, and starts again over what it left behind', async () => {
    const client = clientOf(bar);
    await client.send('PUT plenty last 1');
    const last = running.at(-1)!;
    await last.kill();
    expect(await send(foo, 'GET plenty last')).toEqual([expect.stringMatching(/^ERROR node bar/)]);
    expect((await ask(bar, ['ping'])).exitCode).toBe(1);
    await start(bar);
    expect(await send(foo, 'GET plenty last')).toEqual(['1 OK']);
  });

  test('the admin release sends commands and looks into files, and has no server in it', async () => {
    const to = ['--to', `127.0.0.1:${ports[0]}`];
    expect(await say(admin, 'send', ...to, 'PUT', 'apples', 'green', '5')).toBe('OK');
    expect((await ask(admin, ['send', ...to, 'GET', 'nix', 'x'])).stdout).toBe('NOT FOUND\n');
    expect(await say(admin, 'buckets', path.join(state, 'buckets/foo.jsonl'))).toContain(
      'apples\n  red = 3\n  green = 5',
    );
    expect(await say(admin, 'help')).toContain('send');
    const { applications } = JSON.parse(
      await readFile(path.join(project, '_build/prod/rel/kv_admin/releases/0.1.0/release.json'), 'utf8'),
    );
    expect(applications).toEqual([expect.objectContaining({ name: 'kv', mode: 'load' })]);
  });

  test('stop when nothing runs says so', async () => {
    expect((await ask(foo, ['stop'])).exitCode).toBe(0);
    expect((await ask(bar, ['stop'])).exitCode).toBe(0);
    const { exitCode, stderr } = await ask(bar, ['stop']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/not running/i);
  });
});

type Pairs = Readonly<Record<string, string>>;

/** Writes until the connection ends; what was acknowledged, value by key. */
async function write(client: Client, bucket: string, writer: number): Promise<Pairs> {
  const told: Record<string, string> = {};
  try {
    for (let count = 0; ; count++) {
      const key = `${writer}-${count}`;
      const [answer] = await client.send(`PUT ${bucket} ${key} ${count}`);
      if (answer !== 'OK') return told; // a writer at foo hears that bar does not answer
      told[key] = String(count);
    }
  } catch {
    return told; // bar hung up
  } finally {
    client.close();
  }
}

async function told(...writers: readonly (readonly Promise<Pairs>[])[]): Promise<Pairs> {
  return Object.assign({}, ...(await Promise.all(writers.flat())));
}
