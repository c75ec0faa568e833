import { isPlainObject } from './deep-merge.ts';

export const MASK = '********';

/** Words so plain that they count inside of others too: `dbpassword`. */
const SECRET = /passw|passphrase|pwd|secret|credential/;
const SECRET_WORD = /^(\w*tokens?|cookies?|private|dsn)$/;
/** Words that count only where they end a name: a `keyboard` is no key, and `auth.url` no secret. */
const SECRET_LAST = /^(key|salt|\w*auth|(api|access|private|signing|encryption)keys?)$/;
/** A name that ends so is about a secret: `cookieName`. */
const ABOUT = /^(name|length|size|count|timeout|ttl)$/;
/** `scheme://user:password@host`. */
const PASSWORD_IN_URL = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/gi;
/** `name=value` in a query or a connection string. */
const PAIR_IN_TEXT = /\b(\w+)(\s*=\s*)[^\s&;]+/g;

/** Whether what goes by this name (a key, a variable) is nobody's business. */
export function isSecretName(name: string): boolean {
  const words = wordsOf(name);
  const last = words.at(-1) ?? '';
  if (ABOUT.test(last)) return false;
  return words.some((word) => SECRET.test(word) || SECRET_WORD.test(word)) || SECRET_LAST.test(last);
}

/** `apiKey`, `API_KEY`, `api-key`, `APIKey` → api, key. */
function wordsOf(name: string): readonly string[] {
  const spaced = name.replace(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3 $2');
  return spaced.toLowerCase().match(/[a-z0-9]+/g) ?? [];
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
    Object.entries(value).map(([key, inner]) => [
      key,
      isSecretName(key) && !isCount(key, inner) ? maskWhole(inner) : mask(inner),
    ]),
  );
}

/** `maxTokens: 4096` counts them. */
function isCount(key: string, value: unknown): boolean {
  return typeof value === 'number' && /tokens$/i.test(key);
}

function maskWhole(value: unknown): unknown {
  if (value === null || value === undefined || value === '' || typeof value === 'boolean') return value;
  return MASK;
}

function maskText(text: string): string {
  return text
    .replace(PASSWORD_IN_URL, `$1${MASK}`)
    .replace(PAIR_IN_TEXT, (pair, name: string, sign: string) =>
      isSecretName(name) ? `${name}${sign}${MASK}` : pair,
    );
}
