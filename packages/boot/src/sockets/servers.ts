import { subscribe } from 'node:diagnostics_channel';
import type { ListeningHandle, ServerParts } from './handle.ts';

/** Begins to note which servers of this process listen. All that a start which is never upgraded pays for upgrades. */
export function trackServers(): Servers {
  const servers = new Servers();
  subscribe('tracing:net.server.listen:asyncEnd', (message) => servers.add((message as Listens).server));
  return servers;
}

interface Listens {
  readonly server: ServerParts;
}

/** The servers of this process that listen. */
export class Servers {
  /**
   * By the handle, since a cluster's primary takes it away from the server that has opened it. A closed handle goes when
   * the next one comes.
   */
  readonly #servers = new Map<ListeningHandle, ServerParts>();
  /** Handles that came from another process → what they were called there. */
  readonly names = new WeakMap<ListeningHandle, string>();
  /** Handles that have bound a path, among those that have a name. */
  readonly bound = new WeakSet<ListeningHandle>();

  get all(): readonly { readonly handle: ListeningHandle; readonly server: ServerParts }[] {
    this.#removeClosed();
    return [...this.#servers].map(([handle, server]) => ({ handle, server }));
  }

  add(server: ServerParts): void {
    this.#removeClosed();
    this.#servers.set(server._handle!, server);
  }

  /** The server goes on with another handle. */
  replace(handle: ListeningHandle, next: ListeningHandle): void {
    const server = this.#servers.get(handle);
    if (server === undefined || !this.#servers.delete(handle)) return;
    this.#servers.set(next, server);
  }

  #removeClosed(): void {
    for (const handle of this.#servers.keys()) if (handle.fd < 0) this.#servers.delete(handle);
  }
}
