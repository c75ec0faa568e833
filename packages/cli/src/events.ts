import type { Artifact, WrapEvent } from '@sarma/wrapper';

/** What a command says while it works, and the lines of `--json`: the wrapper's events and those around them. */
export type BuildEvent =
  | WrapEvent
  /** What was read of the project; `notes` says from where. */
  | {
      readonly type: 'release';
      readonly name: string;
      readonly version: string;
      readonly project: string;
      readonly programs: readonly string[];
      readonly notes: readonly string[];
    }
  | {
      readonly type: 'assembled';
      readonly directory: string;
      readonly files: number;
      readonly bytes: number;
      readonly milliseconds: number;
    }
  /** The step `tar`: the release and a target's runtime in one archive. */
  | {
      readonly type: 'tar';
      readonly target: string;
      readonly file: string;
      readonly bytes: number;
      readonly milliseconds: number;
    }
  | { readonly type: 'targets'; readonly targets: readonly string[] }
  /** A target's runtime is in the build cache. */
  | {
      readonly type: 'fetched';
      readonly target: string;
      readonly version: string;
      readonly source: string;
      readonly sha256: string;
    }
  | { readonly type: 'finished'; readonly artifacts: readonly Artifact[]; readonly milliseconds: number };

export type OnBuildEvent = (event: BuildEvent) => void;
