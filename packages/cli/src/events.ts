import type { GitHubEvent, StagedFile, StageEvent } from '@sarma/publish';
import type { Appup } from '@sarma/release/appup';
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
  | AppupEvent
  /** The step `relup`: what is in the release now, and which versions or ranges it leads from. */
  | { readonly type: 'relup'; readonly file: string; readonly from: readonly string[] }
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

/** `sarma appup` and the step `appup`: what an upgrade does to an application, and what became of the file that says so. */
export interface AppupEvent extends Appup {
  readonly type: 'appup';
  readonly file: string;
  readonly outcome: 'written' | 'replaced' | 'same' | 'left';
  /** Where a file that was left alone differs from what is computed. */
  readonly differences: readonly string[];
  /** Changed package → what became of its version. */
  readonly packages: Readonly<Record<string, string>>;
}

export type OnBuildEvent = (event: BuildEvent) => void;

/** What `sarma publish` says while it works. Sizes in bytes. */
export type PublishEvent =
  | Extract<BuildEvent, { readonly type: 'release' | 'notice' }>
  | StageEvent
  /** `key` is its number, as minisign prints it. */
  | { readonly type: 'signed'; readonly key: string }
  /** What package managers want to have of the version; `files` are relative to the folder. */
  | { readonly type: 'packagers'; readonly folder: string; readonly files: readonly string[] }
  /** The version lies in a folder; with `dryRun` it would. */
  | {
      readonly type: 'staged';
      readonly folder: string;
      readonly version: string;
      readonly tag: string;
      readonly files: readonly StagedFile[];
      readonly bytes: number;
      readonly dryRun: boolean;
    }
  /** It can be had from the folder: `file` leads to it, or goes on leading to a newer version, `staysAt`. */
  | {
      readonly type: 'published';
      readonly version: string;
      readonly channel: string;
      readonly file: string;
      readonly staysAt?: string;
    }
  | GitHubEvent;

export type OnPublishEvent = (event: PublishEvent) => void;
