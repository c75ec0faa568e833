import { defineProvider } from '../configuration.ts';
import { AppError } from '../error.ts';

export interface EnvOptions {
  /** Only variables that begin with it, and it does not belong to the key. Without `application`: to the application. */
  readonly prefix: string;
  /** Whose keys they are. Without it, the application is what stands before the first `__`. */
  readonly application?: string;
}

/**
 * The provider `@sarma/app/providers/env`: variables of the environment as configuration. `__` goes one level down,
 * names become lower case, values are JSON where they parse and text elsewhere.
 *
 * * `{ prefix: 'KV__', application: 'kv' }`: `KV__PORT=4040` is `kv.port`, `KV__POOL__SIZE=5` is `kv.pool.size`;
 * * `{ prefix: 'APP_' }`: `APP_KV__PORT=4040` is `kv.port`.
 */
export default defineProvider<EnvOptions>({
  init(options) {
    if (typeof options?.prefix !== 'string' || (options.prefix === '' && options.application === undefined)) {
      throw new AppError(
        'PROVIDER_OPTIONS',
        "The environment provider needs options: { prefix: 'KV__', application: 'kv' }.",
      );
    }
    return options;
  },

  load(_configuration, { prefix, application }) {
    const configuration: Tree = new Map();
    for (const [name, text] of Object.entries(process.env)) {
      if (text === undefined || !name.startsWith(prefix) || name === prefix) continue;
      const levels = name.slice(prefix.length).toLowerCase().split('__');
      const keys = application === undefined ? levels : [application, ...levels];
      if (keys.length > 1 && !keys.includes('')) put(configuration, keys, jsonOrText(text));
    }
    return toObject(configuration) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  },
});

type Tree = Map<string, unknown>;

/** What is more exact wins: `KV__POOL__SIZE` over a `KV__POOL`. */
function put(tree: Tree, keys: readonly string[], value: unknown): void {
  const [key, ...rest] = keys as [string, ...string[]];
  const below = tree.get(key);
  if (rest.length > 0) {
    const branch: Tree = below instanceof Map ? below : new Map();
    tree.set(key, branch);
    put(branch, rest, value);
  } else if (!(below instanceof Map)) {
    tree.set(key, value);
  }
}

function toObject(tree: Tree): Record<string, unknown> {
  return Object.fromEntries(
    [...tree].map(([key, value]) => [key, value instanceof Map ? toObject(value) : value]),
  );
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
