import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { NODE } from './bench.ts';
import { wrapEnvironment } from './sarma.ts';

/** What a server has sent. */
export interface Sent {
  /** With the headers. */
  readonly bytes: number;
  readonly requests: number;
}

/** A web server on the loopback interface that shows a folder, and counts what it sends. */
export interface FolderServer {
  /** Ends in a slash. */
  readonly address: string;
  /** What was sent since the last time. */
  readonly take: () => Sent;
  readonly close: () => void;
}

export async function serveFolder(folder: string): Promise<FolderServer> {
  const sockets = new Set<Socket>();
  let ended = 0;
  let taken = 0;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    void answer(folder, request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      ended += socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    take: () => {
      const sent = [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, ended);
      const result = { bytes: sent - taken, requests };
      taken = sent;
      requests = 0;
      return result;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A file, or the range of it that is asked for. */
async function answer(folder: string, { url, headers }: IncomingMessage, response: ServerResponse) {
  const file = path.join(folder, url!);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  const [start, end] = range ? [Number(range[1]), Number(range[2])] : [0, found.size - 1];
  const place = range ? { 'content-range': `bytes ${start}-${end}/${found.size}` } : {};
  response.writeHead(range ? 206 : 200, { 'content-length': end - start + 1, ...place });
  createReadStream(file, { start, end }).pipe(response);
}

const CLI = path.join(import.meta.dirname, '../packages/cli/bin/sarma.js');

/** `sarma` with these arguments. Throws if it fails. */
export async function sarma(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await promisify(execFile)(NODE, [CLI, ...args], { env: { ...wrapEnvironment(), ...env } });
}
