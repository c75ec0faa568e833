/** What a build says while it works: one plain object per event, also the lines of `--json`. */
export type WrapEvent =
  | {
      readonly type: 'notice';
      readonly level: 'info' | 'warning';
      readonly message: string;
      readonly target?: string;
    }
  | {
      readonly type: 'download';
      readonly target: string;
      readonly received: number;
      readonly total: number | null;
    }
  /** A target enters a phase; `skipped` when its work was found in the build cache. */
  | { readonly type: 'phase'; readonly target: string; readonly phase: Phase; readonly skipped?: string }
  /** Bytes compressed so far, of all that are to be compressed for this target. */
  | { readonly type: 'compress'; readonly target: string; readonly done: number; readonly total: number }
  | { readonly type: 'artifact'; readonly target: string; readonly file: string; readonly bytes: number }
  | { readonly type: 'failure'; readonly target: string; readonly code: string; readonly message: string };

export type Phase = 'fetch' | 'patch' | 'build';

export type OnEvent = (event: WrapEvent) => void;
