/** What the boot tells the program it starts; on `globalThis[Symbol.for('sarma.release')]`, since bundles hold several copies of this package. */
export interface ReleaseState {
  /** Undefined outside a release (`sarma run`, tests). */
  readonly release: ReleaseInfo | undefined;
  /** The wrapped executable, or `bin/<name>`. */
  readonly binPath: string | undefined;
  /** Application → its configuration. Replaced as a whole by `reload_config`. */
  configuration: Configuration;
}

export interface ReleaseInfo {
  readonly name: string;
  readonly version: string;
  readonly root: string;
  /** The node's name. */
  readonly node: string;
  /** Where the program may write: logs, databases. */
  readonly mutableDirectory: string;
}

/** Application → key → value. */
export type Configuration = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const STATE = Symbol.for('sarma.release');

export function releaseState(): ReleaseState | undefined {
  return (globalThis as { [STATE]?: ReleaseState })[STATE];
}

export function setReleaseState<State extends ReleaseState | undefined>(state: State): State {
  Object.assign(globalThis, { [STATE]: state });
  return state;
}
