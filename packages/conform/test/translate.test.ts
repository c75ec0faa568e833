import { describe, expect, test } from 'vitest';
import {
  ConformError,
  describeProblem,
  parse,
  range,
  type Schema,
  type TranslateOptions,
  translate,
} from '../src/index.ts';

const conf = (text: string, file = 'kv.conf') => parse(text, file);

function configuration(text: string, schema: Schema, options: TranslateOptions = {}): unknown {
  return translate(conf(text), schema, { env: {}, ...options }).configuration;
}

function problems(text: string, schema: Schema, options: TranslateOptions = {}): readonly string[] {
  try {
    configuration(text, schema, options);
  } catch (error) {
    if (error instanceof ConformError && error.code === 'CONFORM_VALUE') return error.message.split('\n');
    throw error;
  }
  throw new Error('it was translated');
}

describe('a value', () => {
  const schema = {
    mappings: {
      'kv.port': { to: 'kv.listen.port', datatype: 'integer', default: 4040, envVar: 'KV_PORT' },
      'kv.host': {},
    },
  } as const;

  test('is that of the file, else of the environment, else the default', () => {
    const env = { KV_PORT: '4042' };
    expect(configuration('kv.port = 4041', schema, { env })).toEqual({ kv: { listen: { port: 4041 } } });
    expect(configuration('', schema, { env })).toEqual({ kv: { listen: { port: 4042 } } });
    expect(configuration('', schema, { env: { KV_PORT: '' } })).toEqual({ kv: { listen: { port: 4040 } } });
    expect(configuration('', schema)).toEqual({ kv: { listen: { port: 4040 } } });
  });

  test('comes from somewhere, and that is said', () => {
    expect([...translate(conf('\n kv.port = 1\nkv.host = h'), schema, { env: {} }).sources]).toEqual([
      [
        'kv.listen.port',
        { path: ['kv', 'listen', 'port'], from: 'file', key: 'kv.port', file: 'kv.conf', line: 2, column: 2 },
      ],
      [
        'kv.host',
        { path: ['kv', 'host'], from: 'file', key: 'kv.host', file: 'kv.conf', line: 3, column: 1 },
      ],
    ]);
    const from = (env: Record<string, string>) => [...translate(conf(''), schema, { env }).sources.values()];
    expect(from({ KV_PORT: '1' })).toMatchObject([
      { from: 'environment', variable: 'KV_PORT', key: 'kv.port' },
    ]);
    expect(from({})).toMatchObject([{ from: 'default', key: 'kv.port' }]);
  });

  test('of several files is that of the last, of several lines too, which is warned of', () => {
    const files = [conf('kv.port = 1\nkv.host = a', 'a.conf'), conf('kv.port = 2\nkv.port = 3', 'b.conf')];
    const { configuration, warnings } = translate(files, schema, { env: {} });
    expect(configuration).toEqual({ kv: { listen: { port: 3 }, host: 'a' } });
    expect(warnings.map(describeProblem)).toEqual([
      'b.conf:2:1: kv.port: stands in line 1 already; the later one counts',
    ]);
  });

  test('of the environment is a list where the datatype is one, and else text whatever is in it', () => {
    const mappings = {
      'kv.hosts': { datatype: { list: 'ip' }, envVar: 'HOSTS' },
      'kv.note': { envVar: 'NOTE' },
    } as const;
    const env = { HOSTS: '127.0.0.1:1, [::1]:2', NOTE: 'a, "b" # c' };
    expect(configuration('', { mappings }, { env })).toEqual({
      kv: {
        hosts: [
          { host: '127.0.0.1', port: 1 },
          { host: '::1', port: 2 },
        ],
        note: 'a, "b" # c',
      },
    });
  });
});

describe('what is wrong', () => {
  test('is said with file, line, column, key, expected and found, all of it at once and in the order of the lines', () => {
    const schema = {
      mappings: {
        'kv.ttl': { datatype: 'duration', envVar: 'TTL' },
        'kv.port': { datatype: 'integer' },
        'kv.hosts': { datatype: { list: 'ip' } },
      },
    } as const;
    const text = 'kv.prot = 1\nkv.hosts = 127.0.0.1:1, x\nkv.port = "80 80"';
    expect(problems(text, schema, { env: { TTL: '10' } })).toEqual([
      'kv.conf:1:1: kv.prot: there is no such setting; did you mean kv.port?',
      'kv.conf:2:25: kv.hosts: expected an IP address and a port such as 127.0.0.1:8001 or [::1]:8001, found "x"',
      'kv.conf:3:11: kv.port: expected a whole number, found "80 80"',
      'the variable TTL: kv.ttl: expected a duration such as 250ms, 10s, 5m or 1h30m, found "10"',
    ]);
    try {
      configuration('kv.port = x', schema);
      expect.unreachable();
    } catch (error) {
      expect((error as ConformError).problems).toEqual([
        {
          file: 'kv.conf',
          line: 1,
          column: 11,
          key: 'kv.port',
          expected: 'a whole number',
          found: '"x"',
          message: 'expected a whole number, found "x"',
        },
      ]);
    }
  });

  test('of a secret is not shown', () => {
    const mappings = {
      'kv.db.password': { datatype: 'integer', envVar: 'PW' },
      'kv.pin': { to: 'kv.secret', datatype: 'integer' },
    } as const;
    const said = problems('kv.db.password = hunter2\nkv.pin = hunter3', { mappings });
    expect(said).toEqual([
      'kv.conf:1:18: kv.db.password: expected a whole number, found something else',
      'kv.conf:2:10: kv.pin: expected a whole number, found something else',
    ]);
    expect(problems('', { mappings }, { env: { PW: 'hunter2' } })[0]).not.toMatch('hunter');
  });

  test('of a secret is not shown, whether its setting, its variable, its place or a pair in it is called so', () => {
    const throwing = {
      convert: (input: unknown) => {
        throw new Error(`cannot read "${input}"`);
      },
    };
    const mappings = {
      'kv.password': { to: 'kv.login.value', datatype: 'integer' },
      'kv.pin': { datatype: 'integer', envVar: 'KV_PASSWORD' },
      'kv.db': { datatype: { pairs: 'integer' } },
      'kv.token': { datatype: throwing },
      'kv.secret': {
        datatype: 'integer',
        validators: [range(1, 5), (value: number) => ({ warn: `is ${value}` })],
      },
    } as const;
    const text =
      'kv.password = hunter2\nkv.db = user = 1, password = hunter2\nkv.token = hunter2\nkv.secret = 222';
    const said = problems(text, { mappings }, { env: { KV_PASSWORD: 'hunter2' } });
    expect(said).toEqual([
      'kv.conf:1:15: kv.password: expected a whole number, found something else',
      'kv.conf:2:30: kv.db: expected a whole number, found something else',
      'kv.conf:3:12: kv.token: is none that its datatype takes',
      'kv.conf:4:13: kv.secret: expected 1 to 5, found ********',
      'the variable KV_PASSWORD: kv.pin: expected a whole number, found something else',
    ]);
  });

  test('very often is said twenty times, with how often besides', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `kv.n${index} = 1`);
    const said = problems(lines.join('\n'), { mappings: { 'store.path': {} } });
    expect(said).toHaveLength(21);
    expect(said.slice(-2)).toEqual(['kv.conf:20:1: kv.n19: there is no such setting', 'and 10 more']);
  });

  test('in several files is said file by file, and where what is missing may be set', () => {
    const schema = {
      mappings: { 'kv.a': { datatype: 'integer' }, 'kv.b': { required: true }, 'b.c': { required: true } },
    } as const;
    const files = [parse('\nkv.x = 1\nkv.a = x', 'kv.conf'), parse('kv.y = 1', 'b.conf')];
    expect(() => translate(files, schema, { env: {} })).toThrow(
      [
        'kv.conf:2:1: kv.x: there is no such setting; did you mean kv.a?',
        'kv.conf:3:8: kv.a: expected a whole number, found "x"',
        'b.conf:1:1: kv.y: there is no such setting; did you mean kv.a?',
        'kv.conf: kv.b: is missing; set it here',
        'b.conf: b.c: is missing; set it here',
      ].join('\n'),
    );
  });

  test('in a list of the environment is said with the variable', () => {
    const mappings = { 'kv.ports': { datatype: { list: 'integer' }, envVar: 'PORTS' } } as const;
    expect(problems('', { mappings }, { env: { PORTS: '1, [2' } })).toEqual([
      'the variable PORTS: kv.ports: expected a comma or ] in the same line, found the end of the file',
    ]);
    expect(problems('', { mappings }, { env: { PORTS: '1, x' } })).toEqual([
      'the variable PORTS: kv.ports: expected a whole number, found "x"',
    ]);
  });
});

test('two settings that go to one place are refused, so that no default takes the place of what somebody has set', () => {
  const mappings = { 'kv.a.*': { to: 'kv.x.*' }, 'kv.b': { to: 'kv.x.b', default: 'default' } } as const;
  expect(configuration('kv.a.c = one', { mappings })).toEqual({ kv: { x: { b: 'default', c: 'one' } } });
  expect(() => configuration('kv.a.b = one', { mappings })).toThrow(
    'kv.b: goes to kv.x.b, where kv.a.b goes, too',
  );
});

test('what is required has to be set somewhere, be it in the configuration below', () => {
  const mappings = {
    'kv.secret': { required: true, envVar: 'KV_SECRET' },
    'kv.name': { required: true },
  } as const;
  expect(problems('', { mappings })).toEqual([
    'kv.conf: kv.secret: is missing; set it here, or the variable KV_SECRET',
    'kv.conf: kv.name: is missing; set it here',
  ]);
  const below = { kv: { name: 'below' } };
  expect(configuration('', { mappings }, { below, env: { KV_SECRET: 's' } })).toEqual({
    kv: { secret: 's' },
  });
  expect(problems('', { mappings }, { below: { kv: { name: null } } })).toHaveLength(2);
});

describe('a wildcard', () => {
  test('stands for any name, and comes back where the value goes', () => {
    const mappings = { 'log.$backend.*.level': { to: 'logger.*.$backend' } } as const;
    expect(configuration('log.file.a.level = info\nlog."to tty".b.level = warn', { mappings })).toEqual({
      logger: { a: { file: 'info' }, b: { 'to tty': 'warn' } },
    });
  });

  test('gives way to a mapping that names the setting', () => {
    const mappings = {
      'kv.all.size': { default: 'any' },
      'kv.*.size': { datatype: 'integer', default: 1 },
      'kv.*.ttl': { datatype: 'integer' },
    } as const;
    expect(configuration('kv.a.size = 2\nkv.all.ttl = 3', { mappings })).toEqual({
      kv: { a: { size: 2 }, all: { size: 'any', ttl: 3 } },
    });
    expect(problems('kv.b.siz = 2', { mappings })).toEqual([
      'kv.conf:1:1: kv.b.siz: there is no such setting; did you mean kv.b.size?',
    ]);
  });

  test('called __proto__ is a name like any other', () => {
    const result = configuration('kv.__proto__ = x', { mappings: { 'kv.*': {} } }) as { kv: object };
    expect(Object.getOwnPropertyDescriptor(result.kv, '__proto__')?.value).toBe('x');
    expect(Object.getPrototypeOf(result.kv)).toBe(Object.prototype);
  });
});

describe('a group', () => {
  const schema = {
    mappings: {
      'kv.buckets.*': { datatype: 'complex', to: 'kv.stores', default: { main: { size: 1 } } },
      'kv.buckets.*.size': { datatype: 'bytes', default: 1024 },
      'kv.buckets.*.path': { required: true, envVar: 'BUCKET_PATH' },
    },
  } as const;

  test('has for each name that is set its values, defaults and requirements', () => {
    expect(
      configuration('kv.buckets.a.size = 4KiB\nkv.buckets.b.path = /b', schema, {
        env: { BUCKET_PATH: '/x' },
      }),
    ).toEqual({
      kv: { stores: { a: { size: 4096, path: '/x' }, b: { size: 1024, path: '/b' } } },
    });
    expect(problems('kv.buckets.a.size = 4KiB', schema)).toEqual([
      'kv.conf: kv.buckets.a.path: is missing; set it here, or the variable BUCKET_PATH',
    ]);
  });

  test('without any name is its default', () => {
    expect(configuration('', schema)).toEqual({ kv: { stores: { main: { size: 1 } } } });
    const { 'kv.buckets.*.size': size } = schema.mappings;
    expect(
      configuration('', { mappings: { 'kv.buckets.*': { datatype: 'complex' }, 'kv.buckets.*.size': size } }),
    ).toEqual({});
    const required = {
      mappings: { 'kv.buckets.*': { datatype: 'complex', required: true }, 'kv.buckets.*.size': size },
    } as const;
    expect(problems('', required)).toEqual(['kv.conf: kv.buckets.*: is missing; set it here']);
  });

  test('cannot be set itself', () => {
    expect(problems('kv.buckets.a = 1', schema)).toEqual([
      'kv.conf:1:1: kv.buckets.a: there is no such setting; did you mean kv.buckets.a.size?',
    ]);
  });

  test('may be in another one', () => {
    const mappings = {
      'kv.a.*': { datatype: 'complex', to: 'kv.b' },
      'kv.a.*.x': { default: 'x' },
      'kv.a.*.y.*': { datatype: 'complex', default: { none: true } },
      'kv.a.*.y.*.z': { datatype: 'integer', default: 0 },
      'kv.a.*.y.*.w': {},
    } as const;
    expect(configuration('kv.a.one.y.two.w = 1\nkv.a.three.x = 3', { mappings })).toEqual({
      kv: { b: { one: { x: 'x', y: { two: { z: 0, w: '1' } } }, three: { x: '3', y: { none: true } } } },
    });
  });

  test('is seen by its validators as a whole', () => {
    const validators = [
      (value: object) => (Object.keys(value).length > 1 ? { error: 'one at most' } : undefined),
    ];
    const mappings = { 'kv.a.*': { datatype: 'complex', validators }, 'kv.a.*.x': {} } as const;
    expect(problems('kv.a.b.x = 1\nkv.a.c.x = 2', { mappings })).toEqual(['kv.a.*: one at most']);
  });

  test('is there for its validators with the defaults of the groups in it', () => {
    const seen: unknown[] = [];
    const mappings = {
      'kv.a.*': { datatype: 'complex', validators: [(value: object) => void seen.push(value)] },
      'kv.a.*.x': {},
      'kv.a.*.y.*': { datatype: 'complex', default: { none: true } },
      'kv.a.*.y.*.z': {},
    } as const;
    configuration('kv.a.b.x = 1', { mappings });
    expect(seen).toEqual([{ b: { x: '1', y: { none: true } } }]);
  });
});

describe('a validator', () => {
  test('lets a value pass, warns of it, or refuses it', () => {
    const odd = (value: number) => (value % 2 === 1 ? { warn: 'is odd' } : undefined);
    const schema = {
      mappings: { 'kv.port': { datatype: 'integer', validators: [range(1, 65535), odd] } },
    } as const;
    expect(translate(conf('kv.port = 80'), schema, { env: {} }).warnings).toEqual([]);
    expect(translate(conf('kv.port = 81'), schema, { env: {} }).warnings.map(describeProblem)).toEqual([
      'kv.conf:1:11: kv.port: is odd',
    ]);
    expect(problems('kv.port = 65536', schema)).toEqual([
      'kv.conf:1:11: kv.port: expected 1 to 65535, found 65536',
    ]);
    expect(problems('kv.port = 0', schema)).toHaveLength(1);
    expect(configuration('kv.port = 65535', schema)).toBeDefined();
  });

  test('sees what comes from the environment or is a default, too', () => {
    const mappings = {
      'kv.port': { datatype: 'integer', default: 0, envVar: 'PORT', validators: [range(1, 9)] },
    } as const;
    expect(problems('', { mappings }, { env: { PORT: '10' } })).toEqual([
      'the variable PORT: kv.port: expected 1 to 9, found 10',
    ]);
    expect(problems('', { mappings })).toEqual(['kv.port: expected 1 to 9, found 0']);
  });

  test('may be called by its name, also one of a schema that is extended', () => {
    const base = { mappings: {}, validators: { port: range(1, 9), even: () => undefined } };
    const schema = {
      extends: [base],
      mappings: { 'kv.port': { datatype: 'integer', validators: ['port', 'even'] } },
      validators: { even: (value: number) => (value % 2 ? { error: 'is odd' } : undefined) },
    } as const;
    expect(problems('kv.port = 11', schema)).toEqual([
      'kv.conf:1:11: kv.port: expected 1 to 9, found 11',
      'kv.conf:1:11: kv.port: is odd',
    ]);
  });

  test('that answers anything else, or throws, lets nothing pass', () => {
    const refusing = (validator: () => unknown) =>
      problems('kv.a = 1', { mappings: { 'kv.a': { validators: [validator as () => undefined] } } });
    expect(refusing(() => false)).toEqual([
      "kv.conf:1:8: kv.a: its validator returned false; it has to return nothing, { warn: '…' } or { error: '…' }",
    ]);
    expect(refusing(async () => undefined)[0]).toMatch('its validator returned [object Promise]');
    expect(
      refusing(() => {
        throw new Error('boom');
      }),
    ).toEqual(['kv.conf:1:8: kv.a: its validator failed: boom']);
  });
});

describe('a transform', () => {
  const mappings = {
    'lager.console.level': { to: 'lager.handlers.console' },
    'lager.file.*': { to: 'lager.handlers.file.*' },
    'kv.mode': { datatype: { enum: ['all', 'none'] }, default: 'none' },
  } as const;

  test('computes a value from all others, and stands for everything that went there', () => {
    const schema = {
      mappings,
      transforms: {
        'kv.mode': (values) => (values.get('kv.mode') === 'all' ? { on: true, debug: true } : { on: false }),
        'lager.handlers': (values) =>
          values
            .find('lager.handlers.$backend')
            .map(({ path, wildcards, value }) => [wildcards.backend, path.at(-1), value]),
      },
    } satisfies Schema;
    const text = 'lager.console.level = info\nlager.file.error = /e.log\nkv.mode = all';
    const { configuration, sources } = translate(conf(text), schema, { env: {} });
    expect(configuration).toEqual({
      lager: {
        handlers: [
          ['console', 'console', 'info'],
          ['file', 'error', '/e.log'],
        ],
      },
      kv: { mode: { on: true, debug: true } },
    });
    expect([...sources]).toEqual([
      ['kv.mode', { path: ['kv', 'mode'], from: 'transform' }],
      ['lager.handlers', { path: ['lager', 'handlers'], from: 'transform' }],
    ]);
  });

  test('sees what earlier ones made, as an object what lies below a path, and may take values out', () => {
    const transforms: Schema['transforms'] = {
      'kv.first': (values) => values.get('lager.handlers'),
      'kv.second': (values) => values.get('kv.first.file.error'),
      'kv.third': (values) => {
        values.remove('lager.$any');
        values.remove('kv.first');
        return values.get('lager');
      },
    };
    const text = 'lager.console.level = info\nlager.file.error = /e.log';
    expect(configuration(text, { mappings, transforms })).toEqual({ kv: { mode: 'none', second: '/e.log' } });
  });

  test('of a schema that is extended comes first, and is replaced by one of the same path', () => {
    const base = { mappings: {}, transforms: { 'kv.a': () => 1, 'kv.b': () => 2 } };
    const schema = {
      extends: [base],
      mappings: {},
      transforms: { 'kv.b': () => 3, 'kv.c': (values: { get(path: string): unknown }) => values.get('kv.a') },
    };
    expect(configuration('', schema)).toEqual({ kv: { a: 1, b: 3, c: 1 } });
  });

  test('that throws or returns a promise is named', () => {
    const failing = (transform: () => unknown) =>
      problems('', { mappings: {}, transforms: { 'kv.a': transform } });
    expect(
      failing(() => {
        throw new Error('boom');
      }),
    ).toEqual(['kv.a: the transform failed: boom']);
    expect(failing(async () => 1)).toEqual([
      'kv.a: the transform returned a promise; it has to return the value itself',
    ]);
  });
});

test('several schemas count as one', () => {
  const schemas: readonly Schema[] = [
    { mappings: { 'kv.a': { default: 'a' } } },
    { mappings: { 'store.b': {}, 'kv.a': { default: 'later' } } },
  ];
  expect(translate(conf('store.b = c'), schemas, { env: {} }).configuration).toEqual({
    store: { b: 'c' },
    kv: { a: 'later' },
  });
});

test('a schema that was not defined is checked all the same', () => {
  expect(() => translate(conf(''), { mappings: { 'kv.a': { persist: true } } } as Schema)).toThrow(
    'kv.a: there is no persist here; leave it out',
  );
});
