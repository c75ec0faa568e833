import { isPlainObject } from '@sarma/app/internal';
import type { z } from 'zod';
import { ReleaseError, type ReleaseErrorCode } from '../error.ts';
import type { ReleaseConfig, SarmaConfig } from './sarma-config.ts';

// What a value must be is in schema.ts, which takes a while to load and is asked only where there is a configuration.

/** A whole configuration. `at` are the keys that lead to it. Throws ReleaseError CONFIG_INVALID. */
export async function checkConfig(
  value: unknown,
  file: string,
  at: readonly string[] = [],
): Promise<SarmaConfig> {
  const { configSchema } = await import('./schema.ts');
  return checked(configSchema, value, file, at);
}

/** One release. Throws ReleaseError CONFIG_INVALID. */
export async function checkRelease(
  value: unknown,
  file: string,
  at: readonly string[],
): Promise<ReleaseConfig> {
  const { releaseSchema } = await import('./schema.ts');
  return checked(releaseSchema, value, file, at);
}

/** A hook that is a JSON file. Throws ReleaseError CONFIG_INVALID. */
export async function checkReadyMadeHook(
  value: unknown,
  file: string,
): Promise<{ readonly pidFile?: string }> {
  const { readyMadeHookSchema } = await import('./schema.ts');
  return checked(readyMadeHookSchema, value, file, []);
}

/**
 * What a file holds. `at` are the keys that lead to it. Throws ReleaseError `code`: the message names the file, the key,
 * what was found and what was expected, one line for each mistake.
 */
export function checked<Value>(
  schema: z.ZodType,
  value: unknown,
  file: string,
  at: readonly string[],
  code: ReleaseErrorCode = 'CONFIG_INVALID',
): Value {
  const result = schema.safeParse(value, { error: () => 'expected JSON' });
  if (result.success) return result.data as Value;
  const lines = result.error.issues.flatMap(plainIssues).map(({ path, message }) => {
    const key = keyPath([...at, ...path]);
    return `${key === '' ? '' : `${key}: `}${withFound(message, valueAt(value, path))}`;
  });
  throw new ReleaseError(
    code,
    lines.length === 1 ? `${file}: ${lines[0]}` : `${file}:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  );
}

/** What was expected, then what was found, then the advice that may stand behind a semicolon. */
function withFound(message: string, value: unknown): string {
  if (!message.startsWith('expected')) return message;
  return message.replace(/;|$/, (end) => `, found ${shown(value)}${end}`);
}

interface PlainIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Of several forms, the mistakes in the one that was meant, where that can be told. */
function plainIssues(issue: z.core.$ZodIssue): readonly PlainIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const inner = issue.errors.map((issues) => issues.flatMap((one) => plainIssues(one as z.core.$ZodIssue)));
  const meant = inner.filter((issues) => issues.some((one) => one.path.length > 0 || isAboutKeys(one)));
  if (meant.length !== 1) return [issue];
  return meant[0]!.map(({ path, message }) => ({ path: [...issue.path, ...path], message }));
}

function isAboutKeys({ message }: PlainIssue): boolean {
  return /is no key here|^expected exactly one of the keys/.test(message);
}

function keyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    if (!/^[\w$]+$/.test(String(key))) return `${text}[${JSON.stringify(key)}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], value);
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !isPlainObject(value))
    return `a ${value.constructor?.name ?? 'strange object'}`;
  const text =
    JSON.stringify(value, (_, inner) => (typeof inner === 'function' ? '…' : inner)) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
