import type { FoundAddon } from './addons/found.ts';
import type { Delivered } from './artifact.ts';

/** What a build says while it works: one plain object per event, also the lines of `--json`. */
export type WrapEvent =
  | {
      readonly type: 'notice';
      /** A detail interests only who wants to know what was tried. */
      readonly level: 'detail' | 'info' | 'warning';
      readonly message: string;
      readonly target?: string;
    }
  | {
      readonly type: 'download';
      readonly target: string;
      readonly received: number;
      readonly total: number | null;
    }
  /** A target enters a phase. */
  | { readonly type: 'phase'; readonly target: string; readonly phase: 'fetch' | 'patch' | 'build' }
  /** What was found of the packages' native addons for this target. */
  | { readonly type: 'addons'; readonly target: string; readonly found: readonly FoundAddon[] }
  /** Bytes compressed so far, of all that are to be compressed for this target. */
  | { readonly type: 'compress'; readonly target: string; readonly done: number; readonly total: number }
  | ({ readonly type: 'artifact'; readonly target: string } & Delivered)
  | { readonly type: 'failure'; readonly target: string; readonly code: string; readonly message: string };

export type OnEvent = (event: WrapEvent) => void;
