import type { z } from 'zod';
import { ReleaseError } from '../error.ts';

/**
 * The value as the type that the schema stands for. Throws ReleaseError CONFIG_INVALID, which names the file, the key,
 * what was found and what was expected, one line for each mistake.
 */
export function checked<Value>(
  schema: z.ZodType,
  value: unknown,
  file: string,
  at: readonly PropertyKey[] = [],
): Value {
  const result = schema.safeParse(value, { error: () => 'expected JSON' });
  if (result.success) return result.data as Value;
  const lines = result.error.issues.flatMap(plainIssues).map(({ path, message }) => {
    const key = keyPath([...at, ...path]);
    return `${key === '' ? '' : `${key}: `}${withFound(message, valueAt(value, path))}`;
  });
  throw new ReleaseError(
    'CONFIG_INVALID',
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
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !isPlain(value))
    return `a ${value.constructor?.name ?? 'strange object'}`;
  const text =
    JSON.stringify(value, (_, inner) => (typeof inner === 'function' ? '…' : inner)) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
