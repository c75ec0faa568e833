// What predecessor and successor say to each other while a node is upgraded, over Node's own channel between a parent
// and its child (`stdio: 'ipc'`), which alone carries handles. docs/decisions/0032 tells the whole story.
// They may be of two builds: `format` is FORMAT of control/request.ts, and `failed` is the same in all.

import type { Fields } from '../control/request.ts';

/** The predecessor O to the successor N. */
export type ToSuccessor =
  /** With a handle: a socket that O listens on. N sends it back as a `spare`. */
  | { readonly type: 'socket'; readonly key: string }
  /** These were all of them, and their spares have come. */
  | ({ readonly type: 'begin' } & Beginning)
  /** The answer to `loaded`. `isExclusive`, where one of the two is: O's applications are stopped, and N listens. */
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
  | { readonly type: 'loaded'; readonly format: number; readonly isExclusive: boolean }
  /** All applications run and are in health. */
  | { readonly type: 'ready' }
  /**
   * N accepts, on the sockets of these keys, and has the node's name; in an exclusive upgrade said instead of `ready` and
   * without `take`.
   */
  | { readonly type: 'taken'; readonly keys: readonly string[] }
  /** `post_start` is done. `notPermanent` says why the version could not be made so, `problem` what of the rest failed. */
  | {
      readonly type: 'settled';
      readonly isPermanent: boolean;
      readonly notPermanent?: string;
      readonly problem?: string;
    }
  /** Somebody waits for O's end: it is to drain no longer. */
  | { readonly type: 'hurry' }
  /** Why N is about to end. */
  | { readonly type: 'failed'; readonly problem: string }
  /** N was told to stop, and does: O is not to go on in its place. */
  | { readonly type: 'stopping' };

/** What N has to know of the upgrade. */
export interface Beginning {
  readonly format: number;
  /** O's version, and the executable that it was started from. */
  readonly from: { readonly version: string; readonly executable: string | undefined };
  /** Whether N's version is to be that of the next starts, too. */
  readonly isPermanent: boolean;
  /** Milliseconds that O has for its clients once N has taken over. */
  readonly drainTimeout: number;
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
  /** Where the version before this one still ends what it has begun, it is to do so at once. */
  readonly isNow: boolean;
  /** Milliseconds until N has to be ready. */
  readonly timeout: number;
}

export const UPGRADE_FIELDS: Fields<UpgradeRequest> = {
  version: ['string'],
  program: ['object'],
  isPermanent: ['boolean'],
  isNow: ['boolean'],
  timeout: ['number'],
};

/** What it answers with. Before that, events `{ progress: string }`: sentences for whoever waits. */
export interface UpgradeResult {
  readonly pid: number;
  readonly from: string;
  readonly to: string;
  readonly isPermanent: boolean;
  /** Why it is not, though it was to be. */
  readonly notPermanent?: string;
  /** What failed after N had taken over. */
  readonly problem?: string;
}
