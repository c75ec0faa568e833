import type { Configuration } from '@sarma/app';
import type { RunningApplication } from '../applications.ts';
import type { BootFile } from '../boot-file.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import type { LoadedPackages } from './loaded-packages.ts';

/** All that one version of a release is in a running node. */
export interface RunningVersion {
  readonly boot: BootFile;
  readonly environment: ReleaseEnvironment;
  readonly configuration: Configuration;
  /** In the order in which they start. */
  readonly applications: ReadonlyMap<string, RunningApplication>;
}

/** What a reload needs of the node. */
export interface ReloadableNode {
  readonly current: RunningVersion;
  /** Whether the node has been told to stop. */
  readonly isStopping: () => boolean;
  /** Packages of all versions that it has loaded, once there is a second. */
  loadedPackages: LoadedPackages | undefined;
  /** Puts another version into the place of the current one, at once. */
  exchange(next: RunningVersion): void;
  /** Loads and starts an application of the current version. Rejects with what went wrong. */
  start(name: string): Promise<void>;
  /** Stops applications within the release's limit. */
  stop(applications: readonly RunningApplication[], fail: (text: string) => void): Promise<void>;
  changeConfiguration(before: Configuration, after: Configuration): Promise<readonly string[]>;
}

/** An application could not start when the old version was gone already. */
export class ReloadAborted extends BootError {
  constructor(message: string, options: ErrorOptions) {
    super('RELOAD_ABORTED', message, options);
  }
}
