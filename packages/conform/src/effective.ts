import {
  deepMerge,
  isEnvMarker,
  isLikeEnvMarker,
  isPlainObject,
  masked,
  resolveEnvMarkers,
} from '@sarma/app/internal';
import type { ConfFile } from './conf-file.ts';
import { describeProblem } from './error.ts';
import { printKey } from './key.ts';
import type { Schema } from './schema.ts';
import { describeSource, type Source } from './source.ts';
import { translate } from './translate.ts';

type Configuration = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Variables = Readonly<Record<string, string | undefined>>;

/** What a configuration is made of. */
export interface EffectiveInput {
  /** What `config/config.ts` came to, with the markers of `env()` in it. */
  readonly build: Configuration;
  readonly schemas: readonly Schema[];
  /** In the order of the schemas. */
  readonly confs: readonly ConfFile[];
  readonly env: Variables;
}

/** A value of the configuration, as it may be shown. */
export interface EffectiveEntry {
  /** Application and keys. */
  readonly path: readonly string[];
  /** The same with dots. */
  readonly key: string;
  /** A secret is masked; undefined for a variable that is not set here. */
  readonly value: unknown;
  /** `config/kv.prod.conf:12`, `$KV_PORT`, `default`, `transform`, `build`. */
  readonly source: string;
}

export interface Effective {
  readonly entries: readonly EffectiveEntry[];
  readonly warnings: readonly string[];
}

/**
 * What results of the build-time configuration and a `.conf` file, and where each value comes from. Throws ConformError
 * for what a service would not start with.
 */
export function effective({ build, schemas, confs, env }: EffectiveInput): Effective {
  const below = withVariables(build, env);
  const { configuration, sources, warnings } = translate(confs, schemas, { env, below });
  const merged = masked(deepMerge(below, configuration));
  const leaves = findLeaves([], merged, (path) => sources.has(printKey(path)));
  return {
    entries: leaves.map(({ path, value }) => ({
      path,
      key: printKey(path),
      value,
      source: sourceOf(path, [...sources.values()]) ?? buildSource(path, build, env),
    })),
    warnings: warnings.map(describeProblem),
  };
}

/** Markers of `env()` become their values; undefined for a variable that is not set here, or is none of its type. */
function withVariables<Value>(value: Value, env: Variables): Value {
  if (isLikeEnvMarker(value)) {
    try {
      return resolveEnvMarkers(value, env) as Value;
    } catch {
      return undefined as Value;
    }
  }
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withVariables(inner, env)]),
  ) as Value;
}

interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** Values that have a source, and those that are no objects. */
function findLeaves(
  path: readonly string[],
  value: unknown,
  hasSource: (path: readonly string[]) => boolean,
): readonly Leaf[] {
  const isLeaf = !isPlainObject(value) || (path.length > 1 && Object.keys(value).length === 0);
  if (isLeaf || (path.length > 0 && hasSource(path))) return [{ path, value }];
  return Object.entries(value).flatMap(([key, inner]) => findLeaves([...path, key], inner, hasSource));
}

/** That of the value itself; of an object that is masked as a whole, of all in it. Undefined for what no schema has set. */
function sourceOf(path: readonly string[], sources: readonly Source[]): string | undefined {
  const within = sources.filter((source) => path.every((part, index) => source.path[index] === part));
  return within.length === 0 ? undefined : [...new Set(within.map(describeSource))].join(', ');
}

function buildSource(path: readonly string[], build: Configuration, env: Variables): string {
  const value = path.reduce<unknown>(
    (inner, key) => (isPlainObject(inner) && !isLikeEnvMarker(inner) ? inner[key] : inner),
    build,
  );
  if (!isLikeEnvMarker(value) || !isEnvMarker(value)) return 'build';
  const { name, default: fallback } = value.$env;
  if (env[name]) return `$${name}`;
  return fallback === undefined ? `$${name}, which is not set` : 'build';
}
