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
}

/** A source of configuration: asked at every boot, before any application is imported. */
export interface Provider<Options = unknown, State = Options> {
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
