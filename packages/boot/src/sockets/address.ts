import { SocketAddress } from 'node:net';
import path from 'node:path';
import type { ListeningHandle, ServerParts } from './handle.ts';

// What a listening socket is called between two versions: `<fd> <address>`. The number is that of the descriptor in the
// first process that listened on it, for servers that say `listen({ fd })` in every version; it makes the name unique,
// too. The address is what both versions listen on: `IPv6 :: 4040`, `IPv4 127.0.0.1 80`, `pipe /run/kv.sock`.

export function newKey(handle: ListeningHandle, server: ServerParts): string {
  return `${handle.fd} ${addressOf(handle, server)}`;
}

/** The path of a Unix-domain socket that was bound to one. */
export function pathOf(key: string): string | undefined {
  return /^\d+ pipe (\/.*)$/s.exec(key)?.[1];
}

function addressOf(handle: ListeningHandle, { _pipeName }: ServerParts): string {
  if (handle.getsockname === undefined) return _pipeName === undefined ? 'pipe' : pipeAddress(_pipeName);
  const name: { family?: string; address?: string; port?: number } = {};
  handle.getsockname(name);
  return `${name.family} ${name.address} ${name.port}`;
}

/** What `net.Server` is about to listen on, as it gives it to its `_listen2`. */
export interface Wanted {
  /** A path where `addressType` is -1; null for every address of this machine. */
  readonly address: string | null;
  readonly port: number | null;
  readonly addressType: number | null;
  readonly fd: number | undefined;
}

/** Whether the socket of that key is what is wanted. */
export function answers(key: string, { address, port, addressType, fd }: Wanted): boolean {
  const space = key.indexOf(' ');
  if (typeof fd === 'number') return key.slice(0, space) === String(fd);
  const known = key.slice(space + 1);
  if (addressType === -1) return address !== null && known === pipeAddress(address);
  if (address === null) return known === `IPv6 :: ${port}` || known === `IPv4 0.0.0.0 ${port}`;
  return known === `IPv${addressType} ${written(address, addressType)} ${port}`;
}

/** An abstract socket of Linux, whose name begins with NUL, is no path. */
function pipeAddress(name: string): string {
  return `pipe ${isPath(name) ? path.resolve(name) : name}`;
}

export function isPath(name: string): boolean {
  return !name.startsWith('\0');
}

/** As the system writes it: 0:0::1 is ::1. */
function written(address: string, addressType: number | null): string {
  try {
    return new SocketAddress({ address, family: addressType === 6 ? 'ipv6' : 'ipv4' }).address;
  } catch {
    return address; // With a zone: fe80::1%eth0
  }
}
