import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import env from '../src/providers/env.ts';
import json from '../src/providers/json.ts';
import { project } from './support/project.ts';

afterEach(() => vi.unstubAllEnvs());

describe('the JSON provider', () => {
  let configDirectory = '';
  const load = (options: { path: string; optional?: boolean }) =>
    json.load({}, JSON.parse(JSON.stringify(json.init!(options))), { configDirectory, directory: '/' });

  test('reads a file below the directory of configuration, or an absolute one, with variables in its name', async () => {
    const root = project({ 'kv.json': '{"kv":{"port":1}}', 'kv.foo.json': '{"kv":{"port":2}}' });
    configDirectory = root;
    vi.stubEnv('RELEASE_NODE', 'foo');
    expect(await load({ path: 'kv.json' })).toEqual({ kv: { port: 1 } });
    expect(await load({ path: path.join(root, 'kv.json') })).toEqual({ kv: { port: 1 } });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what is tested.
    expect(await load({ path: 'kv.${RELEASE_NODE}.json' })).toEqual({ kv: { port: 2 } });
  });

  test('a variable in its name that is not set is an error, not a file somewhere else', async () => {
    vi.stubEnv('CONF', '');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what is tested.
    await expect(load({ path: '${CONF}/x.json', optional: true })).rejects.toMatchObject({
      code: 'VARIABLE_NOT_SET',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what is tested.
      message: '${CONF}/x.json needs the variable CONF, which is empty.',
    });
  });

  test('a file that is not there is an error, unless it is optional; one that is no JSON is one always', async () => {
    const root = project({ 'broken.json': '{"kv":' });
    const missing = path.join(root, 'missing.json');
    await expect(load({ path: missing })).rejects.toThrow(/ENOENT.*missing\.json/);
    expect(await load({ path: missing, optional: true })).toEqual({});
    const broken = path.join(root, 'broken.json');
    await expect(load({ path: broken, optional: true })).rejects.toThrow(`${broken} is no JSON: `);
  });

  test('says at build time what it needs', () => {
    expect(() => json.init!({} as never)).toThrow("The JSON provider needs options: { path: 'file.json' }.");
  });
});

describe('the environment provider', () => {
  const load = (options: { prefix: string; application?: string }) =>
    env.load({}, env.init!(options) as never, { configDirectory: '/', directory: '/' });

  test('takes variables with the prefix as keys of the application, JSON where it parses', () => {
    vi.stubEnv('KV__PORT', '4040');
    vi.stubEnv('KV__HOST', 'localhost');
    vi.stubEnv('KV__POOL__MAX_SIZE', '5');
    vi.stubEnv('KV__POOL', 'less exact');
    vi.stubEnv('KV__TAGS', '["a"]');
    vi.stubEnv('KV__', 'no key');
    vi.stubEnv('KVX__PORT', '1');
    expect(load({ prefix: 'KV__', application: 'kv' })).toEqual({
      kv: { port: 4040, host: 'localhost', pool: { max_size: 5 }, tags: ['a'] },
    });
  });

  test('without an application, it is what stands before the first __', () => {
    vi.stubEnv('APP_KV__PORT', '4040');
    vi.stubEnv('APP_WEB__TLS__CERT', 'a');
    vi.stubEnv('APP_DEBUG', 'true');
    expect(load({ prefix: 'APP_' })).toEqual({ kv: { port: 4040 }, web: { tls: { cert: 'a' } } });
  });

  test('says at build time what it needs', () => {
    expect(() => env.init!({} as never)).toThrow(/The environment provider needs options/);
  });
});
