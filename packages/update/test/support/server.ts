import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** Answers the nth request, from 1. */
export type Answers = (request: IncomingMessage, response: ServerResponse, nth: number) => void;

/** A server on loopback until the end of the test. Resolves to its address, with a slash at the end. */
export async function serve(answers: Answers): Promise<string> {
  let count = 0;
  const server = createServer((request, response) => {
    count += 1;
    answers(request, response, count);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** As servers of files do it. */
export function sendRange(bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined) {
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    return;
  }
  const part = bytes.subarray(Number(from), Number(to) + 1);
  const place = `bytes ${from}-${to}/${bytes.length}`;
  response.writeHead(206, { 'content-length': part.length, 'content-range': place }).end(part);
}
