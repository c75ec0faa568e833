import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { newKey, pathOf } from './address.ts';
import { detach, type GivenConnection, stopReading, written } from './connection.ts';
import type { ConnectionHandle, ListeningHandle, ServerParts, SocketParts } from './handle.ts';
import { endHttpConnections, idleHttpConnections } from './http.ts';
import { closeOnly, forgetSecondName, keepPath, ownPath, restorePath } from './pipe.ts';
import type { Servers } from './servers.ts';
import { StandIn } from './stand-in.ts';

/**
 * Sends an open connection to the successor. Resolves when it has left the process; `head` is what has been read of it
 * and belongs to the successor.
 */
export type SendConnection = (key: string, head: Uint8Array, handle: object) => Promise<void>;

/** A socket that this process listens on, and that the successor has too. */
interface Handed {
  readonly key: string;
  readonly handle: ListeningHandle;
  readonly server: ServerParts;
}

/** One of them, since this process accepts nobody any more. */
interface Stopped {
  readonly key: string;
  readonly server: ServerParts;
  readonly standIn: StandIn;
  /** Goes on accepting, for the successor. */
  readonly doorman: ListeningHandle | undefined;
}

/** Milliseconds between two looks at who is still connected: closing is nothing that a server tells. */
const LOOK = 50;

const NOTHING = new Uint8Array();

/** The side of the version that is replaced. One for each attempt. */
export class Predecessor {
  readonly #servers: Servers;
  readonly #send: SendConnection;
  readonly #given: GivenConnection[] = [];
  #handed: readonly Handed[] = [];
  /** Those of them that the successor listens on. */
  #taken: readonly Handed[] = [];
  #stopped: readonly Stopped[] = [];
  #keepsGiven = true;
  #isDraining = false;

  constructor(servers: Servers, send: SendConnection) {
    this.#servers = servers;
    this.#send = send;
  }

  /** What is sent to the successor: every socket that is listened on. */
  handles(): readonly { readonly key: string; readonly handle: object }[] {
    this.#handed = this.#servers.all.map(({ handle, server }) => {
      const key = this.#servers.names.get(handle) ?? newKey(handle, server);
      keepPath(key);
      return { key, handle, server };
    });
    return this.#handed.map(({ key, handle }) => ({ key, handle }));
  }

  /**
   * Accepts nobody any more on the sockets of these keys, which the successor listens on; without them on none. Servers and
   * their applications see nothing of it; whoever connects waits for the successor, in the queue of the system. The spares
   * have to be there: after this the successor has the only other copy.
   */
  stopAccepting(keys: readonly string[] = this.#handed.map(({ key }) => key)): void {
    this.#taken = this.#handed.filter(({ key }) => keys.includes(key));
    this.#stopped = this.#taken.filter(({ handle }) => handle.fd >= 0).map((handed) => this.#stop(handed));
  }

  #stop({ key, handle, server }: Handed): Stopped {
    const standIn = new StandIn(handle);
    standIn.standFor(handle);
    if (server._handle === handle) server._handle = standIn;
    this.#servers.replace(handle, standIn);
    if (this.#hasBound(key, handle)) return { key, server, standIn, doorman: this.#passOn(key, handle) };
    closeOnly(handle);
    return { key, server, standIn, doorman: undefined };
  }

  /** Whether libuv would remove the path with the handle. */
  #hasBound(key: string, handle: ListeningHandle): boolean {
    const { bound, names } = this.#servers;
    if (pathOf(key) === undefined) return false;
    if (!names.has(handle)) bound.add(handle);
    return bound.has(handle);
  }

  #passOn(key: string, handle: ListeningHandle): ListeningHandle {
    handle.onconnection = (error, connection) => {
      if (error === 0) void this.#give({ key, head: NOTHING, handle: connection as ConnectionHandle });
    };
    handle.unref();
    return handle;
  }

  /**
   * The successor is gone: servers that are still open accept again, on the spares. The others are closed for good. Ends
   * `drain`.
   */
  resume(spares: ReadonlyMap<string, object>): void {
    const handles = new Map(this.takeBack(spares));
    for (const { key, server, standIn, doorman } of this.#stopped) {
      const handle = handles.get(key);
      if (handle === undefined) continue;
      handles.delete(key);
      if (doorman === undefined) ownPath(key, handle);
      if (standIn.isClosed) handle.close();
      else standIn.giveWay(server, handle, this.#servers);
    }
    this.#stopped = [];
    // Of those that were never closed.
    for (const handle of handles.values()) handle.close();
  }

  /**
   * The successor is gone: what can be listened on again, the spares and what was never closed. In an exclusive upgrade,
   * whose applications start again, that is to be adopted by a Successor of this process. Ends `drain`.
   */
  takeBack(spares: ReadonlyMap<string, object>): ReadonlyMap<string, ListeningHandle> {
    this.#isDraining = false;
    // It may have removed one, as it ended or before it listened.
    for (const { key } of this.#handed) restorePath(key);
    this.#forgetPaths();
    const handles = new Map(spares as ReadonlyMap<string, ListeningHandle>);
    for (const { key, doorman } of this.#stopped) {
      if (doorman === undefined) continue;
      handles.get(key)?.close();
      handles.set(key, doorman);
    }
    for (const [key, handle] of handles) this.#servers.names.set(handle, key);
    return handles;
  }

  /** Connections that the successor was given and that would have to be served here if it failed now. */
  get given(): readonly GivenConnection[] {
    return this.#given;
  }

  /** The successor has taken over: what it was given is its own. */
  letGo(): void {
    this.#keepsGiven = false;
    for (const { handle } of this.#given.splice(0)) handle.close();
  }

  async #give(connection: GivenConnection): Promise<void> {
    const { key, head, handle } = connection;
    if (this.#keepsGiven) this.#given.push(connection);
    await this.#send(key, head, handle);
    if (!this.#keepsGiven) handle.close();
  }

  /**
   * For an application that stops: gives an open connection to the server of the same address in the successor. `head`:
   * what has been read of it and not been answered. The socket is destroyed here. Resolves to false where it cannot be
   * given: it is closed or about to be, encrypted, or came in by no server of this process.
   */
  async handOver(given: Socket, head: Uint8Array = NOTHING): Promise<boolean> {
    const socket = given as SocketParts;
    if (this.#keyOf(socket) === undefined) return false;
    socket.pause();
    stopReading(socket);
    await written(socket);
    const key = this.#keyOf(socket);
    if (key === undefined) return false;
    const { handle, rest } = detach(socket);
    await this.#give({ key, head: Buffer.concat([head, rest]), handle });
    return true;
  }

  /** Undefined of a socket that cannot be given away. */
  #keyOf(socket: SocketParts): string | undefined {
    const { server, _handle } = socket;
    if (_handle === null || !socket.writable || 'encrypted' in socket) return undefined;
    return this.#taken.find((taken) => taken.server === server)?.key;
  }

  /**
   * Until everybody has hung up, `resume`, or the limit (milliseconds). Answers over HTTP end their connection; connections
   * that wait for the next request go to the successor. Resolves to the number of connections that are left.
   */
  async drain(limit: number): Promise<number> {
    this.#isDraining = true;
    // One that does not keep the process alive keeps nobody waiting: the control socket for other machines.
    const servers = this.#taken.map(({ server }) => server).filter(({ _unref }) => !_unref);
    const stop = endHttpConnections(servers);
    const latest = Date.now() + limit;
    let left = count(servers);
    while (left > 0 && this.#isDraining && Date.now() < latest) {
      for (const socket of servers.flatMap(idleHttpConnections)) this.#giveIdle(socket);
      await wait(LOOK);
      left = count(servers);
    }
    stop();
    return left;
  }

  #giveIdle(socket: SocketParts): void {
    const key = this.#keyOf(socket);
    if (key === undefined) return;
    stopReading(socket);
    const { handle, rest } = detach(socket);
    void this.#give({ key, head: rest, handle });
  }

  /** Nobody goes back any more, and the applications are stopped: closes what they have left, too. */
  discard(spares: ReadonlyMap<string, object>): void {
    for (const handle of spares.values()) (handle as ListeningHandle).close();
    for (const one of this.#handed) if (!this.#taken.includes(one)) one.handle.close();
    this.#forgetPaths();
  }

  #forgetPaths(): void {
    for (const { key } of this.#handed) forgetSecondName(key);
  }
}

function count(servers: readonly ServerParts[]): number {
  return servers.reduce((sum, { _connections }) => sum + _connections, 0);
}
