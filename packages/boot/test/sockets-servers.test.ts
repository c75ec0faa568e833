import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { Agent, request } from 'node:https';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { answerTo, body, client, connectingClient, httpClient } from './support/clients.ts';
import { application, directory, free, lines, Versions } from './support/versions.ts';

/** With a key that both sides know, so that no certificate is needed. */
const KEY = `{ minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256', pskCallback: () => Buffer.alloc(32, 1) }`;
const TLS = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  pskCallback: () => ({ psk: Buffer.alloc(32, 1), identity: 'test' }),
  checkServerIdentity: () => undefined,
} as const;

test('clients of an HTTPS server that ask without pause see no error over three upgrades', async () => {
  const port = free();
  const file = application(
    directory(),
    `import { createServer } from 'node:https';
    export default {
      async start(version) {
        const server = createServer(${KEY}, (request, response) => response.end(version));
        await new Promise((resolve) => server.listen(${port}, resolve));
        return server;
      },
      async stop(server) { await new Promise((resolve) => server.close(resolve)); },
    };`,
  );
  const versions = await Versions.start(file);
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ...TLS });
  const end = client(async () => await answerTo(request({ port, agent }).end()));
  for (const version of ['2', '3', '4']) {
    await wait(100);
    await versions.upgrade(version);
  }
  const { answers, errors } = await end('4');
  agent.destroy();
  expect(errors).toEqual([]);
  expect(Object.keys(answers)).toEqual(['1', '2', '3', '4']);
});

test('clients of an HTTP/2 server with several requests under way see no error over three upgrades', async () => {
  const port = free();
  const file = application(
    directory(),
    `import { createServer } from 'node:http2';
    import { setTimeout as wait } from 'node:timers/promises';
    export default {
      async start(version) {
        const server = createServer(async (request, response) => {
          await wait(5);
          response.end(version);
        });
        await new Promise((resolve) => server.listen(${port}, resolve));
        return server;
      },
      async stop(server) { await new Promise((resolve) => server.close(resolve)); },
    };`,
  );
  const versions = await Versions.start(file);
  const sessions = new Sessions(port);
  const idle = connect(`http://localhost:${port}`);
  await once(idle, 'connect');
  const clients = [1, 2, 3].map(() => client(() => sessions.ask()));
  for (const version of ['2', '3', '4']) {
    await wait(100);
    await versions.upgrade(version);
  }
  expect(versions.left).toEqual([0, 0, 0]);
  expect(idle.closed).toBe(true);
  for (const end of clients) {
    const { answers, errors } = await end('4');
    expect(errors).toEqual([]);
    expect(Object.keys(answers)).toEqual(['1', '2', '3', '4']);
  }
  sessions.close();
});

/** Asks in the same session until the server wants no more of it. */
class Sessions {
  readonly #port: number;
  #session: ClientHttp2Session | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async ask(): Promise<string> {
    const stream = this.#open().request({ ':path': '/' }).setEncoding('utf8');
    let text = '';
    stream.on('data', (chunk) => (text += chunk));
    try {
      await once(stream, 'end');
    } catch (error) {
      // Nobody has seen it, so it is sent again (RFC 9113, 8.7); Node's client refuses what it had not sent yet when the server said goodbye.
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return await this.ask();
      throw error;
    }
    return text;
  }

  #open(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed)
      return this.#session;
    this.#session = connect(`http://localhost:${this.#port}`);
    // Its streams say it, too.
    this.#session.on('error', () => {});
    return this.#session;
  }

  close(): void {
    this.#session?.close();
  }
}

test('a server that listens on a descriptor does so in every version', async () => {
  const folder = directory();
  const port = free();
  // As a program does that systemd has given its sockets.
  const opened = createServer().listen(port);
  await once(opened, 'listening');
  const { _handle: handle } = opened as unknown as { _handle: { fd: number } };
  const versions = await Versions.start(lines('{ fd: 4 }', folder), handle);
  opened.close();
  const end = connectingClient({ port });
  for (const version of ['2', '3']) {
    await wait(100);
    await versions.upgrade(version, { drain: 500 });
  }
  const { answers, errors } = await end('3');
  expect(errors).toEqual([]);
  expect(Object.keys(answers)).toEqual(['1', '2', '3']);
});

test('the workers of a cluster are replaced with their version', async () => {
  const port = free();
  const file = application(
    directory(),
    `import cluster from 'node:cluster';
    import { once } from 'node:events';
    import { writeFileSync } from 'node:fs';
    const worker = import.meta.filename + '.worker.mjs';
    export default {
      async start(version) {
        writeFileSync(worker, \`
          import { createServer } from 'node:http';
          const server = createServer((request, response) => response.end(process.env.VERSION)).listen(${port});
          process.on('message', () => server.close(() => process.disconnect()));\`);
        cluster.setupPrimary({ exec: worker, args: [] });
        const workers = [1, 2].map(() => cluster.fork({ VERSION: version, SUCCESSOR: '' }));
        await Promise.all(workers.map((one) => once(one, 'listening')));
        return workers;
      },
      async stop(workers) {
        await Promise.all(workers.map((one) => { one.send('stop'); return once(one, 'exit'); }));
      },
    };`,
  );
  const versions = await Versions.start(file);
  const end = httpClient({ port });
  const connecting = client(() => body({ port, agent: false }));
  for (const version of ['2', '3']) {
    await wait(100);
    await versions.upgrade(version);
  }
  const { answers, errors } = await connecting('3');
  expect(errors).toEqual([]);
  expect(Object.keys(answers)).toEqual(['1', '2', '3']);
  await end('3');
});
