import type { ApplicationMode, BootApplication } from '@sarma/boot';
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
  /** Which release of the configuration; without a configuration the release's name. Default: that of its program. */
  readonly name?: string | undefined;
  /** Default: `SARMA_ENV`, the configuration's `defaultEnvironment`, `prod`. */
  readonly environment?: string | undefined;
  /** The release's version. Default: that of `package.json`, or 0.0.0. */
  readonly version?: string | undefined;
  /** Default: `copy`. */
  readonly code?: CodeMode | undefined;
  /** Programs start from a start-up snapshot. Default: `wrap.snapshot`. */
  readonly snapshot?: boolean | undefined;
  /** Where executables are written, a folder or a file; never part of the release. Default: `burrito_out`. */
  readonly output?: string | undefined;
  /** Where the release is assembled. Default: `_build/<environment>/rel/<name>` in the project. */
  readonly releaseDirectory?: string | undefined;
  /** Address of the module that `sarma` means in a configuration: the running copy. Default: this package. */
  readonly sarma?: string | undefined;
}

/** Something the user should hear about: what was done, or what may be wrong. */
export interface Notice {
  readonly type: 'notice';
  readonly level: 'info' | 'warning';
  readonly message: string;
}

export type OnNotice = (notice: Notice) => void;

export type ReleaseKind = 'cli' | 'service';

/**
 * What is to be assembled: a plain value, made by `loadRelease` and not yet on disk. A step may return another one
 * with different `applications`, `configProviders`, `overlays`, `overlayVars`, `options` and `steps`.
 */
export interface Release {
  readonly name: string;
  readonly version: string;
  readonly kind: ReleaseKind;
  /** `prod`, `dev`, …. */
  readonly environment: string;
  /** The directory of the main package. */
  readonly project: string;
  /** The main package's manifest; a made-up one where a single file has none. */
  readonly manifest: Manifest;
  /** True when the project is one source file without a `package.json`. */
  readonly singleFile: boolean;
  /** Program name → absolute path of its source file. Empty for a service that is only applications. */
  readonly entries: Readonly<Record<string, string>>;
  readonly code: CodeMode;
  /** Where the release is assembled: an absolute path. */
  readonly path: string;
  /** Where executables are written: an absolute path. */
  readonly output: string;
  /** In the order of the configuration; what it does not name follows when it is assembled. */
  readonly applications: readonly ApplicationChoice[];
  readonly configProviders: readonly ConfigProvider[];
  /** `rel/overlays` first, if it is there. */
  readonly overlays: readonly Overlay[];
  /** Besides those that every template has. */
  readonly overlayVars: Readonly<Record<string, unknown>>;
  readonly options: ReleaseSettings;
  readonly steps: readonly Step[];
  /** Once it is assembled: what it became. Steps behind `'assemble'` find it here. */
  readonly assembled?: AssembledRelease | undefined;
  /** What was taken from where, one line each. */
  readonly notes: readonly string[];
}

/** An application and how much its end means. */
export interface ApplicationChoice {
  /** The package's name. */
  readonly name: string;
  readonly mode: ApplicationMode;
}

export interface ConfigProvider {
  /** A package, or a file of the project. */
  readonly module: string;
  /** JSON. */
  readonly options: unknown;
}

/** What lies over an assembled release. Sources are relative to the project, destinations to the release's root. */
export type Overlay =
  /** A folder whose content is copied to the root. */
  | string
  | { readonly mkdir: string }
  | { readonly copy: readonly [from: string, to: string] }
  | { readonly link: readonly [from: string, to: string] }
  /** Rendered with eta and the overlay variables. */
  | { readonly template: readonly [from: string, to: string] }
  | { readonly chmod: readonly [file: string, mode: number] };

/**
 * A function of the user's, or one of ours by its name. `assemble` exactly once; `appup`, `relup`, `tar` and `wrap` after
 * it. A function gets the release with the steps that remain, and returns a release.
 */
export type Step =
  | 'assemble'
  | 'appup'
  | 'relup'
  | 'tar'
  | 'wrap'
  | ((release: Release) => Release | Promise<Release>);

/** Everything else that a configuration says of a release. Paths are absolute. */
export interface ReleaseSettings {
  /** The configuration file; undefined where there is none. */
  readonly configFile: string | undefined;
  /** Names of all environments that the configuration has. */
  readonly environments: readonly string[];
  /** Links instead of copies, for trying things out. */
  readonly devMode: boolean;
  readonly runtime: RuntimeSettings;
  /** Names of targets; empty: this machine. */
  readonly targets: readonly string[];
  /** Modules imported before any application. */
  readonly preload: readonly string[];
  /** Templates of one argument per line; undefined: `rel/vm.args` where it is there. */
  readonly vmArgs: string | undefined;
  readonly remoteVmArgs: string | undefined;
  /** Templates; undefined: `rel/env.sh`, `rel/env.bat` where they are there. */
  readonly envScript: { readonly sh: string | undefined; readonly bat: string | undefined };
  /** Folder of hooks; undefined: `rel/hooks` where it is there. */
  readonly hooks: string | undefined;
  /** Folder of custom commands; undefined: `rel/commands`, then `commands`, where it is there and this is a service. */
  readonly commands: string | undefined;
  /** `config/config.ts`; undefined where there is none. */
  readonly buildConfig: string | undefined;
  /** `config/runtime.ts`; undefined where there is none. */
  readonly runtimeConfig: string | undefined;
  /** Names that `config/config.ts` may read from `process.env` without a warning. */
  readonly buildEnv: readonly string[];
  readonly requiredEnv: readonly (string | readonly string[])[];
  /** Values inlined when code is built: name in the source → value. */
  readonly define: Readonly<Record<string, unknown>>;
  readonly validateCompileEnv: boolean;
  /** How `link` instructions are meant. Default: `embedded`. */
  readonly mode: 'embedded' | 'interactive';
  /** Milliseconds. */
  readonly shutdownTimeout: number;
  /** Milliseconds that a version which was replaced has for those who are still connected; undefined: the boot's default. */
  readonly drainTimeout: number | undefined;
  readonly cookie: string | undefined;
  readonly skipModeValidationFor: readonly string[];
  /** Globs of files that are left out, relative to each first-party package. */
  readonly exclude: readonly string[];
  /** Names of packages that are left out with what only they need. */
  readonly excludePackages: readonly string[];
  /** What programs do without is left out of the packages of others; false: it stays. */
  readonly strip: StripSettings | false;
  /** Versions, directories and tars that the steps `appup` and `relup` lead from; []: the latest that is there. */
  readonly upgradeFrom: readonly string[];
  readonly wrap: WrapSettings;
  /** Where executables go, and what comes with them. */
  readonly publish: PublishSettings;
  /** How executables update themselves; undefined: they do not. */
  readonly update: UpdatePolicy | undefined;
  /** Called around the steps with the release; what they throw ends the build. */
  readonly buildHooks: Readonly<Partial<Record<BuildHook, readonly ((release: Release) => unknown)[]>>>;
  /** Besides ours. */
  readonly checks: readonly Check[];
}

export type BuildHook = 'beforeAssembly' | 'afterAssembly' | 'beforePackage' | 'afterPackage';

/** Says whether a release is as it should be. Warnings are errors with `--warnings-as-errors`. */
export type Check = (release: Release) => CheckResult | Promise<CheckResult>;
export type CheckResult =
  | undefined
  | { readonly level: 'warning' | 'error'; readonly message: string }
  | readonly { readonly level: 'warning' | 'error'; readonly message: string }[];

export interface PublishSettings {
  readonly github: GitHubRepository | undefined;
  /** Where the published folder is served, with a slash at the end. */
  readonly url: string | undefined;
  /** What a version is tagged as, with `{version}`. */
  readonly tag: string;
  /** Whether `releases/latest` of the repository may lead to it: of several releases that share one, to one alone. */
  readonly isMain: boolean;
  /** Absolute; undefined: CHANGELOG.md where it is there; false: notes come from elsewhere. */
  readonly changelog: string | false | undefined;
  /** Globs of what lies beside the executable in archives; undefined: readme and licence. */
  readonly include: readonly string[] | undefined;
  /** What is written for package managers. */
  readonly packagers: PackagerSettings;
}

/** False: nothing is written for it. Homebrew and Scoop need nothing but what the release says. */
export interface PackagerSettings {
  readonly homebrew?: false | undefined;
  readonly scoop?: false | undefined;
  readonly winget?: { readonly id: string; readonly publisher?: string | undefined } | undefined;
  readonly npm?: true | { readonly name: string } | undefined;
}

export interface GitHubRepository {
  /** `owner/name`. */
  readonly repository: string;
  /** Of the server, without a slash at the end. */
  readonly url: string;
  /** Of its API, without a slash at the end. */
  readonly api: string;
}

export interface UpdatePolicy {
  /** Minisign's `RW…`. */
  readonly publicKeys: readonly string[];
  readonly channel: string;
}

/** Patterns in the syntax of `.gitignore`: paths in the release, or in a package behind its name. */
export interface StripSettings {
  /** What stays. */
  readonly keep: readonly string[];
  /** What goes, too. */
  readonly also: readonly string[];
}

export interface RuntimeSettings {
  /** Version, range, path or address; undefined: `engines.node` where it narrows, else the wrapper's own. */
  readonly version: string | undefined;
  /** False: the host's Node of the same line is used. */
  readonly include: boolean;
  readonly perTarget: boolean;
  /** Whether the symbol table of a Linux runtime is dropped. */
  readonly strip: boolean;
}

/** What `wrap` of packages/wrapper takes besides a directory and targets. */
export interface WrapSettings {
  readonly keep: number | undefined;
  /** The word for the stub's own subcommands; false: none. */
  readonly maintenance: string | false | undefined;
  readonly nodeOptions: 'pass' | 'ignore' | undefined;
  /** Patterns of files that a repair of the install leaves as the program made them; undefined: none. */
  readonly mutable: readonly string[] | undefined;
  readonly compileCache:
    | boolean
    | { readonly children?: boolean | undefined; readonly build?: boolean | readonly string[] | undefined }
    | undefined;
  readonly snapshot: boolean | undefined;
  readonly compression: 'fast' | 'balanced' | 'best' | 'smallest' | 'none' | undefined;
  readonly engine: 'stub' | 'pkg' | undefined;
  /** Languages whose data stays in the embedded runtime; undefined: all. */
  readonly locales: readonly string[] | undefined;
  readonly addons: {
    /** Builds a package's native addon for another target where nothing built can be had. */
    readonly rebuild: Command | undefined;
    /** Patterns of native files that are not held to the target. */
    readonly skip: readonly string[];
    /** Patterns of files for other targets that stay. */
    readonly keep: readonly string[];
  };
  readonly macos: { readonly sign: Command | undefined };
  readonly windows: {
    readonly sign: Command | undefined;
    /** An `.ico` file. */
    readonly icon: string | undefined;
    /** An application manifest instead of ours. */
    readonly manifest: string | undefined;
    readonly subsystem: 'console' | 'gui' | undefined;
    /** Strings of the version information, over those of `package.json`. */
    readonly version: Readonly<Record<string, string>>;
  };
  /** Whether the executable of the build's own target is started once, and with which arguments. */
  readonly verify: boolean | readonly string[] | undefined;
  /** Phase → functions around ours, and instead of ours; the wrapper checks and calls them. */
  readonly extraSteps: Readonly<Record<string, unknown>>;
  readonly phases: Readonly<Record<string, unknown>>;
}

/** A line for the shell, or a program and its arguments. `{file}`, `{target}`, … are replaced. */
export type Command = string | readonly string[];

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
  readonly kind: ReleaseKind;
  /** Program name → the file that Node executes for it, relative to the root, with `/`. */
  readonly entries: Readonly<Record<string, string>>;
  /** In the order in which they start; empty for programs that are only run. */
  readonly applications: readonly BootApplication[];
  readonly packages: readonly ReleasePackage[];
  /** How many files and links there are. */
  readonly files: number;
  readonly bytes: number;
  /** The heaviest folders, heaviest first: packages, and the top-level folders of first-party ones. */
  readonly largest: readonly { readonly path: string; readonly bytes: number }[];
  readonly notes: readonly string[];
}
