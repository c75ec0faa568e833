import { execFile } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NodeRecord } from '../src/control/node-record.ts';
import { type RunOptions, type TestRelease, testRelease } from './support/release.ts';

// Strangers on the control socket of a real node. What they send is written here by hand: a client of ours would not.

const demo = () =>
  testRelease({
    applications: ['demo'],
    files: { 'lib/demo/application.mjs': `export default { start() { console.log('ready'); } };` },
  });

/** To be somebody else takes the right to. */
const isRoot = process.geteuid?.() === 0;

const recordOf = (release: TestRelease): NodeRecord =>
  JSON.parse(readFileSync(path.join(release.root, 'var/nodes/demo.json'), 'utf8'));

const cookieOf = (release: TestRelease) => readFileSync(path.join(release.root, 'var/cookie'), 'utf8').trim();

interface Stranger {
  readonly socket: Socket;
  /** Everything that the node has said, line by line. */
  readonly heard: string[];
  readonly closed: Promise<void>;
  say(message: object | string | Buffer): void;
  /** The next line; undefined when the node has hung up instead. */
  hear(): Promise<Record<string, string> | undefined>;
}

async function stranger(address: string): Promise<Stranger> {
  const socket = connect(address);
  const heard: string[] = [];
  let rest = '';
  let taken = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    heard.push(...lines);
    socket.emit('heard');
  });
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return {
    socket,
    heard,
    closed,
    say: (message) =>
      socket.write(
        typeof message === 'string' || Buffer.isBuffer(message) ? message : `${JSON.stringify(message)}\n`,
      ),
    async hear() {
      while (heard.length === taken && !socket.closed) await Promise.race([once(socket, 'heard'), closed]);
      const line = heard[taken];
      taken += 1;
      return line === undefined ? undefined : JSON.parse(line);
    },
  };
}

const nonce = () => randomBytes(32).toString('base64url');

const proof = (cookie: string, role: string, client: string, server: string, node = 'demo') =>
  createHmac('sha256', cookie)
    .update(JSON.stringify(['sarma-control-1', role, node, client, server]))
    .digest('base64url');

/** The node answers its own clients, and is the one that was started. */
async function expectUnharmed(release: TestRelease, options?: RunOptions) {
  expect(await release.run(['rpc', '1 + 1'], options)).toMatchObject({ stdout: '2\n', code: 0 });
}

describe('who does not know the cookie', () => {
  test('gets in with the right proof and not with another: the protocol, spelled out', async () => {
    const release = await demo();
    await release.start('ready');
    const enter = async (cookie: string) => {
      const visitor = await stranger(recordOf(release).socket);
      const own = nonce();
      visitor.say({ sarma: 1, node: 'demo', nonce: own });
      const answer = await visitor.hear();
      visitor.say({ proof: proof(cookie, 'client', own, answer!.nonce!) });
      const welcome = await visitor.hear();
      visitor.say({
        id: 1,
        method: 'evaluate',
        params: { source: { code: '6 * 7', name: 'rpc' }, argv: [], columns: 80 },
      });
      return { own, answer, welcome, result: await visitor.hear() };
    };
    const right = await enter(cookieOf(release));
    expect(right.answer!.proof).toBe(proof(cookieOf(release), 'server', right.own, right.answer!.nonce!));
    expect(right).toMatchObject({
      welcome: { welcome: true },
      result: { id: 1, result: { failed: false, text: '42\n' } },
    });
    const wrong = await enter('another cookie');
    expect(wrong).toMatchObject({ welcome: undefined, result: undefined });
    await expectUnharmed(release);
  });

  test('a command with another cookie is told so, and nothing is asked of the node', async () => {
    const release = await demo();
    await release.start('ready');
    const env = { RELEASE_COOKIE: 'x'.repeat(43) };
    for (const command of [['ping'], ['stop'], ['rpc', '1']]) {
      const { code, stderr } = await release.run(command, { env });
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'demo: demo has another cookie. Set RELEASE_COOKIE to that of the node.\n',
      });
    }
    await expectUnharmed(release);
  });

  test('a request before the proof is not answered', async () => {
    const release = await demo();
    await release.start('ready');
    const visitor = await stranger(recordOf(release).socket);
    visitor.say({ id: 1, method: 'stop', params: {} });
    expect(await visitor.hear()).toBeUndefined();
    const second = await stranger(recordOf(release).socket);
    second.say({ sarma: 1, node: 'demo', nonce: nonce() });
    await second.hear();
    second.say({ id: 1, method: 'stop', params: {} });
    expect(await second.hear()).toBeUndefined();
    await expectUnharmed(release);
  });

  test('a recorded handshake, played again, is refused', async () => {
    const release = await demo();
    await release.start('ready');
    const own = nonce();
    const first = await stranger(recordOf(release).socket);
    first.say({ sarma: 1, node: 'demo', nonce: own });
    const { nonce: theirs } = (await first.hear())!;
    const answer = { proof: proof(cookieOf(release), 'client', own, theirs!) };
    first.say(answer);
    expect(await first.hear()).toEqual({ welcome: true });
    const again = await stranger(recordOf(release).socket);
    again.say({ sarma: 1, node: 'demo', nonce: own });
    expect((await again.hear())!.nonce).not.toBe(theirs);
    again.say(answer);
    expect(await again.hear()).toBeUndefined();
    await expectUnharmed(release);
  });

  test("the node's own proof, handed back, is refused", async () => {
    const release = await demo();
    await release.start('ready');
    const visitor = await stranger(recordOf(release).socket);
    visitor.say({ sarma: 1, node: 'demo', nonce: nonce() });
    const answer = (await visitor.hear())!;
    visitor.say({ proof: answer.proof! });
    expect(await visitor.hear()).toBeUndefined();
    // And that of a second connection, opened with the first one's nonce.
    const first = await stranger(recordOf(release).socket);
    const second = await stranger(recordOf(release).socket);
    first.say({ sarma: 1, node: 'demo', nonce: nonce() });
    const { nonce: theirs } = (await first.hear())!;
    second.say({ sarma: 1, node: 'demo', nonce: theirs! });
    first.say({ proof: (await second.hear())!.proof! });
    expect(await first.hear()).toBeUndefined();
    await expectUnharmed(release);
  });

  test('a proof for another node with the same cookie is refused', async () => {
    const release = await demo();
    await release.start('ready');
    const visitor = await stranger(recordOf(release).socket);
    visitor.say({ sarma: 1, node: 'other', nonce: nonce() });
    expect(await visitor.hear()).toEqual({ refused: 'node' });
    expect(await visitor.hear()).toBeUndefined();
    await expectUnharmed(release);
  });
});

describe('what no client would send', () => {
  test.each<readonly [string, string | Buffer]>([
    ['garbage', randomBytes(200)],
    ['garbage in lines', Buffer.from('GET / HTTP/1.1\r\nHost: demo\r\n\r\n')],
    ['JSON that is no message', 'null\n[]\n1\n'],
    ['a nonce that is none', `${JSON.stringify({ sarma: 1, node: 'demo', nonce: '../../etc/passwd' })}\n`],
    ['nested JSON', `${'['.repeat(1000)}\n`],
    ['nothing but newlines', '\n'.repeat(1000)],
    ['a line without end', 'x'.repeat(1025)],
    ['megabytes', Buffer.alloc(8 * 1024 * 1024, 'x')],
    ['broken UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x0a])],
  ])('%s: the node hangs up, says nothing, and is unharmed', async (_what, sent) => {
    const release = await demo();
    const { child } = await release.start('ready');
    let stderr = '';
    child.stderr!.on('data', (chunk) => (stderr += chunk));
    const visitor = await stranger(recordOf(release).socket);
    visitor.say(sent);
    await visitor.closed;
    expect(visitor.heard).toEqual([]);
    await expectUnharmed(release);
    expect(stderr).toBe('');
  });

  test('who does not finish is cut off after some seconds, however slowly it talks', async () => {
    const release = await demo();
    await release.start('ready');
    const started = Date.now();
    const silent = await stranger(recordOf(release).socket);
    const slow = await stranger(recordOf(release).socket);
    const half = await stranger(recordOf(release).socket);
    half.say({ sarma: 1, node: 'demo', nonce: nonce() });
    const timer = setInterval(() => slow.say('{'), 200);
    onTestFinished(() => clearInterval(timer));
    await Promise.all([silent.closed, slow.closed, half.closed]);
    expect(Date.now() - started).toBeGreaterThan(4000);
    expect(Date.now() - started).toBeLessThan(20_000);
    await expectUnharmed(release);
  });

  test('many that do not finish keep nobody out, and the oldest are cut off', async () => {
    const release = await demo();
    await release.start('ready');
    const visitors: Stranger[] = [];
    for (let count = 0; count < 100; count += 1) visitors.push(await stranger(recordOf(release).socket));
    await expectUnharmed(release);
    await expect.poll(() => visitors.filter(({ socket }) => !socket.closed).length).toBeLessThanOrEqual(16);
    expect(visitors[0]!.socket.closed).toBe(true);
  });

  test('a node whose files were removed under it hangs up on clients and runs on', async () => {
    const release = await demo();
    const { child } = await release.start('ready');
    let stderr = '';
    child.stderr!.on('data', (chunk) => (stderr += chunk));
    rmSync(path.join(release.root, 'releases'), { recursive: true });
    const visitor = await stranger(recordOf(release).socket);
    visitor.say({ sarma: 1, node: 'demo', nonce: nonce() });
    expect(await visitor.hear()).toBeUndefined();
    await wait(100);
    expect({ exitCode: child.exitCode, stderr }).toEqual({ exitCode: null, stderr: '' });
  });

  test('after the handshake too: an unknown method, a line without end', async () => {
    const release = await demo();
    await release.start('ready');
    const visitor = await stranger(recordOf(release).socket);
    const own = nonce();
    visitor.say({ sarma: 1, node: 'demo', nonce: own });
    const { nonce: theirs } = (await visitor.hear())!;
    visitor.say({ proof: proof(cookieOf(release), 'client', own, theirs!) });
    await visitor.hear();
    visitor.say({ id: 7, method: 'constructor' });
    expect(await visitor.hear()).toMatchObject({ id: 7, error: { code: 'UNKNOWN_METHOD' } });
    visitor.say({ id: 'nobody', data: 1 });
    for (let megabytes = 0; megabytes < 34; megabytes += 1) visitor.say(Buffer.alloc(1024 * 1024, 'x'));
    await visitor.closed;
    await expectUnharmed(release);
  });
});

describe('other users', () => {
  /** A node with its state where others can look, as a careless systemd unit or umask leaves it. */
  const open = async () => {
    const release = await demo();
    const directory = mkdtempSync(path.join(tmpdir(), 'sarma-open-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    chmodSync(directory, 0o777);
    const env = { RELEASE_MUTABLE_DIR: directory };
    await release.start('ready', { env });
    const { socket } = JSON.parse(
      readFileSync(path.join(directory, 'nodes/demo.json'), 'utf8'),
    ) as NodeRecord;
    return { release, directory, env, socket };
  };

  const asNobody = async (code: string) =>
    await promisify(execFile)('setpriv', [
      '--reuid=nobody',
      '--regid=nogroup',
      '--clear-groups',
      '/usr/bin/perl',
      '-e',
      code,
    ]);

  test.skipIf(!isRoot)('cannot connect, cannot read the cookie, cannot see where the socket is', async () => {
    const { release, directory, env, socket } = await open();
    const tried = await asNobody(`
      use Socket;
      socket(my $s, PF_UNIX, SOCK_STREAM, 0);
      print "connect: ", (connect($s, sockaddr_un('${socket}')) ? 'in' : $!), "\\n";
      print "cookie: ", (open(my $c, '<', '${directory}/cookie') ? 'read' : $!), "\\n";
      print "nodes: ", (opendir(my $n, '${directory}/nodes') ? 'read' : $!), "\\n";`);
    expect(tried.stdout).toBe(
      'connect: Permission denied\ncookie: Permission denied\nnodes: Permission denied\n',
    );
    await expectUnharmed(release, { env });
  });

  test('who squats on the place of the socket gets nothing but a random number, and cannot answer', async () => {
    const release = await demo();
    await release.start('ready');
    const { socket } = recordOf(release);
    renameSync(socket, `${socket}.away`);
    const heard: string[] = [];
    const replies = [
      () => ({ welcome: true }),
      () => ({ node: 'demo', nonce: nonce(), proof: nonce() }),
      (said: { nonce: string }) => ({
        node: 'demo',
        nonce: said.nonce,
        proof: proof('guessed', 'server', said.nonce, said.nonce),
      }),
    ];
    const squatter = createServer((visitor) => {
      visitor.on('error', () => {});
      visitor.on('data', (chunk) => {
        heard.push(String(chunk));
        visitor.write(
          `${JSON.stringify(replies[(heard.length - 1) % replies.length]!(JSON.parse(String(chunk))))}\n`,
        );
      });
    });
    onTestFinished(() => void squatter.close());
    squatter.listen(socket);
    await once(squatter, 'listening');
    const cookie = cookieOf(release);
    for (const refusal of ['does not behave like a node', 'has another cookie', 'has another cookie']) {
      const { code, stdout, stderr } = await release.run(['rpc', 'secrets()']);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(refusal);
    }
    expect(heard).toHaveLength(3);
    for (const line of heard) {
      expect(JSON.parse(line)).toEqual({
        sarma: 1,
        node: 'demo',
        nonce: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      });
      expect(line).not.toContain(cookie);
    }
  });

  test('a cookie that others can read, or have put there, is refused with what to do', async () => {
    const release = await demo();
    await release.start('ready');
    const cookie = path.join(release.root, 'var/cookie');
    const ping = async () => (await release.run(['ping'])).stderr;
    chmodSync(cookie, 0o640);
    expect(await ping()).toBe(
      `demo: The cookie ${cookie} can be read by other users; run: chmod 600 '${cookie}'.\n`,
    );
    expect(await release.run(['start'], { env: { RELEASE_NODE: 'second' } })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('chmod 600'),
    });
    chmodSync(cookie, 0o600);
    renameSync(cookie, `${cookie}.kept`);
    symlinkSync(`${cookie}.kept`, cookie);
    expect(await ping()).toContain('is a symbolic link; remove it');
    rmSync(cookie);
    writeFileSync(cookie, '', { mode: 0o600 });
    expect(await ping()).toContain('is empty; remove it');
    rmSync(cookie);
    expect(await ping()).toContain('There is no cookie in');
    renameSync(`${cookie}.kept`, cookie);
    await expectUnharmed(release);
  });

  test.skipIf(!isRoot)("a user's cookie is not taken from another user", async () => {
    const release = await demo();
    const directory = mkdtempSync(path.join(tmpdir(), 'sarma-foreign-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    writeFileSync(path.join(directory, 'cookie'), 'x'.repeat(43), { mode: 0o600 });
    chownSync(path.join(directory, 'cookie'), 65534, 65534);
    mkdirSync(path.join(directory, 'nodes'), { mode: 0o700 });
    chownSync(path.join(directory, 'nodes'), 65534, 65534);
    const { code, stderr } = await release.run(['start'], { env: { RELEASE_MUTABLE_DIR: directory } });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /nodes belongs to another user \(uid 65534\);.* Run this as that user, or/,
      ),
    });
  });
});
