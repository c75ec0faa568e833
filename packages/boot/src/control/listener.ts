import { unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { BootError } from '../error.ts';
import { runtimeDirectories } from './control-directory.ts';
import { makePrivateDirectory } from './private-directory.ts';

/** What a claim listens with. */
export interface Listener {
  /** Path of the socket, or name of the pipe. */
  readonly address: string;
  /** Takes the connections, and those that already wait. */
  onConnection(handler: (socket: Socket) => void): void;
  /** Removes the socket and lets nobody in any more. Connections that are there stay. */
  close(): void;
}

/** `sun_path` of macOS and the BSDs has 104 bytes with its final NUL; Linux has 108. */
const LONGEST = 103;

/**
 * Listens on a new socket in a private directory: beside the node's record where that path is short enough and the
 * file system has sockets. Directories of a session ($XDG_RUNTIME_DIR) come later: they vanish when the user logs out,
 * and a daemon stays.
 */
export async function listenPrivately(id: string, nodes: string): Promise<Listener> {
  if (process.platform === 'win32') return await listenAt(`\\\\.\\pipe\\sarma-${id}`);
  const refusals: string[] = [];
  for (const directory of [nodes, ...runtimeDirectories(process.env)]) {
    const address = path.join(directory, `${id}.sock`);
    try {
      if (Buffer.byteLength(address) > LONGEST) throw new Error('too long for a socket');
      makePrivateDirectory(directory);
      return await listenAt(address);
    } catch (error) {
      refusals.push(`  ${address}: ${(error as Error).message}`);
    }
  }
  throw new BootError(
    'NO_SOCKET',
    `There is no place for the control socket:\n${refusals.join('\n')}\nSet RELEASE_MUTABLE_DIR to a directory with a short path.`,
  );
}

async function listenAt(address: string): Promise<Listener> {
  const waiting = new Set<Socket>();
  let handler: (socket: Socket) => void = (socket) => {
    waiting.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => waiting.delete(socket));
  };
  const server = createServer((socket) => handler(socket));
  await listening(server, address);
  // The node says how long it runs: one that is a script ends when it has nothing left to do.
  server.unref();
  return {
    address,
    onConnection(next) {
      handler = next;
      for (const socket of waiting) next(socket);
      waiting.clear();
    },
    close() {
      removeSocket(address);
      server.close();
    },
  };
}

function listening(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', resolve);
    // The socket is made in this very call, so the mask is that of nothing else.
    const mask = process.umask(0o077);
    try {
      server.listen(address);
    } finally {
      process.umask(mask);
    }
  });
}

export function removeSocket(address: string): void {
  if (process.platform === 'win32') return;
  try {
    unlinkSync(address);
  } catch {
    // It is gone, or its directory is.
  }
}
