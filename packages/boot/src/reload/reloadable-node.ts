import type { Configuration } from '@sarma/app';
import type { RunningApplication } from '../applications.ts';
import type { BootFile } from '../boot-file.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import type { RunningNode } from '../running-node.ts';
import type { LoadedPackages } from './loaded-packages.ts';

/** All that one version of a release is in a running node. */
export interface RunningVersion {
  readonly boot: BootFile;
  readonly environment: ReleaseEnvironment;
  readonly configuration: Configuration;
  /** In the order in which they start. */
  readonly applications: ReadonlyMap<string, RunningApplication>;
}

/** What changes of configuration and code need of the node. */
export interface ReloadableNode extends RunningNode {
  readonly current: RunningVersion;
  /** Packages of all versions that it has loaded, once there is a second. */
  loadedPackages: LoadedPackages | undefined;
  /** Puts another version into the place of the current one, at once. */
  exchange(next: RunningVersion): void;
  /** Calls the `start` of an application. Rejects with what it threw. */
  begin(application: RunningApplication): Promise<void>;
}
