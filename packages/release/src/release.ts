import type { Manifest } from './package-json.ts';

/** How the code of first-party packages gets into a release: as it is, or as one file per entry. */
export type CodeMode = 'copy' | 'bundle';

export interface ReleaseOptions {
  /** The project's directory, or a single source file. */
  readonly project: string;
  /** The file to run, relative to the project. Default: what `package.json` says. */
  readonly entry?: string | undefined;
  /** The programs of `bin` to take. Default: the one named like the package. */
  readonly bin?: readonly string[] | undefined;
  /** Name or folder of the workspace to release, seen from the workspace root. */
  readonly workspace?: string | undefined;
  /** The release's name. Default: that of its program. */
  readonly name?: string | undefined;
  /** The release's version. Default: that of `package.json`, or 0.0.0. */
  readonly version?: string | undefined;
  /** Default: `copy`. */
  readonly code?: CodeMode | undefined;
  /** Where executables are written, a folder or a file; never part of the release. Default: `burrito_out`. */
  readonly output?: string | undefined;
  /** Where the release is assembled. Default: `_build/prod/rel/<name>` in the project. */
  readonly releaseDirectory?: string | undefined;
}

/** Something the user should hear about: what was done, or what may be wrong. */
export interface Notice {
  readonly type: 'notice';
  readonly level: 'info' | 'warning';
  readonly message: string;
}

export type OnNotice = (notice: Notice) => void;

/** What is to be assembled: a plain value, made by `loadRelease` and not yet on disk. */
export interface Release {
  readonly name: string;
  readonly version: string;
  readonly kind: 'cli';
  /** The directory of the main package. */
  readonly project: string;
  /** The main package's manifest; a made-up one where a single file has none. */
  readonly manifest: Manifest;
  /** True when the project is one source file without a `package.json`. */
  readonly singleFile: boolean;
  /** Program name → absolute path of its source file. */
  readonly entries: Readonly<Record<string, string>>;
  readonly code: CodeMode;
  /** Where the release is assembled: an absolute path. */
  readonly path: string;
  /** Where executables are written: an absolute path. */
  readonly output: string;
  /** What was taken from where, one line each. */
  readonly notes: readonly string[];
}

/** A package inside an assembled release. */
export interface ReleasePackage {
  readonly name: string;
  readonly version: string;
  /** Relative to the release's root, with `/`. */
  readonly path: string;
  /** True for the project, its workspaces and linked packages. */
  readonly firstParty: boolean;
}

/** The directory a release became. All sizes are in bytes. */
export interface AssembledRelease {
  /** The release's root, an absolute path. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly kind: 'cli';
  /** Program name → its entry, relative to the root, with `/`. */
  readonly entries: Readonly<Record<string, string>>;
  readonly packages: readonly ReleasePackage[];
  /** How many files and links there are. */
  readonly files: number;
  readonly bytes: number;
  /** The heaviest folders, heaviest first: packages, and the top-level folders of first-party ones. */
  readonly largest: readonly { readonly path: string; readonly bytes: number }[];
  readonly notes: readonly string[];
}
