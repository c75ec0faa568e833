import { expect, expectTypeOf, test } from 'vitest';
import { type ConfigurationOf, defineSchema, parse, range, translate } from '../src/index.ts';

// What is wrong here is found by `npm run check`: a line behind @ts-expect-error that is right is an error.

test('a schema gives the configuration its type', () => {
  const store = defineSchema({ mappings: { 'store.size': { datatype: 'bytes', required: true } } });
  const schema = defineSchema({
    extends: [store],
    mappings: {
      'kv.port': { to: 'kv.listen.port', datatype: 'integer', default: 4040 },
      'kv.host': { to: 'kv.listen.host' },
      'kv.level': { datatype: { enum: ['debug', 'info'] }, default: 'info' },
      'kv.hosts': { datatype: { list: 'ip' }, default: [] },
      'kv.zones': { datatype: { list: { tuple: ['integer', 'string'] } }, default: [] },
      'kv.mixed': { datatype: { list: ['integer', 'boolean'] }, default: [] },
      'kv.limits': { datatype: { pairs: 'duration' }, default: {} },
      'kv.color': { datatype: { convert: () => Symbol() }, default: Symbol() },
      'kv.buckets.*': { datatype: 'complex' },
      'kv.buckets.*.ttl': { datatype: 'duration', default: 1000 },
      'kv.moved.*': { datatype: 'complex', to: 'store.groups' },
      'kv.moved.*.size': { datatype: 'bytes' },
      'kv.mode': { datatype: 'boolean' },
    },
    transforms: { 'kv.mode': (conf) => ({ isOn: conf.get('kv.mode') === true }) },
  });
  type Kv = ConfigurationOf<typeof schema>['kv'];
  expectTypeOf<Kv['listen']>().toExtend<{ readonly port: number; readonly host?: string }>();
  expectTypeOf<Kv['listen']['host']>().toEqualTypeOf<string | undefined>();
  expectTypeOf<Kv['level']>().toEqualTypeOf<'debug' | 'info'>();
  expectTypeOf<Kv['hosts'][number]['port']>().toEqualTypeOf<number>();
  expectTypeOf<Kv['zones'][number]>().toEqualTypeOf<readonly [number, string]>();
  expectTypeOf<Kv['mixed']>().toEqualTypeOf<readonly (number | boolean)[]>();
  expectTypeOf<Kv['limits']>().toEqualTypeOf<Readonly<Record<string, number>>>();
  expectTypeOf<Kv['color']>().toEqualTypeOf<symbol>();
  expectTypeOf<Kv['buckets'][string]['ttl']>().toEqualTypeOf<number>();
  expectTypeOf<ConfigurationOf<typeof schema>['store']['groups'][string]['size']>().toEqualTypeOf<
    number | undefined
  >();
  expectTypeOf<'moved' extends keyof Kv ? true : false>().toEqualTypeOf<false>();
  expectTypeOf<Kv['mode']>().toEqualTypeOf<{ isOn: boolean }>();
  expectTypeOf<ConfigurationOf<typeof store>>().toEqualTypeOf<{
    readonly store: { readonly size: number };
  }>();

  const { configuration } = translate(parse('store.size = 1KB'), schema, { env: {} });
  const [port, size]: readonly [number, number] = [configuration.kv.listen.port, configuration.store.size];
  expect([port, size, configuration.kv.mode]).toEqual([4040, 1000, { isOn: false }]);
  // @ts-expect-error: no such application
  expect(configuration.kw).toBeUndefined();
  // @ts-expect-error: no such key
  expect(configuration.kv.prot).toBeUndefined();
});

test('a default and a validator fit their datatype', () => {
  expect(() =>
    // @ts-expect-error: text for a whole number
    defineSchema({ mappings: { 'kv.port': { datatype: 'integer', default: '4040' } } }),
  ).toThrow();
  expect(() =>
    // @ts-expect-error: none of the choices
    defineSchema({ mappings: { 'kv.level': { datatype: { enum: ['debug', 'info'] }, default: 'warn' } } }),
  ).toThrow();
  // @ts-expect-error: a validator of numbers for text
  defineSchema({ mappings: { 'kv.name': { validators: [range(1, 2)] } } });
  defineSchema({
    mappings: {
      'kv.port': {
        datatype: 'integer',
        validators: [(value) => (value > 1 ? undefined : { error: 'too low' })],
      },
    },
  });
  // @ts-expect-error: no such datatype
  expect(() => defineSchema({ mappings: { 'kv.port': { datatype: 'int' } } })).toThrow();
});
