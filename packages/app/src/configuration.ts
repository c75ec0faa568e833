import type { Configuration, ReleaseInfo } from './state.ts';

/** What `config/runtime.ts` gets at every boot. */
export interface RuntimeContext {
  /** `prod`, `dev`, …: what the release was assembled for. */
  readonly environment: string;
  /** What build-time configuration and providers came to. */
  readonly configuration: Configuration;
  /** Undefined outside a release. */
  readonly release: ReleaseInfo | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

type Result = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The default export of `config/config.ts`: application → key → value, or a function that returns it. */
export type BuildConfiguration =
  | Result
  | ((context: { readonly environment: string }) => Result | Promise<Result>);

/** The default export of `config/runtime.ts`. */
export type RuntimeConfiguration = Result | ((context: RuntimeContext) => Result | Promise<Result>);

/**
 * Gives `config/config.ts` or `config/runtime.ts` its types; it returns what it is given. A function of
 * `config/config.ts` gets `environment` alone: the rest is not known when a release is built.
 */
export function defineConfiguration<const Value extends RuntimeConfiguration>(value: Value): Value {
  return value;
}

/** What a provider is asked with besides. */
export interface ProviderContext {
  /** Where the host's own configuration lies: `RELEASE_CONFIG_DIR`, or the state directory. */
  readonly configDirectory: string;
  /** Where the modules and files of the release's providers lie: `modules` and `files` of a provider. */
  readonly directory: string;
  /**
   * May be called for values that `load` returns: application and keys, and where the value comes from, as a person
   * is told (`config effective --sources`).
   */
  readonly onSource?: (keys: readonly string[], where: string) => void;
}

/** What a provider is told of the release that is built. */
export interface ProviderBuild {
  /** Where the project lies. */
  readonly project: string;
  /** `prod`, `dev`, …: what the release is assembled for. */
  readonly environment: string;
  /** Option of `modules` → what each module that it names exports. */
  readonly modules: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
}

/** A source of configuration: asked at every boot, before any application is imported. */
export interface Provider<Options = unknown, State = Options> {
  /**
   * Options that name a module of the project, or a list of them. Each is compiled into the release with all that it
   * imports, as one file: `config/kv.schema.ts` is `kv.schema.mjs` in the `directory` of `load`.
   */
  readonly modules?: readonly string[];
  /** Called once, when the release is built: name → text of files that lie in the `directory` of `load`. */
  files?(
    options: Options,
    build: ProviderBuild,
  ): Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** Called once, when the release is built, with the options of the configuration; returns JSON for `load`. */
  init?(options: Options): State | Promise<State>;
  /** Returns what is laid over the configuration so far. What it throws ends the boot. */
  load(configuration: Configuration, state: State, context: ProviderContext): Result | Promise<Result>;
}

/** Gives a provider its types; it returns what it is given. */
export function defineProvider<Options = unknown, State = Options>(
  provider: Provider<Options, State>,
): Provider<Options, State> {
  return provider;
}
