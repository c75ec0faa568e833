import type { Socket } from 'node:net';
import type { ReleaseInfo } from './state.ts';

/** What `start` of an application gets. */
export interface StartContext<Config = Readonly<Record<string, unknown>>> {
  /** The application's own configuration. */
  readonly config: Config;
  /** Undefined outside a release: under `sarma run` and in tests. */
  readonly release: ReleaseInfo | undefined;
  /** What stood behind `start` on the command line. */
  readonly args: readonly string[];
  /** Aborted when the application is about to be stopped, also while `start` is still waiting. */
  readonly signal: AbortSignal;
  /**
   * Says that the application has ended: normally, or with a reason. A permanent application takes the node with it
   * (exit code 0, or 1 with a reason), a transient one only with a reason, a temporary one never. `stop` is called
   * as at any other end.
   */
  readonly exit: (reason?: unknown) => void;
}

/**
 * Gives an open connection, one that a `net.Server` or an unencrypted `http.Server` of this process has accepted, to the
 * server that listens on the same address in the next version: its 'connection' event gets it. `head`: bytes that were
 * read of it, belong to a request that is not answered, and come first there. What was written is sent before. The socket
 * is destroyed here, and emits 'close'; to the client nothing happens. Resolves to false, and leaves the socket paused,
 * where that cannot be done: it is closed or about to be, encrypted, or came from elsewhere.
 */
export type HandOver = (socket: Socket, head?: Uint8Array) => Promise<boolean>;

/** What `stop` of an application gets besides its state. */
export interface StopContext {
  /** There while another version takes over and waits for this one's connections; else connections are to be closed. */
  readonly handOver?: HandOver;
}

/** How an application's configuration differs from what it was started with. */
export interface ConfigChange<Config = Readonly<Record<string, unknown>>> {
  /** The whole new configuration. */
  readonly config: Config;
  /** Keys that are new or have another value, with the new value. */
  readonly changed: Readonly<Partial<Config>>;
  /** Keys that are gone. */
  readonly removed: readonly string[];
}

/** A running application gets the code of another version. */
export interface CodeChange {
  /** Versions of the application; the same where only what it imports has changed. */
  readonly from: string;
  readonly to: string;
  readonly direction: 'upgrade' | 'downgrade';
  /**
   * `enter` in the code that is taken from here on. Going down, the newer code is asked before, with `leave`: it alone knows
   * how the state looked in the older version.
   */
  readonly step: 'enter' | 'leave';
  /**
   * Takes a function that is called when every application has its new state, in that very turn: there, what is open gets
   * its new code (listeners, timers, connections). It is never called when the change of any of them fails.
   */
  readonly onExchange: (exchange: () => void) => void;
}

/** The lifecycle of an application: the default export of the module that `sarma.application` of a `package.json` names. */
export interface Application<State = unknown, Config = Readonly<Record<string, unknown>>> {
  /**
   * Starts the application; the next one starts when this has returned. What it returns is the application's state
   * and is handed to the other functions. What it throws ends the node.
   */
  start?(context: StartContext<Config>): State | Promise<State>;
  /** Ends what `start` began. The node waits for it, within the release's `shutdownTimeout`. */
  stop?(state: State, context: StopContext): unknown;
  /**
   * Asked once in an upgrade, when all applications of the new version run and before that takes over. Where it is false,
   * or throws, the old version runs on.
   */
  health?(state: State): unknown;
  /**
   * Whether it cannot run twice at the same time, as where it alone may write a file: an upgrade stops the old version's
   * applications before it starts those of the new one.
   */
  readonly exclusive?: boolean;
  /** Called by `reload_config` where the application's configuration has changed. */
  configChange?(state: State, change: ConfigChange<Config>): unknown;
  /**
   * Called by `reload`. Returns the state for the code that is taken, and leaves the one it is given as it is: that one
   * stays where the change of any application fails.
   */
  codeChange?(state: State, change: CodeChange): State | Promise<State>;
}

/**
 * Gives a lifecycle module its types; it returns what it is given.
 *
 * ```ts
 * export default defineApplication({
 *   async start({ config, signal }) { return listen(config); },
 *   async stop(server) { await server.close(); },
 * });
 * ```
 */
export function defineApplication<State, Config = Readonly<Record<string, unknown>>>(
  application: Application<State, Config>,
): Application<State, Config> {
  return application;
}
