import type { Server, Socket } from 'node:net';

// What `net` keeps in `_handle`: objects of Node's own, `TCP` and `Pipe`. Used here as cluster uses them, whose workers
// have objects in their place that only look like them (lib/internal/cluster/child.js of Node): that no version of
// Node since 0.11 could change this is what makes it fit to rely on.

export interface Handle {
  /** -1 once it is closed. */
  readonly fd: number;
  close(closed?: () => void): void;
  ref(): void;
  unref(): void;
  hasRef(): boolean;
  /** Not there in a `Pipe`. */
  getsockname?(out: object): number;
}

/** What a server listens on. `this` of `onconnection` is the handle: by it the server is found. */
export interface ListeningHandle extends Handle {
  onconnection(error: number, handle: Handle): void;
  /** 0, or a negative error number. */
  listen(backlog: number): number;
  /** Of a `Pipe`: sets the permissions of its path. */
  fchmod?(mode: number): number;
}

/** What a connection is read from. */
export interface ConnectionHandle extends Handle {
  /** Kept by `net.Socket`, which does not begin to read where it is true. */
  reading: boolean;
  readStop(): number;
}

/** `net.Server` with what is not in its types. */
export type ServerParts = Server & {
  _handle: ListeningHandle | null;
  /** The path it was told to listen on. */
  readonly _pipeName?: string;
  readonly _connections: number;
  /** Whether it keeps the process from ending. */
  readonly _unref: boolean;
};

/** `net.Socket` with what is not in its types. */
export type SocketParts = Socket & {
  _handle: ConnectionHandle | null;
  readonly server?: Server | null;
};
