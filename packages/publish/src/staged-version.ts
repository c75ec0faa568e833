import type { Feed } from '@sarma/update';

/** What of a release goes with its executables. */
export interface PublishedRelease {
  readonly name: string;
  readonly version: string;
  /** The main package's directory: what archives take along is looked for there. Absolute. */
  readonly project: string;
  /** Of `package.json`, as far as it says so. */
  readonly about: {
    readonly description?: string | undefined;
    readonly homepage?: string | undefined;
    /** SPDX. */
    readonly license?: string | undefined;
    readonly author?: string | undefined;
  };
  readonly isService: boolean;
}

/** Where a version will be had from; what lies there is called as in the staged folder. */
export interface PublishPlace {
  /** The folder of a version, with a slash at the end and `{version}` where its number goes; encoded otherwise. */
  readonly versions: string;
  /** What leads to the newest version: its `latest.json`. Where `releases/latest` is for another release, that of this version. */
  readonly latest: string;
  /** What people look at: the repository, or the folder. */
  readonly home: string;
}

/** A version that lies in a folder as it will be published. */
export interface StagedVersion {
  /** Absolute. */
  readonly folder: string;
  readonly feed: Feed;
  /** Sorted by name, `SHA256SUMS` and its signature included. */
  readonly files: readonly StagedFile[];
}

export interface StagedFile {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** The order of a staged version's files. */
export function byName(one: StagedFile, other: StagedFile): number {
  return one.name < other.name ? -1 : 1;
}
