import { isPlainObject } from './deep-merge.ts';
import { isEnvMarker, isLikeEnvMarker, KINDS, readEnv } from './env.ts';
import { isSecretName } from './secrets.ts';

/** A marker of `env(name, type)` whose variable is not set or says nothing of that type. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  readonly code = 'INVALID_VARIABLE';
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Puts the values of variables where markers are. Throws EnvironmentError: every key that could not be read, with its variable. */
export function resolveEnvMarkers<Value>(configuration: Value, env: Variables): Value {
  const problems: string[] = [];
  const resolved = resolve(configuration, [], env, problems);
  if (problems.length > 0) throw new EnvironmentError(problems.join('\n'));
  return resolved as Value;
}

function resolve(value: unknown, keys: readonly string[], env: Variables, problems: string[]): unknown {
  if (isLikeEnvMarker(value)) return resolveMarker(value, keys, env, problems);
  if (Array.isArray(value))
    return value.map((item, index) => resolve(item, [...keys, String(index)], env, problems));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, resolve(inner, [...keys, key], env, problems)]),
  );
}

function resolveMarker(
  marker: { readonly $env: unknown },
  keys: readonly string[],
  env: Variables,
  problems: string[],
): unknown {
  if (!isEnvMarker(marker)) {
    problems.push(
      `${keys.join('.')} is ${JSON.stringify(marker)}; expected { "$env": { "name": …, "type": … } } with a type of ` +
        `${Object.keys(KINDS).join(', ')}.`,
    );
    return undefined;
  }
  const { name, type, default: fallback } = marker.$env;
  const text = env[name];
  if (!text) {
    if (fallback === undefined)
      problems.push(
        `${keys.join('.')} needs the variable ${name} (${type}), which is ${text === '' ? 'empty' : 'not set'}.`,
      );
    return fallback;
  }
  const read = readEnv(text, type);
  if (read === undefined) {
    problems.push(
      `${keys.join('.')} is read from the variable ${name}, which should be ${KINDS[type]}; found ${shown(text, name)}.`,
    );
  }
  return read?.value;
}

function shown(text: string, variable: string): string {
  return isSecretName(variable) ? 'something else' : JSON.stringify(text);
}
