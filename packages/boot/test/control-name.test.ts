import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NodeRecord } from '../src/control/node-record.ts';
import { testRelease } from './support/release.ts';

// RELEASE_DISTRIBUTION=name: the node listens for other machines. The other machine is played by a copy of the release
// that has another state directory: it finds no record and no socket there.

const demo = () =>
  testRelease({
    applications: ['demo'],
    files: { 'lib/demo/application.mjs': `export default { start() { console.log('ready'); } };` },
  });

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
};

const cookie = 'a cookie that both have been given';

/** The node, and the environment of another machine that knows its address and its cookie. */
async function distributed() {
  const release = await demo();
  const port = await freePort();
  const env = {
    RELEASE_DISTRIBUTION: 'name',
    RELEASE_NODE: 'demo@127.0.0.1',
    RELEASE_CONTROL_PORT: port,
    RELEASE_COOKIE: cookie,
  };
  const { child } = await release.start('ready', { env });
  const elsewhere = { ...env, RELEASE_MUTABLE_DIR: path.join(release.root, 'elsewhere') };
  return { release, child, env, elsewhere, port: Number(port) };
}

describe('a node with a name that other machines know', () => {
  test('answers them, over TLS, and commands of its own machine as ever', async () => {
    const { release, child, env, elsewhere, port } = await distributed();
    expect(await release.run(['ping'], { env: elsewhere })).toMatchObject({
      stdout: 'pong\n',
      stderr: '',
      code: 0,
    });
    expect((await release.run(['rpc', 'process.pid'], { env: elsewhere })).stdout).toBe(`${child.pid}\n`);
    expect((await release.run(['rpc', 'process.pid'], { env })).stdout).toBe(`${child.pid}\n`);
    const record = JSON.parse(
      readFileSync(path.join(release.root, 'var/nodes/demo@127.0.0.1.json'), 'utf8'),
    ) as NodeRecord;
    expect(record.tcp).toEqual({ host: '127.0.0.1', port });
    expect(await release.run(['stop'], { env: elsewhere })).toMatchObject({ code: 0 });
    expect(await release.run(['ping'], { env: elsewhere })).toMatchObject({
      code: 1,
      stderr: `demo: demo@127.0.0.1 is not running: nobody listens at 127.0.0.1:${port}.\n`,
    });
  });

  test('is upgraded on its own machine only, where the versions lie', async () => {
    const { release, elsewhere } = await distributed();
    for (const command of ['upgrade', 'downgrade', 'reload'])
      expect(await release.run([command], { env: elsewhere })).toMatchObject({
        code: 1,
        stderr: `demo: demo@127.0.0.1 does not run on this machine, as far as ${elsewhere.RELEASE_MUTABLE_DIR} knows, and its versions are files: run ${command} on the machine that it runs on.\n`,
      });
  });

  test('lets nobody in with another cookie', async () => {
    const { release, elsewhere, port } = await distributed();
    const env = { ...elsewhere, RELEASE_COOKIE: 'a cookie that only one of them has' };
    expect(await release.run(['ping'], { env })).toMatchObject({
      code: 1,
      stderr: `demo: demo@127.0.0.1 at 127.0.0.1:${port} has another cookie, or is no node. Set RELEASE_COOKIE to that of the node.\n`,
    });
    expect((await release.run(['ping'], { env: elsewhere })).stdout).toBe('pong\n');
  });

  test('speaks nothing but TLS 1.3 with the shared key', async () => {
    const { release, elsewhere, port } = await distributed();
    const plain = connect(port, '127.0.0.1');
    const heard: Buffer[] = [];
    plain.on('data', (chunk) => heard.push(chunk)).on('error', () => {});
    plain.write(`${JSON.stringify({ sarma: 1, node: 'demo@127.0.0.1', nonce: 'x'.repeat(43) })}\n`);
    await once(plain, 'close');
    expect(Buffer.concat(heard).toString()).not.toContain('nonce');
    // Without the key, and with an older protocol.
    for (const options of [{}, { maxVersion: 'TLSv1.2' as const, ciphers: 'ALL:@SECLEVEL=0' }]) {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
      const failed = await new Promise((resolve) => {
        socket.once('secureConnect', () => resolve('connected'));
        socket.once('error', () => resolve('refused'));
      });
      expect(failed).toBe('refused');
    }
    expect((await release.run(['ping'], { env: elsewhere })).stdout).toBe('pong\n');
  });

  test('what goes over the wire holds no word of what was said', async () => {
    const { release, elsewhere, port } = await distributed();
    const wire: Buffer[] = [];
    const tap = createServer((client) => {
      const node = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [client, node],
        [node, client],
      ] as const) {
        from.on('data', (chunk) => {
          wire.push(chunk);
          to.write(chunk);
        });
        from.on('close', () => to.destroy()).on('error', () => {});
      }
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void tap.close());
    await once(tap, 'listening');
    const env = { ...elsewhere, RELEASE_CONTROL_PORT: String((tap.address() as AddressInfo).port) };
    expect((await release.run(['rpc', '"said" + "aloud"'], { env })).stdout).toBe("'saidaloud'\n");
    const seen = Buffer.concat(wire).toString('latin1');
    expect(seen.length).toBeGreaterThan(500);
    for (const word of ['saidaloud', 'evaluate', 'nonce', cookie]) expect(seen).not.toContain(word);
  });

  test('what is wrong with name, cookie or port is said before anything starts', async () => {
    const release = await demo();
    const start = async (env: Record<string, string>) =>
      await release.run(['start'], { env: { RELEASE_DISTRIBUTION: 'name', ...env } });
    expect(await start({})).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('needs a RELEASE_NODE with a host, as in demo@10.0.0.7'),
    });
    expect((await start({ RELEASE_NODE: 'demo@127.0.0.1', RELEASE_COOKIE: 'short' })).stderr).toContain(
      'a cookie of at least 16 characters',
    );
    expect((await start({ RELEASE_NODE: 'demo@127.0.0.1', RELEASE_CONTROL_PORT: 'x' })).stderr).toContain(
      'RELEASE_CONTROL_PORT is "x"',
    );
    expect((await start({ RELEASE_NODE: 'demo@192.0.2.1' })).stderr).toContain(
      'cannot listen at 192.0.2.1:0',
    );
    const ping = await release.run(['ping'], {
      env: { RELEASE_DISTRIBUTION: 'name', RELEASE_NODE: 'demo@127.0.0.1', RELEASE_COOKIE: cookie },
    });
    expect(ping.stderr).toContain('Set RELEASE_CONTROL_PORT');
  });
});
