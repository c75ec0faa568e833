import { expect, test } from 'vitest';
import { isSecretName, MASK, masked } from '../src/secrets.ts';

test('values of keys that are called like secrets are masked whole, at every depth', () => {
  expect(
    masked({
      web: {
        secret_key_base: 'abc',
        apiKey: 'abc',
        'private-key': 'abc',
        DB_PASSWORD: 'abc',
        tokens: ['a', 'b'],
        credentials: { user: 'u' },
        cookie: 12345,
        dsn: 'anything',
        port: 4040,
        name: 'web',
      },
      list: [{ password: 'x', host: 'h' }],
    }),
  ).toEqual({
    web: {
      secret_key_base: MASK,
      apiKey: MASK,
      'private-key': MASK,
      DB_PASSWORD: MASK,
      tokens: MASK,
      credentials: MASK,
      cookie: MASK,
      dsn: MASK,
      port: 4040,
      name: 'web',
    },
    list: [{ password: MASK, host: 'h' }],
  });
});

test('what tells nothing stays: whether there is a secret is worth knowing', () => {
  const empty = { password: null, token: '', secret: undefined, cookie: true };
  expect(masked(empty)).toEqual(empty);
});

test('passwords inside addresses and connection strings are masked whatever the key', () => {
  expect(
    masked({
      url: 'postgres://kv:hunter2@db.example:5432/kv?sslmode=require&password=hunter2',
      redis: 'rediss://:hunter2@cache',
      odbc: 'host=db user=kv password=hunter2 dbname=kv',
      plain: 'https://example.org/a:b@c',
    }),
  ).toEqual({
    url: `postgres://kv:${MASK}@db.example:5432/kv?sslmode=require&password=${MASK}`,
    redis: `rediss://:${MASK}@cache`,
    odbc: `host=db user=kv password=${MASK} dbname=kv`,
    plain: 'https://example.org/a:b@c',
  });
});

test.each(
  [
    'key',
    'apiKey',
    'API_KEY',
    'APIKey',
    'apikeys',
    'secret_key',
    'private-key',
    'privateKeyPem',
    'accesskey',
    'auth',
  ]
    .concat([
      'TOKEN',
      'authtoken',
      'refreshTokenValue',
      'session.cookie',
      'dbpassword',
      'PGPASSWORD',
      'SENTRY_DSN',
    ])
    .concat(['clientSecret', 'pwd', 'basicAuth', 'passwordHash']),
)('%s is a secret', (name) => {
  expect(isSecretName(name)).toBe(true);
  expect(masked({ text: `a=1&${name.replace(/\W/g, '_')}=hidden` }).text).toContain(MASK);
});

test.each([
  'monkey',
  'keyboard',
  'keys',
  'keyName',
  'cookieName',
  'passwordLength',
  'author',
  'broken',
  'turkey',
])('%s is none', (name) => {
  expect(isSecretName(name)).toBe(false);
  const plain = { [name]: 'shown', text: `${name}=shown` };
  expect(masked(plain)).toEqual(plain);
});

test('a number of tokens is none, a list of them is', () => {
  expect(masked({ tokens: 5, maxTokens: 4096, apiTokens: ['a'] })).toEqual({
    tokens: 5,
    maxTokens: 4096,
    apiTokens: MASK,
  });
});
