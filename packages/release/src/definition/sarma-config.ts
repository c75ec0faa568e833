import type { ApplicationMode } from '@sarma/boot';
import type {
  Check,
  CodeMode,
  Command,
  Overlay,
  Release,
  ReleaseKind,
  Step,
  WrapSettings,
} from '../release.ts';

/**
 * What `sarma.config.ts` exports: the releases of a project. Keys of a release at the top are shared by all of them;
 * what a release says is merged over that, and what the environment says over both. Objects are merged key by key,
 * everything else (lists too) is replaced. Paths are relative to the project.
 */
export interface SarmaConfig extends SharedConfig {
  /** Where editors find the JSON Schema. */
  readonly $schema?: string;
  /** Which release is meant when none is named. Default: the only one. */
  readonly defaultRelease?: string;
  /**
   * Which environment is meant when neither `--env` nor `SARMA_ENV` names one; to `sarma run` and `sarma eval` that is
   * always `dev`. Default: `prod`.
   */
  readonly defaultEnvironment?: string;
  /** Name → release, or a function that is called when it is wanted. Default: one, made of what `package.json` says. */
  readonly releases?: Readonly<
    Record<string, ReleaseConfig | ((context: ConfigContext) => ReleaseConfig | Promise<ReleaseConfig>)>
  >;
  /** Name → what it changes of every release. Default: `prod` and nothing changed. */
  readonly environments?: Readonly<Record<string, SharedConfig>>;
}

/** What a configuration that is a function, or a release that is one, is called with. */
export interface ConfigContext {
  /** The environment; for the configuration itself undefined where neither `--env` nor `SARMA_ENV` names one. */
  readonly environment: string | undefined;
}

/** One release. */
export interface ReleaseConfig extends SharedConfig {
  /** Another release whose keys are taken where this one has none. Default: none. */
  readonly extend?: string;
}

/** What can be said of one release, of all of them, and of an environment. Every key has a default. */
export interface SharedConfig {
  /** Default: `service` where there are applications, else `cli`. */
  readonly kind?: ReleaseKind;
  /** Default: that of `package.json`, or 0.0.0. */
  readonly version?: VersionConfig;
  /** The file to run; a service needs none. Default: `bin`, `main`, `scripts.start` or `index` of the project. */
  readonly entry?: string;
  /** The programs of `bin` to take. Default: the only one, or the one named like the release or the package. */
  readonly bin?: string | readonly string[];
  /**
   * Packages that start with the release → what their end means; a list starts them as `permanent`. Default: the
   * project itself, where its `package.json` has `sarma.application`.
   */
  readonly applications?: Readonly<Record<string, ApplicationMode>> | readonly string[];
  /** Applications that may be `load` or `none` though a permanent one depends on them. Default: none. */
  readonly skipModeValidationFor?: readonly string[];
  /** `copy`: files as they are; `bundle`: one file per entry. Default: `copy`. */
  readonly code?: CodeMode;
  /** Node itself. */
  readonly runtime?: RuntimeConfig;
  /**
   * `assemble` exactly once; `appup`, `relup`, `tar` and `wrap` after it, in this order; functions from a release to a
   * release anywhere. Default: `['assemble', 'wrap']`.
   */
  readonly steps?: readonly Step[];
  /**
   * What the steps `appup` and `relup` lead from: versions, assembled directories or tars. Default: the latest earlier
   * version in `path` and among the outputs.
   */
  readonly upgradeFrom?: string | readonly string[];
  /** Names of targets, or `all`. Default: this machine. */
  readonly targets?: readonly string[];
  /** Where the release is assembled. Default: `_build/<environment>/rel/<name>`. */
  readonly path?: string;
  /** What lies over the assembled release, behind `rel/overlays`. Default: nothing. */
  readonly overlays?: readonly Overlay[];
  /** Variables of templates, besides those that every template has. Default: none. */
  readonly overlayVars?: Readonly<Record<string, unknown>>;
  /** Modules that give configuration at boot, in their order: a package, or a file of the project. Default: none. */
  readonly configProviders?: readonly (string | { readonly module: string; readonly options?: unknown })[];
  /** Evaluated when the release is assembled. Default: `config/config.ts` of a project that uses Sarma; false: none. */
  readonly buildConfig?: string | false;
  /** Evaluated at every boot. Default: `config/runtime.ts` of a project that uses Sarma; false: none. */
  readonly runtimeConfig?: string | false;
  /** Variables that `buildConfig` may read from `process.env` without a warning. Default: none. */
  readonly buildEnv?: readonly string[];
  /** Variables that must be set at boot; of a list in the list, one. Default: none. */
  readonly requiredEnv?: readonly (string | readonly string[])[];
  /** Values inlined when code is built: what the source says → JSON. Default: none. */
  readonly define?: Readonly<Record<string, unknown>>;
  /** Whether a boot stops when its configuration differs from what `define` inlined. Default: true. */
  readonly validateCompileEnv?: boolean;
  /** Modules imported before any application: a package, or a file of the project. Default: none. */
  readonly preload?: readonly string[];
  /** Template of arguments for Node, one per line. Default: `rel/vm.args` where it is there. */
  readonly vmArgs?: string;
  /** The same for commands that do not start the release. Default: `rel/remote.vm.args` where it is there. */
  readonly remoteVmArgs?: string;
  /** Templates of scripts that set the environment. Default: `rel/env.sh` and `rel/env.bat` where they are there. */
  readonly envScript?: { readonly sh?: string; readonly bat?: string };
  /** Folder of hooks. Default: `rel/hooks` where it is there. */
  readonly hooks?: string;
  /** Folder of custom commands. Default for a service: `rel/commands` or `commands`, where it is there. */
  readonly commands?: string;
  /** `embedded`: all code is compiled at start; `interactive`: when it is used. Default: `embedded`. */
  readonly mode?: 'embedded' | 'interactive';
  /** How many milliseconds the applications have to stop. Default: 10000. */
  readonly shutdownTimeout?: number;
  readonly upgrade?: {
    /**
     * How many milliseconds the old version has for the clients that are still connected when the new one has taken over.
     * Default: 30000.
     */
    readonly drainTimeout?: number;
  };
  /**
   * A secret between the commands and the running node; here everybody who gets the release can read it. Default: one
   * made at the first start.
   */
  readonly cookie?: string;
  /** What is left out of each package of the project, as `.gitignore` would say it. Default: nothing more than usual. */
  readonly exclude?: readonly string[];
  /** Packages that are left out, with what only they need, though something depends on them. Default: none. */
  readonly excludePackages?: readonly string[];
  /**
   * Whether tests, documentation, type declarations and source maps are left out of the packages of others, and what is
   * there for other targets. `keep` names what stays all the same, `also` what else goes, as `.gitignore` would, by the
   * path in the release or behind the package's name. Default: true.
   */
  readonly strip?: boolean | { readonly keep?: readonly string[]; readonly also?: readonly string[] };
  /** Links instead of copies, for trying things out on this machine: nothing is packed. Default: false. */
  readonly devMode?: boolean;
  /** The executables. */
  readonly wrap?: Partial<WrapConfig>;
  /** Where `sarma publish` puts the executables. */
  readonly publish?: PublishConfig;
  /** That executables can update themselves (`maintenance update`), from where they are published. Default: they cannot. */
  readonly update?: UpdateConfig;
  /** Functions called around steps; what they throw ends the build. Default: none. */
  readonly buildHooks?: BuildHooksConfig;
  /** Functions that say whether the release is as it should be, besides ours. Default: none. */
  readonly checks?: readonly Check[];
}

/** A version, or where it stands. */
export type VersionConfig =
  | string
  /** The `version` of a package: the project, one of its workspaces or dependencies. */
  | { readonly from: string }
  /** The commit's hash, or the nearest tag: `1.2.0`, and `1.2.0+build.3.ref0a1b2c3` three commits later. */
  | { readonly git: 'short' | 'long' | 'tag' }
  /** The text of a file. */
  | { readonly file: string }
  /** What a shell command prints. */
  | { readonly command: string };

export interface RuntimeConfig {
  /** Version, range, path or address. Default: `engines.node` where it narrows, else the newest 24 that all targets have. */
  readonly version?: string;
  /** False: the host's Node is used; a path: that Node is. Default: true. */
  readonly include?: boolean | string;
  /** Lets targets have different versions. Default: false. */
  readonly perTarget?: boolean;
  /** Drops the symbol table of Linux runtimes, a sixth of their size. Default: true. */
  readonly strip?: boolean;
}

export interface WrapConfig {
  /** How many versions stay installed. Default: 2. */
  readonly keep: number;
  /** The word for what the executable itself can do; false: none. Default: `maintenance`. */
  readonly maintenance: string | false;
  /** Whether `NODE_OPTIONS` reaches the program. Default: `pass`. */
  readonly nodeOptions: 'pass' | 'ignore';
  /** Files of its own that the program writes to, as in `.gitignore`: a repair leaves what it made of them. Default: none. */
  readonly mutable: readonly string[];
  /**
   * V8's compile cache, which the first run of a program of more than 200 KB of JavaScript leaves in its install and every later
   * one starts faster by. `children`: workers and child processes use it too, by `NODE_COMPILE_CACHE` in the program's environment.
   * `build`: it is filled while wrapping, for the target of this machine; arguments: by a run of each program with them.
   * Default: true, neither of the two.
   */
  readonly compileCache:
    | boolean
    | { readonly children?: boolean; readonly build?: boolean | readonly string[] };
  /**
   * Programs start from a start-up snapshot, made while wrapping by Node's `--build-snapshot` of the entry, which has to call
   * `v8.startupSnapshot.setDeserializeMainFunction`. For the target of this machine. Default: false.
   */
  readonly snapshot: boolean;
  /** Default: `balanced` for this machine, else `best`. */
  readonly compression: NonNullable<WrapSettings['compression']>;
  /** `pkg`: a single-executable application of `@yao-pkg/pkg`, which unpacks nothing. Default: `stub`. */
  readonly engine: NonNullable<WrapSettings['engine']>;
  /** Languages whose data stays in the embedded runtime (`['en', 'de']`). Default: all. */
  readonly locales: readonly string[];
  readonly addons: {
    /** Builds the native addon of a package for another target where nothing built can be had. */
    readonly rebuild?: Command;
    /** Patterns of native files that are not held to the target. */
    readonly skip?: readonly string[];
  };
  readonly macos: {
    /** Signs the finished executable: `rcodesign sign --p12-file cert.p12 {file}`. */
    readonly sign?: Command;
  };
  readonly windows: {
    /** Signs the finished executable; `{file}` is its path. */
    readonly sign?: Command;
    /** An `.ico` file. */
    readonly icon?: string;
    /** An application manifest instead of ours. */
    readonly manifest?: string;
    /** Default: `console`. */
    readonly subsystem?: 'console' | 'gui';
    /** Strings of the version information, over those of `package.json`: `{ CompanyName: 'Ours' }`. */
    readonly version?: Readonly<Record<string, string>>;
  };
  /** Starts the executable of this machine once it is made, with these arguments. Default: false. */
  readonly verify: boolean | readonly string[];
  /** Functions around those of a phase: `{ patch: { pre: [addLicence] } }`. Default: none. */
  readonly extraSteps: WrapSettings['extraSteps'];
  /** Functions instead of those of a phase. Default: none. */
  readonly phases: WrapSettings['phases'];
}

export interface BuildHooksConfig {
  readonly beforeAssembly?: BuildHookConfig;
  readonly afterAssembly?: BuildHookConfig;
  /** Before the first of `tar` and `wrap`. */
  readonly beforePackage?: BuildHookConfig;
  /** After the last of `tar` and `wrap`. */
  readonly afterPackage?: BuildHookConfig;
}

export type BuildHookConfig = ((release: Release) => unknown) | readonly ((release: Release) => unknown)[];

/** A configuration, or a function that gives one. */
export type SarmaConfigExport =
  | SarmaConfig
  | ((context: ConfigContext) => SarmaConfig | Promise<SarmaConfig>);

/** Gives back what it gets: for the types in `sarma.config.ts`. */
export function defineConfig<Config extends SarmaConfigExport>(config: Config): Config {
  return config;
}

/** Where executables are published, and what comes with them. */
export interface PublishConfig {
  /**
   * The repository on GitHub whose releases they are, `owner/name`; with `url` on an Enterprise server, whose API is at
   * `<url>/api/v3`, or at `api`. Default: none.
   */
  readonly github?: string | { readonly repository: string; readonly url?: string; readonly api?: string };
  /** Where the folder that `sarma publish` writes is served: `https://example.org/hello/`. Default: nowhere. */
  readonly url?: string;
  /**
   * What a version is tagged as, with `{version}`, and `{name}` for the release's name. Default: `v{version}`; where the project has
   * several releases, and this one no `publish.github` of its own, `{name}-v{version}`.
   */
  readonly tag?: string;
  /** Its section of a version becomes the notes; false: there are none. Default: `CHANGELOG.md`, where it is there. */
  readonly changelog?: string | false;
  /** Files of the project that lie beside the executable in an archive: globs. Default: README and licence. */
  readonly include?: readonly string[];
  /** False: no formula for Homebrew is written. */
  readonly homebrew?: false;
  /** False: no manifest for Scoop is written. */
  readonly scoop?: false;
  /** Manifests for winget, under `Publisher.Program`. Default: none. */
  readonly winget?: { readonly id: string; readonly publisher?: string };
  /** npm packages that bring the executable of the machine they are installed on; true: called like the release. Default: none. */
  readonly npm?: true | { readonly name: string };
}

export interface UpdateConfig {
  /** Public keys of minisign (`RW…`), or files with one: a version that one of them has signed is taken. */
  readonly publicKey: string | readonly string[];
  /** Whose newest version is taken, if `latest` has no newer one: `beta` has all those like 1.3.0-beta.2. Default: `latest`. */
  readonly channel?: string;
}
