import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { lacks } from '../../../test/support/requirements.ts';
import { run } from '../../../test/support/run.ts';
import { fetchFile, fetchRange, fetchWhole, type Patience } from '../src/fetch.ts';
import { serveTls } from './support/authority.ts';
import { noise } from './support/executables.ts';
import { sendRange, serve } from './support/server.ts';

const FILE = noise('file', 1_000_000);
const QUICK: Patience = { attempts: 3, pause: 1, silence: 10_000 };

/** What was written, where it belongs. */
function sink() {
  const bytes = Buffer.alloc(FILE.length);
  return {
    bytes,
    write: async (part: Buffer, position: number) => void part.copy(bytes, position),
  };
}

/** Sends so many bytes of a file from `begin` on, and hangs up. */
function cutOff(response: ServerResponse, status: number, begin: number, length: number): void {
  const range = status === 206 ? { 'content-range': `bytes ${begin}-${FILE.length - 1}/${FILE.length}` } : {};
  response.writeHead(status, { 'content-length': FILE.length - begin, ...range });
  response.write(FILE.subarray(begin, begin + length), () => setTimeout(() => response.destroy(), 20));
}

test('what is cut off is gone on with where it stopped, however often that happens', async () => {
  const begins: number[] = [];
  const address = await serve((request, response, nth) => {
    const begin = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0);
    begins.push(begin);
    if (nth < 8) cutOff(response, begin === 0 ? 200 : 206, begin, 100_000);
    else sendRange(FILE, request, response);
  });
  const { bytes, write } = sink();
  await fetchFile(address, FILE.length, write, QUICK);
  expect(bytes.equals(FILE)).toBe(true);
  expect(begins).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((count) => count * 100_000));
});

test('a range that is cut off is gone on with, too', async () => {
  const address = await serve((request, response, nth) => {
    if (nth === 1) cutOff(response, 206, 300_000, 200_000);
    else sendRange(FILE, request, response);
  });
  const { bytes, write } = sink();
  expect(await fetchRange(address, { offset: 300_000, length: 600_000 }, write, QUICK)).toBe(true);
  expect(bytes.subarray(300_000, 900_000).equals(FILE.subarray(300_000, 900_000))).toBe(true);
});

test('a server without ranges sends the whole anew after a cut, and is given up where it never comes further', async () => {
  const once = await serve((_, response, nth) => {
    if (nth === 1) cutOff(response, 200, 0, 300_000);
    else response.end(FILE);
  });
  const { bytes, write } = sink();
  await fetchFile(once, FILE.length, write, QUICK);
  expect(bytes.equals(FILE)).toBe(true);
  const always = await serve((_, response) => cutOff(response, 200, 0, 300_000));
  await expect(fetchFile(always, FILE.length, write, QUICK)).rejects.toThrow(/cannot be had/);
});

test('a file that is shorter after a cut is fetched from its beginning, and a server that refuses that, too, is given up', async () => {
  const shorter = FILE.subarray(0, 200_000);
  const address = await serve((request, response, nth) => {
    if (nth === 1) cutOff(response, 200, 0, 300_000);
    else if (request.headers.range !== undefined) response.writeHead(416).end();
    else response.end(shorter);
  });
  const { write } = sink();
  await expect(fetchFile(address, FILE.length, write, QUICK)).rejects.toThrow(
    'it ended after 200000 of 1000000 bytes',
  );
  const never = await serve((_, response) => void response.writeHead(416).end());
  await expect(fetchFile(never, FILE.length, write, QUICK)).rejects.toThrow('the server answers 416');
});

test.each<readonly [what: string, status: number, headers: Record<string, string>]>([
  ['answers with the whole file', 200, {}],
  ['answers with another range', 206, { 'content-range': `bytes 0-999/${FILE.length}` }],
  ['does not say with which range it answers', 206, {}],
  ['refuses the range', 416, {}],
  [
    'compresses the range',
    206,
    { 'content-range': `bytes 1000-1999/${FILE.length}`, 'content-encoding': 'gzip' },
  ],
])('a server that %s has no ranges', async (_, status, headers) => {
  const address = await serve((_request, response) => {
    response.writeHead(status, headers).end(FILE);
  });
  const { bytes, write } = sink();
  expect(await fetchRange(address, { offset: 1000, length: 1000 }, write, QUICK)).toBe(false);
  expect(bytes.equals(Buffer.alloc(FILE.length))).toBe(true);
});

test('a server that compresses what it was not asked to is named', async () => {
  const compressed = gzipSync(FILE);
  const address = await serve((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(compressed);
  });
  const { write } = sink();
  await expect(fetchFile(address, FILE.length, write, QUICK)).rejects.toThrow('the server sends it as gzip');
});

test('a server that hangs up behind its answer is read to the end, however slowly', async () => {
  const part = FILE.subarray(0, 200_000);
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.0 200 OK\r\ncontent-length: ${part.length}\r\n\r\n`);
      socket.end(part);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { bytes, write } = sink();
  const writeSlowly: typeof write = async (piece, position) => {
    await pause(100);
    await write(piece, position);
  };
  const { port } = server.address() as AddressInfo;
  await fetchFile(`http://127.0.0.1:${port}/`, part.length, writeSlowly, QUICK);
  expect(bytes.subarray(0, part.length).equals(part)).toBe(true);
});

test('an answer that does not end is left where enough is there', async () => {
  const address = await serve((_, response) => {
    const more = () => response.write(FILE, more);
    more();
  });
  const { bytes, write } = sink();
  await fetchFile(address, FILE.length, write, QUICK);
  expect(bytes.equals(FILE)).toBe(true);
  await expect(fetchWhole(address, undefined, QUICK)).rejects.toThrow('is larger than 16777216 bytes');
});

test.each<readonly [what: string, answer: (response: ServerResponse) => void]>([
  ['says nothing', () => {}],
  ['begins and says nothing more', (response) => response.writeHead(200).write('x')],
  [
    'says a byte now and then',
    (response) => {
      const timer = setInterval(() => response.write('x'), 20);
      response.once('close', () => clearInterval(timer));
    },
  ],
])('a server that %s is given up', async (_, answer) => {
  let count = 0;
  const address = await serve((_request, response) => {
    count += 1;
    answer(response);
  });
  const patience = { ...QUICK, silence: 200 };
  await expect(fetchWhole(address, undefined, patience)).rejects.toThrow(
    'hardly anything was heard for 0.2 s',
  );
  expect(count).toBe(QUICK.attempts);
});

test.each([408, 429, 500, 503])('what is answered with %i is asked for again', async (status) => {
  const address = await serve((_, response, nth) => {
    response.writeHead(nth === 1 ? status : 200).end(String(nth));
  });
  expect(String(await fetchWhole(address, undefined, QUICK))).toBe('2');
});

test('who is told to come back in a second does not come before', async () => {
  let open = Number.POSITIVE_INFINITY;
  const address = await serve((_, response) => {
    const isOpen = Date.now() >= open;
    // Whoever measures the second may begin a little earlier.
    open = Math.min(open, Date.now() + 900);
    response.writeHead(isOpen ? 200 : 503, { 'retry-after': '1' }).end('now');
  });
  expect(String(await fetchWhole(address, undefined, { ...QUICK, attempts: 2 }))).toBe('now');
});

test.each<readonly [what: string, status: number, headers: Record<string, string>]>([
  ['in an hour', 503, { 'retry-after': '3600' }],
  ['at a time', 429, { 'retry-after': new Date(Date.now() + 3_590_000).toUTCString() }],
  [
    'when the limit of GitHub ends',
    403,
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.round(Date.now() / 1000 + 3590)) },
  ],
  [
    'by a clock that is far from the one here',
    403,
    {
      ...{ date: 'Thu, 01 Jan 2015 00:00:00 GMT', 'x-ratelimit-remaining': '0' },
      'x-ratelimit-reset': String(Date.UTC(2015, 0, 1, 1) / 1000),
    },
  ],
])('who is told to come back %s tells that, and does not wait', async (_, status, headers) => {
  let count = 0;
  const address = await serve((_request, response) => {
    count += 1;
    response.writeHead(status, headers).end();
  });
  await expect(fetchWhole(address, undefined, QUICK)).rejects.toThrow(
    new RegExp(`the server answers ${status} .*asked again in 60 minutes`),
  );
  expect(count).toBe(1);
});

test('what is not there is asked for once, and so is what is forbidden', async () => {
  const asked: string[] = [];
  const address = await serve(({ url }, response) => {
    asked.push(url!);
    response.writeHead(url === '/gone' ? 404 : 403).end();
  });
  expect(await fetchWhole(`${address}gone`, undefined, QUICK)).toBeUndefined();
  await expect(fetchWhole(`${address}forbidden`, undefined, QUICK)).rejects.toThrow('answers 403 Forbidden');
  expect(asked).toEqual(['/gone', '/forbidden']);
});

test('a redirect to another host is followed, with the range', async () => {
  const there = await serve((request, response) => sendRange(FILE, request, response));
  const address = await serve((_, response) => {
    response.writeHead(302, { location: there.replace('127.0.0.1', 'localhost') }).end();
  });
  const { bytes, write } = sink();
  expect(await fetchRange(address, { offset: 10, length: 1000 }, write, QUICK)).toBe(true);
  expect(bytes.subarray(10, 1010).equals(FILE.subarray(10, 1010))).toBe(true);
});

test('redirects without an end are an error', async () => {
  const address = await serve((_, response) => void response.writeHead(302, { location: '/on' }).end());
  await expect(fetchWhole(address, undefined, QUICK)).rejects.toThrow('leads from one address to another');
});

test('a server that is not there is named, with the reason', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/latest.json`;
  await new Promise((resolve) => server.close(resolve));
  await expect(fetchWhole(address, undefined, QUICK)).rejects.toThrow(
    `${address} cannot be had: connect ECONN`,
  );
});

test.skipIf(lacks('openssl'))('from https nobody is led to what is not encrypted', async () => {
  const asked: string[] = [];
  const open = await serve(({ url }, response) => {
    asked.push(url!);
    response.end('{}');
  });
  const { port, authority } = await serveTls('localhost', (_, response) => {
    response.writeHead(302, { location: open }).end();
  });
  const address = `https://localhost:${port}/`;
  const module = JSON.stringify(path.resolve(import.meta.dirname, '../src/fetch.ts'));
  const { stderr } = await run(
    process.execPath,
    [
      '--conditions=@sarma/source',
      '--input-type=module',
      '-e',
      `(await import(${module})).fetchWhole('${address}')`,
    ],
    { env: { NODE_EXTRA_CA_CERTS: authority } },
  );
  expect(stderr).toContain(`leads to ${open.slice(0, -1)}, which is not encrypted.`);
  expect(asked).toEqual([]);
});
