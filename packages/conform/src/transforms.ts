/** Computes a value of the configuration from the others. Undefined: there is none. */
export type Transform = (conf: Conf) => unknown;

/** One value of the configuration on its way. */
export interface Entry {
  /** Where it goes: `['lager', 'handlers', 'file', 'error']`. */
  readonly path: readonly string[];
  /** What the wildcards of the query stood for: by the name of `$name`, or `1`, `2`, … for each `*`. */
  readonly wildcards: Readonly<Record<string, string>>;
  readonly value: unknown;
}

/** All values of the configuration by where they go, as far as they are computed. */
export interface Conf {
  /** The value that goes there, or of what goes below there an object; undefined where there is nothing. */
  get(path: string): unknown;
  /** Values that go there or below there. `*` and `$name` stand for any name: `'lager.handlers.$backend'`. */
  find(query: string): readonly Entry[];
  /** Takes out what `find` finds. */
  remove(query: string): void;
}
