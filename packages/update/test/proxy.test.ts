import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openPublishingPlace } from '../../../test/support/publishing.ts';
import { lacks } from '../../../test/support/requirements.ts';
import { serveTls } from './support/authority.ts';
import { sendRange } from './support/server.ts';
import { install, publish, versionOf } from './support/updater.ts';

/** A proxy that leads every name to loopback, until the end of the test. */
async function openProxy(): Promise<{ readonly url: string; readonly asked: Set<string> }> {
  const asked = new Set<string>();
  const proxy = createServer().on('connect', ({ url }, socket, head) => {
    asked.add(url!);
    const there = connect(Number(url!.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      there.write(head);
      there.pipe(socket).pipe(there);
    });
    for (const end of [there, socket]) end.on('error', () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

const HOST = 'updates.example.invalid';

test.skipIf(lacks('openssl')).each([
  ['HTTPS_PROXY', (url: string) => url],
  ['https_proxy', (url: string) => url.replace('http://', '')],
])(
  'updates come through a proxy (%s), from a server with an authority of one’s own',
  async (name, addressOf) => {
    const place = await openPublishingPlace();
    await publish(place, '1.1.0');
    const { port, authority } = await serveTls(HOST, (request, response) => {
      readFile(path.join(place.folder, request.url!)).then(
        (bytes) => sendRange(bytes, request, response),
        () => response.writeHead(404).end(),
      );
    });
    const { url, asked } = await openProxy();
    const { update, file } = await install({ ...place, url: `https://${HOST}:${port}/` });
    const env = { [name]: addressOf(url), NO_PROXY: '' };
    expect((await update([], { env })).stderr).toMatch(/cannot be had: self-signed certificate\.\n$/);
    expect(await update([], { env: { ...env, NODE_EXTRA_CA_CERTS: authority } })).toMatchObject({
      exitCode: 0,
    });
    expect([...asked]).toEqual([`${HOST}:${port}`]);
    expect(await versionOf(file)).toBe('1.1.0');
    place.close();
  },
);

test('what NO_PROXY names is asked without the proxy, which is told where it is none', async () => {
  const place = await openPublishingPlace();
  await publish(place, '1.1.0');
  const { url, asked } = await openProxy();
  const { update } = await install(place);
  const env = { HTTP_PROXY: url, HTTPS_PROXY: url };
  expect((await update(['--check'], { env: { ...env, NO_PROXY: '127.0.0.1' } })).exitCode).toBe(10);
  expect([...asked]).toEqual([]);
  const { stderr } = await update(['--check'], { env: { ...env, HTTP_PROXY: 'http://', NO_PROXY: '' } });
  expect(stderr).toBe(`${place.url}latest.json cannot be had: Invalid proxy URL: http://.\n`);
  place.close();
});
