import { isPlainObject } from './deep-merge.ts';

export const MASK = '********';

const SECRET_NAME = /passw|passphrase|pwd|secret|token|cookie|credential|private|dsn|salt|auth$|key$/i;
/** `scheme://user:password@host`. */
const PASSWORD_IN_URL = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/gi;
/** `password=…` in a query or a connection string. */
const SECRET_IN_TEXT = /\b(\w*(?:passw\w*|pwd|secret|token|key)\s*=\s*)[^\s&;]+/gi;

/** Whether what goes by this name (a key, a variable) is nobody's business. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * A configuration as it may be shown: values of keys that are called like secrets are masked whole, in other texts
 * passwords in addresses and connection strings. True, false, null and empty texts tell nothing and stay.
 */
export function masked<Value>(configuration: Value): Value {
  return mask(configuration) as Value;
}

function mask(value: unknown): unknown {
  if (typeof value === 'string') return maskText(value);
  if (Array.isArray(value)) return value.map(mask);
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecretName(key) ? maskWhole(inner) : mask(inner)]),
  );
}

function maskWhole(value: unknown): unknown {
  if (value === null || value === undefined || value === '' || typeof value === 'boolean') return value;
  return MASK;
}

function maskText(text: string): string {
  return text.replace(PASSWORD_IN_URL, `$1${MASK}`).replace(SECRET_IN_TEXT, `$1${MASK}`);
}
