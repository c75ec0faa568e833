import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/run.ts';

/** A server on loopback until the end of the test, with a certificate for a name that nobody knows but NODE_EXTRA_CA_CERTS. */
export async function serveTls(
  host: string,
  answers: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly port: number; readonly authority: string }> {
  const folder = await temporaryDirectory();
  const [key, authority] = [path.join(folder, 'key.pem'), path.join(folder, 'ca.pem')];
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-keyout', key, '-out', authority],
  ]);
  const server = createServer({ key: await readFile(key), cert: await readFile(authority) }, answers);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, authority };
}
