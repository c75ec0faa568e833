// `releases/<version>/boot.json`: what the boot does, instruction by instruction. Written by packages/release, or for
// `sarma run` by the command line from the project's sources. Every path is relative to the release's root and
// written with `/`; those of `sarma run` are absolute.

export interface BootFile {
  readonly format: 1;
  readonly name: string;
  readonly version: string;
  readonly kind: 'cli' | 'service';
  /** No release: its sources, as `sarma run` starts them. `release()` of '@sarma/app' is undefined then. */
  readonly source?: true;
  /** `prod`, `dev`, …: what the release was assembled for. */
  readonly environment: string;
  /** The line of Node it was made for (24); a runtime of another line is refused. Null: any will do. */
  readonly nodeLine: number | null;
  /** Directory of the main package: what `eval`, `rpc` and `remote` import resolves from there. */
  readonly main: string;
  /** Program → its entry, for scripts: releases whose main package has no lifecycle module. */
  readonly programs: Readonly<Record<string, string>>;
  /** The order of things at `start`. */
  readonly instructions: readonly Instruction[];
  /** In the order in which they start. */
  readonly applications: readonly BootApplication[];
  readonly configuration: BootConfiguration;
  readonly commands: readonly BootCommand[];
  /** Scripts in the order in which they run. */
  readonly hooks: Readonly<Partial<Record<HookName, readonly string[]>>>;
  /** Milliseconds that the applications have to stop. */
  readonly shutdownTimeout: number;
  /** Milliseconds that a version which was replaced has for those who are still connected. Default: 30000. */
  readonly upgrade?: { readonly drainTimeout: number };
  /** A cookie written in the configuration; without one the first start makes one. */
  readonly cookie?: string;
}

export type Instruction =
  /** Sys config, providers, `config/runtime.ts`, required variables. */
  | { readonly do: 'configure' }
  /** A module for its side effects: telemetry and the like. */
  | { readonly do: 'preload'; readonly module: string }
  /** Modules that are compiled ahead and not evaluated (`RELEASE_MODE=embedded`). */
  | { readonly do: 'link'; readonly modules: readonly string[] }
  /** Imports an application's lifecycle module. */
  | { readonly do: 'load'; readonly application: string }
  | { readonly do: 'start'; readonly application: string }
  /** Runs a script as its real main. */
  | { readonly do: 'run'; readonly program: string };

export type ApplicationMode = 'permanent' | 'transient' | 'temporary' | 'load' | 'none';

export interface BootApplication {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly mode: ApplicationMode;
  /** The lifecycle module; null for a package that has none. */
  readonly module: string | null;
  /** Applications that start before it and stop after it. */
  readonly dependencies: readonly string[];
  /** Whether its lifecycle module seems to export `codeChange`; not said of one that has no module. */
  readonly codeChange?: boolean;
}

export interface BootConfiguration {
  /** `releases/<version>/sys.config.json`: application → key → value or env marker. */
  readonly sys: string;
  readonly providers: readonly BootProvider[];
  /** The compiled `config/runtime.ts`; null where there is none. */
  readonly runtime: string | null;
  /** A name, or names of which one must be set. */
  readonly requiredEnv: readonly (string | readonly string[])[];
  /** `application.key` → value that was inlined when the release was built. */
  readonly compiled: Readonly<Record<string, unknown>>;
  /** Whether a configuration that differs from `compiled` stops the boot. */
  readonly validateCompileEnv: boolean;
}

export interface BootProvider {
  /** As the configuration named it. */
  readonly name: string;
  readonly module: string;
  /** What its `init` returned when the release was built: JSON. */
  readonly state: unknown;
}

export interface BootCommand {
  readonly name: string;
  readonly module: string;
  readonly description: string;
}

export type HookName = `${'pre' | 'post'}_${'configure' | 'start' | 'stop' | 'upgrade'}`;
