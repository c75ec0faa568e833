import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import path from 'node:path';
import { execa } from 'execa';

/** A proxy on loopback, for absolute addresses and for CONNECT (RFC 9110, 9.3.6). */
export interface Proxy {
  readonly url: string;
  /** What it was asked for: `CONNECT host:port`, `GET http://…`. */
  readonly requests: string[];
  close(): Promise<void>;
}

/**
 * `credentials` (`user:password`) are demanded. `names` says which port of this machine stands for a host that the
 * proxy alone knows.
 */
export async function serveProxy(
  names: Readonly<Record<string, number>>,
  credentials?: string,
): Promise<Proxy> {
  const requests: string[] = [];
  const refuses = ({ method, url, headers }: IncomingMessage) => {
    requests.push(`${method} ${url}`);
    return (
      credentials !== undefined &&
      headers['proxy-authorization'] !== `Basic ${Buffer.from(credentials).toString('base64')}`
    );
  };
  const server: Server = createServer((incoming, answer) => {
    if (refuses(incoming)) return answer.writeHead(407, { 'proxy-authenticate': 'Basic' }).end();
    const url = new URL(incoming.url!);
    const { 'proxy-authorization': _own, ...headers } = incoming.headers;
    const port = names[url.hostname] ?? url.port;
    request({ host: '127.0.0.1', port, path: url.pathname, headers }, (response) =>
      response.pipe(answer.writeHead(response.statusCode!, response.headers)),
    )
      .on('error', () => answer.destroy())
      .end();
    return undefined;
  });
  server.on('connect', (incoming, client) => {
    client.on('error', () => {});
    if (refuses(incoming))
      return client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n');
    const [host = '', port] = incoming.url!.split(':');
    const tunnel = connect(names[host] ?? Number(port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      tunnel.pipe(client).pipe(tunnel);
    });
    tunnel.on('error', () => client.destroy());
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Files of a certificate authority and of a server that it vouches for. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes an authority that nobody knows, and a certificate for `hosts` (names and IPv4 addresses). Needs openssl. */
export async function makeCertificates(directory: string, hosts: readonly string[]): Promise<Certificates> {
  const file = (name: string) => path.join(directory, name);
  const openssl = (...args: string[]) => execa('openssl', args, { cwd: directory });
  const names = hosts.map((host) => `${/^[\d.]+$/.test(host) ? 'IP' : 'DNS'}:${host}`).join();
  const fresh = ['-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  await openssl(
    ...['req', '-x509', ...fresh, '-subj', '/CN=Own authority', '-keyout', 'ca.key', '-out', 'ca.pem'],
  );
  await openssl(
    ...['req', '-x509', '-CA', 'ca.pem', '-CAkey', 'ca.key', ...fresh, '-subj', '/CN=mirror'],
    ...['-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-keyout', 'server.key', '-out', 'server.pem'],
  );
  return { authority: file('ca.pem'), certificate: file('server.pem'), key: file('server.key') };
}
