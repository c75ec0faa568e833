import { createHmac } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, createServer, type TlsOptions } from 'node:tls';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { wholeNumber } from '../whole-number.ts';
import type { NodeRecord } from './node-record.ts';

// RELEASE_DISTRIBUTION=name: the control socket for other machines. TLS 1.3 with a key made of the cookie and no
// certificates; the ephemeral Diffie-Hellman that TLS 1.3 adds keeps what was said secret if the cookie gets known
// later. The handshake of handshake.ts follows inside.

const IDENTITY = 'sarma';
/** A pre-shared key is bound to the hash of the suite; OpenSSL takes SHA-256 for it. */
const TLS: TlsOptions = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
};

/** A cookie that is guessed can be tried from everywhere. */
const SHORTEST_COOKIE = 16;

export interface RemoteListener {
  readonly address: NonNullable<NodeRecord['tcp']>;
  close(): void;
}

/**
 * Listens at the host of the node's name, at RELEASE_CONTROL_PORT or a free port, which the record then tells. What a
 * connection has not finished its handshake by, `onConnection`'s owner limits; TLS has a limit of its own.
 */
export async function listenForOthers(
  environment: ReleaseEnvironment,
  cookie: string,
  onConnection: (socket: Socket) => void,
): Promise<RemoteListener> {
  const host = hostOf(environment);
  const port = controlPort(process.env) ?? 0;
  if (cookie.length < SHORTEST_COOKIE) {
    throw new BootError(
      'SHORT_COOKIE',
      `RELEASE_DISTRIBUTION=name needs a cookie of at least ${SHORTEST_COOKIE} characters: it can be tried from other machines.`,
    );
  }
  const key = sharedKey(cookie);
  const server = createServer({
    ...TLS,
    handshakeTimeout: 5000,
    pskCallback: (_socket, identity) => (identity === IDENTITY ? key : null),
  });
  server.on('secureConnection', onConnection);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error) => {
      reject(
        new BootError(
          'NO_CONTROL_PORT',
          `${environment.node} cannot listen at ${host}:${port}: ${error.message}. Its host comes from RELEASE_NODE, its port from RELEASE_CONTROL_PORT.`,
        ),
      );
    });
    server.listen(port, host);
  });
  server.unref();
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    close: () => server.close(),
  };
}

/** Connects to a node of another machine: RELEASE_NODE says which, RELEASE_CONTROL_PORT where. */
export async function connectSecurely(environment: ReleaseEnvironment, cookie: string): Promise<Duplex> {
  const { node } = environment;
  const host = hostOf(environment);
  const port = controlPort(process.env);
  if (port === undefined) {
    throw new BootError(
      'NO_ADDRESS',
      `${node} is not running on this machine, and where it listens on ${host} is not known. Set RELEASE_CONTROL_PORT for the node and for this command.`,
    );
  }
  const psk = sharedKey(cookie);
  return await new Promise((resolve, reject) => {
    const socket = connect({
      ...TLS,
      host,
      port,
      timeout: 10_000,
      pskCallback: () => ({ psk, identity: IDENTITY }),
      // With a shared key there is no certificate; whoever shows one has not got the key.
      checkServerIdentity: (_name, certificate) =>
        Object.keys(certificate).length === 0 ? undefined : new Error('it has no shared key'),
    });
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once('timeout', () => socket.destroy(new Error('it does not answer')));
    socket.once('error', (error: NodeJS.ErrnoException) => reject(unreachable(node, host, port, error)));
  });
}

function unreachable(node: string, host: string, port: number, error: NodeJS.ErrnoException): BootError {
  if (error.code === 'ECONNREFUSED') {
    return new BootError('NOT_RUNNING', `${node} is not running: nobody listens at ${host}:${port}.`);
  }
  if (error.code?.startsWith('ERR_SSL') || error.code === 'ECONNRESET') {
    return new BootError(
      'WRONG_COOKIE',
      `${node} at ${host}:${port} has another cookie, or is no node. Set RELEASE_COOKIE to that of the node.`,
    );
  }
  return new BootError('UNREACHABLE', `${node} at ${host}:${port} cannot be reached: ${error.message}.`);
}

function hostOf({ node }: ReleaseEnvironment): string {
  const [, host] = /^[^@]+@([^@]+)$/.exec(node) ?? [];
  if (host !== undefined) return host;
  throw new BootError(
    'NO_HOST',
    `RELEASE_DISTRIBUTION=name needs a RELEASE_NODE with a host, as in ${node}@10.0.0.7.`,
  );
}

function controlPort(env: NodeJS.ProcessEnv): number | undefined {
  return wholeNumber(env, 'RELEASE_CONTROL_PORT', { most: 65535, expected: 'a port' });
}

/** Another key than the one the proofs are made with. */
function sharedKey(cookie: string): Buffer {
  return createHmac('sha256', cookie).update('sarma-control-1 tls').digest();
}
