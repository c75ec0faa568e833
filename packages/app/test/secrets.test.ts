import { expect, test } from 'vitest';
import { MASK, masked } from '../src/secrets.ts';

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
