import { AppError } from './error.ts';

/** How the text of an environment variable is read. */
export type EnvType = 'string' | 'integer' | 'number' | 'boolean' | 'list' | 'json';

/** The types, as a message says them. */
export const KINDS: Readonly<Record<EnvType, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false (also 1, yes, on and 0, no, off)',
  list: 'a list with commas',
  json: 'JSON',
};

interface EnvValues {
  string: string;
  integer: number;
  number: number;
  boolean: boolean;
  list: readonly string[];
  json: unknown;
}

/** A value of the configuration that is read from the environment when the release boots. Plain JSON. */
export interface EnvMarker {
  readonly $env: {
    readonly name: string;
    readonly type: EnvType;
    /** Absent: the variable must be set. */
    readonly default?: unknown;
  };
}

/**
 * Stands in `config/config.ts` for what a variable says at every boot, where `process.env` would be read once, when
 * the release is built. Typed as the value it becomes. An empty variable counts as not set.
 *
 * * `integer`, `number`: decimal; `boolean`: `true`, `1`, `yes`, `on` and `false`, `0`, `no`, `off`;
 * * `list`: separated by commas, white space around each dropped; `json`: any JSON.
 *
 * Throws AppError UNKNOWN_TYPE.
 */
export function env<Type extends EnvType = 'string'>(
  name: string,
  type?: Type,
  ...fallback: [] | [EnvValues[Type] | null]
): EnvValues[Type] {
  if (type !== undefined && !Object.hasOwn(KINDS, type))
    throw new AppError(
      'UNKNOWN_TYPE',
      `env('${name}', '${type}'): there is no such type; it may be ${Object.keys(KINDS).join(', ')}.`,
    );
  const [given] = fallback;
  const marker: EnvMarker = {
    $env: { name, type: type ?? 'string', ...(given === undefined ? {} : { default: given }) },
  };
  return marker as unknown as EnvValues[Type];
}

/** Whether a value is meant as a marker. One that was written by hand may still be none. */
export function isLikeEnvMarker(value: unknown): value is { readonly $env: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === '$env';
}

export function isEnvMarker(value: { readonly $env: unknown }): value is EnvMarker {
  const { name, type } = (value.$env ?? {}) as Partial<Record<string, unknown>>;
  return typeof name === 'string' && typeof type === 'string' && Object.hasOwn(KINDS, type);
}

/** What a variable's text means; undefined when it means nothing of that type. */
export function readEnv(text: string, type: EnvType): { readonly value: unknown } | undefined {
  switch (type) {
    case 'string':
      return { value: text };
    case 'integer':
      return /^\s*[+-]?\d+\s*$/.test(text) && Number.isSafeInteger(Number(text))
        ? { value: Number(text) }
        : undefined;
    case 'number':
      return /\d/.test(text) && Number.isFinite(Number(text)) ? { value: Number(text) } : undefined;
    case 'boolean':
      if (/^\s*(true|1|yes|on)\s*$/i.test(text)) return { value: true };
      return /^\s*(false|0|no|off)\s*$/i.test(text) ? { value: false } : undefined;
    case 'list':
      return {
        value: text
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== ''),
      };
    case 'json':
      try {
        return { value: JSON.parse(text) };
      } catch {
        return undefined;
      }
  }
}
