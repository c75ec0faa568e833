import { getSystemErrorName } from 'node:util';
import type { ListeningHandle, ServerParts } from './handle.ts';
import type { Servers } from './servers.ts';

/**
 * What a server has for a handle while this process does not accept for it: it listens, as far as anybody can see, has
 * the address that it ought to have, and can be closed.
 */
export class StandIn implements ListeningHandle {
  onconnection: ListeningHandle['onconnection'] = () => {};
  readonly getsockname?: (out: object) => number;
  readonly fchmod?: (mode: number) => number;
  readonly #onClose: () => void;
  #handle: ListeningHandle | undefined;
  #isClosed = false;
  #isReferenced = true;
  #backlog = 511; // Node's own
  #mode: number | undefined;

  /** `handle` tells the address. `onClose`: the server closes before it has a real handle. */
  constructor(handle: ListeningHandle, onClose = () => {}) {
    this.#onClose = onClose;
    if (handle.getsockname === undefined) {
      this.fchmod = (mode) => {
        this.#mode = mode;
        return 0;
      };
      return;
    }
    const name = {};
    const error = handle.getsockname(name);
    this.getsockname = (out) => {
      Object.assign(out, name);
      return error;
    };
  }

  get fd(): number {
    return this.#isClosed ? -1 : (this.#handle?.fd ?? 0);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  listen(backlog: number): number {
    this.#backlog = backlog;
    return 0;
  }

  close(closed?: () => void): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#handle === undefined) this.#onClose();
    else this.#handle.close();
    if (closed !== undefined) setImmediate(closed);
  }

  ref(): void {
    this.#isReferenced = true;
    this.#handle?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#handle?.unref();
  }

  hasRef(): boolean {
    return this.#isReferenced;
  }

  /** Before a server's handle is closed. */
  standFor(handle: ListeningHandle): void {
    moveServer(handle, this);
    this.#isReferenced = handle.hasRef();
  }

  /** From here on the server accepts from `handle`. Throws where the system refuses. */
  giveWay(server: ServerParts, handle: ListeningHandle, servers: Servers): void {
    moveServer(this, handle);
    this.#handle = handle;
    server._handle = handle;
    servers.replace(this, handle);
    if (this.#mode !== undefined) handle.fchmod?.(this.#mode);
    if (this.#isReferenced) handle.ref();
    else handle.unref();
    const error = handle.listen(this.#backlog);
    if (error !== 0) throw new Error(`The system lets nobody listen again: ${getSystemErrorName(error)}`);
  }
}

/** The server behind a handle, and whatever else Node keeps there under symbols. */
function moveServer(from: ListeningHandle, to: ListeningHandle): void {
  to.onconnection = from.onconnection;
  for (const symbol of Object.getOwnPropertySymbols(from))
    Object.defineProperty(to, symbol, Object.getOwnPropertyDescriptor(from, symbol)!);
}
