import type { Server, Socket } from 'node:net';
import type { ConnectionHandle, ListeningHandle, SocketParts } from './handle.ts';

/** An open connection on its way between two processes. */
export interface GivenConnection {
  /** Of the socket it came in by. */
  readonly key: string;
  /** What has been read of it and belongs to whoever takes it. */
  readonly head: Uint8Array;
  readonly handle: ConnectionHandle;
}

/** As if it had just come in: the server emits 'connection' with it, and its first bytes are `head`. */
export function serveConnection(
  server: Server,
  listening: ListeningHandle,
  { head, handle }: GivenConnection,
): void {
  const putBack = (socket: Socket) => void socket.unshift(head);
  if (head.length > 0) server.prependOnceListener('connection', putBack);
  listening.onconnection(0, handle);
  server.off('connection', putBack);
}

export function stopReading({ _handle: handle }: SocketParts): void {
  handle!.readStop();
  handle!.reading = false;
}

/** Resolves when all that was written has gone to the system. */
export function written(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.writableLength === 0) return resolve();
    socket.once('close', resolve);
    socket.write('', () => resolve());
  });
}

/**
 * Takes the handle out of a socket that reads no more; to those who have the socket it has closed. Returns the handle,
 * and what had been read and nobody has taken.
 */
export function detach(socket: SocketParts): { readonly handle: ConnectionHandle; readonly rest: Buffer } {
  const handle = socket._handle!;
  socket._handle = null; // or read() goes on reading
  for (const event of ['data', 'readable']) socket.removeAllListeners(event);
  const rest = unread(socket);
  socket.destroy();
  return { handle, rest };
}

function unread(socket: SocketParts): Buffer {
  const encoding = socket.readableEncoding;
  const chunk: unknown = socket.read();
  const read =
    chunk === null
      ? Buffer.alloc(0)
      : typeof chunk === 'string'
        ? Buffer.from(chunk, encoding ?? 'utf8')
        : (chunk as Buffer);
  return Buffer.concat([read, halfCharacter(socket)]);
}

/** With `setEncoding`, the bytes of a character that has not come in whole are kept by Node's StringDecoder. */
function halfCharacter(socket: SocketParts): Buffer {
  const { _readableState: state } = socket as unknown as {
    readonly _readableState: { readonly decoder: Decoder | null };
  };
  const { lastChar, lastNeed, lastTotal } = state.decoder ?? NO_DECODER;
  return lastNeed > 0 ? Buffer.from(lastChar.subarray(0, lastTotal - lastNeed)) : Buffer.alloc(0);
}

interface Decoder {
  readonly lastChar: Buffer;
  /** Bytes that are still missing of the character. */
  readonly lastNeed: number;
  readonly lastTotal: number;
}

const NO_DECODER: Decoder = { lastChar: Buffer.alloc(0), lastNeed: 0, lastTotal: 0 };
