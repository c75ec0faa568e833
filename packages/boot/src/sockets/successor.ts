import { Server } from 'node:net';
import { answers, type Wanted } from './address.ts';
import { type GivenConnection, serveConnection } from './connection.ts';
import type { ConnectionHandle, ListeningHandle, ServerParts } from './handle.ts';
import { ownPath, restorePath } from './pipe.ts';
import type { Servers } from './servers.ts';
import { StandIn } from './stand-in.ts';

/** A socket that another process listens on, and the server here that is to have it. */
interface Adopted {
  readonly key: string;
  readonly handle: ListeningHandle;
  claim?: { readonly server: ServerParts; readonly standIn: StandIn } | undefined;
}

/**
 * The side of the version that takes over, or of one whose applications start again in the same process, since the next
 * version has failed. Its servers listen, as they see it, on what another process listens on, and
 * do in fact from `take` on; nothing is bound before, no other address either, so that a version that fails has
 * touched no client.
 */
export class Successor {
  readonly #servers: Servers;
  readonly #adopted: Adopted[] = [];
  #waiting: GivenConnection[] = [];
  #hasTaken = false;
  #restoreListen = () => {};
  #hasForgotten = false;

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  /** A socket that the predecessor listens on. */
  adopt(key: string, handle: object): void {
    this.#servers.names.set(handle as ListeningHandle, key);
    this.#adopted.push({ key, handle: handle as ListeningHandle });
  }

  /** From here on a server that listens where the predecessor does binds nothing. */
  standIn(): void {
    const prototype = Server.prototype as unknown as ListenPrototype;
    const listen = prototype._listen2;
    const claim = (server: ServerParts, wanted: Wanted) => this.#claim(server, wanted);
    // Where every way to listen ends, hosts resolved. Node keeps its name for those who wrap it (lib/net.js).
    prototype._listen2 = function (address, port, addressType, backlog, fd, flags) {
      this._handle ??= claim(this, { address, port, addressType, fd }) ?? null;
      return listen.call(this, address, port, addressType, backlog, fd, flags);
    };
    this.#restoreListen = () => {
      prototype._listen2 = listen;
    };
  }

  #claim(server: ServerParts, wanted: Wanted): ListeningHandle | undefined {
    const adopted = this.#adopted.find(({ key, claim }) => claim === undefined && answers(key, wanted));
    if (adopted === undefined) return undefined;
    const { key, handle } = adopted;
    restorePath(key);
    const standIn = new StandIn(handle, () => {
      adopted.claim = undefined;
    });
    adopted.claim = { server, standIn };
    if (!this.#hasTaken) return standIn;
    // It is made to listen by whoever asked.
    ownPath(key, handle);
    setImmediate(() => this.#serveWaiting());
    return handle;
  }

  /** The servers accept; those that listen later do at once. Throws where the system refuses. */
  take(): void {
    this.#hasTaken = true;
    const claimed = this.#adopted.filter(({ claim }) => claim !== undefined);
    for (const { key, handle, claim } of claimed) {
      ownPath(key, handle);
      claim!.standIn.giveWay(claim!.server, handle, this.#servers);
    }
    setImmediate(() => this.#serveWaiting());
  }

  /** Of the sockets that have a server. */
  get keys(): readonly string[] {
    return this.#adopted.filter(({ claim }) => claim !== undefined).map(({ key }) => key);
  }

  /** A connection to the socket of that key, and what has been read of it. Waits until a server accepts from there. */
  takeConnection(key: string, head: Uint8Array, handle: object): void {
    this.#waiting.push({ key, head, handle: handle as ConnectionHandle });
    this.#serveWaiting();
    if (this.#hasForgotten) this.#closeWaiting();
  }

  #serveWaiting(): void {
    if (!this.#hasTaken) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) {
      const adopted = this.#adopted.find(({ key }) => key === connection.key);
      if (adopted?.claim === undefined) this.#waiting.push(connection);
      else serveConnection(adopted.claim.server, adopted.handle, connection);
    }
  }

  /** Closes what nobody has listened on, with the connections to it, and takes no notice of `listen` any more. */
  forget(): void {
    if (this.#hasForgotten) return;
    this.#hasForgotten = true;
    this.#restoreListen();
    for (const { handle, claim } of this.#adopted) if (claim === undefined) handle.close();
    this.#serveWaiting();
    this.#closeWaiting();
  }

  #closeWaiting(): void {
    for (const { handle } of this.#waiting.splice(0)) handle.close();
  }
}

interface ListenPrototype {
  _listen2(
    this: ServerParts,
    address: string | null,
    port: number | null,
    addressType: number | null,
    backlog: number,
    fd: number | undefined,
    flags: number | undefined,
  ): void;
}
