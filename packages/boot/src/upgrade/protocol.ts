// What predecessor and successor say to each other while a node is upgraded, over Node's own channel between a parent
// and its child (`stdio: 'ipc'`), which alone carries handles. docs/decisions/0032 tells the whole story.

/** The predecessor O to the successor N. */
export type ToSuccessor =
  /** With a handle: a socket that O listens on. N sends it back as a `spare`. */
  | { readonly type: 'socket'; readonly key: string }
  /** These were all of them, and their spares have come. */
  | ({ readonly type: 'begin' } & Beginning)
  /** The answer to `loaded`. With `isExclusive` O's applications are stopped, and N listens for real from here on. */
  | { readonly type: 'start'; readonly isExclusive: boolean }
  /** The commit. */
  | { readonly type: 'take' }
  /** With a handle: an open connection to the server of `key`; `head`: what has been read of it, base64. */
  | { readonly type: 'connection'; readonly key: string; readonly head: string }
  /** The last one: O only holds N from here on (hold.ts), whose parent is one of these PIDs. */
  | { readonly type: 'held'; readonly parents: readonly number[] };

/** The successor to the predecessor. */
export type ToPredecessor =
  /** With the handle of `socket`: a duplicate, on which O listens again if N dies. */
  | { readonly type: 'spare'; readonly key: string }
  /** Configured, everything imported, nothing started. */
  | { readonly type: 'loaded'; readonly isExclusive: boolean }
  /** All applications run and are in health. */
  | { readonly type: 'ready' }
  /** N accepts and has the node's name; in an exclusive upgrade said instead of `ready` and without `take`. */
  | { readonly type: 'taken' }
  /** `post_start` is done and the version permanent, or `problem` says what of it failed. */
  | { readonly type: 'settled'; readonly isPermanent: boolean; readonly problem?: string }
  /** Why N is about to end. */
  | { readonly type: 'failed'; readonly problem: string }
  /** N was told to stop, and does: O is not to go on in its place. */
  | { readonly type: 'stopping' };

/** What N has to know of the upgrade. */
export interface Beginning {
  /** O's version, and the executable that it was started from. */
  readonly from: { readonly version: string; readonly executable: string | undefined };
  /** Whether N's version is to be that of the next starts, too. */
  readonly isPermanent: boolean;
  /** Whoever keeps the process of this PID: O's own, or that of O's predecessors. */
  readonly holder: number;
}

/** In the environment of N: the id of O's run. */
export const SUCCEEDS = 'RELEASE_SUCCEEDS';

/** What the command sends with the control method `upgrade`. */
export interface UpgradeRequest {
  readonly version: string;
  /** How N is started, without `start` and what follows; `env` is laid over that of O. */
  readonly program: {
    readonly file: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
  readonly isPermanent: boolean;
  /** Milliseconds until N has to be ready. */
  readonly timeout: number;
}

/** What it answers with. Before that, events `{ progress: string }`: sentences for whoever waits. */
export interface UpgradeResult {
  readonly pid: number;
  readonly from: string;
  readonly to: string;
  readonly isPermanent: boolean;
  /** What failed after N had taken over. */
  readonly problem?: string;
}
