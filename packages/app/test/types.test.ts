import { expect, test } from 'vitest';
import { defineApplication, defineCommand, defineConfiguration, env } from '../src/index.ts';

// What is wrong here is found by `npm run check`: a line behind @ts-expect-error that is right is an error.

test('an application keeps the type of its state', () => {
  const application = defineApplication({
    start: async ({ signal }) => ({ signal, port: 4040 }),
    stop: (state) => state.port.toFixed(),
    configChange: (state, { changed, removed }) => [state.signal.aborted, changed, removed.length],
    codeChange: (state, { direction }) => (direction === 'upgrade' ? state : { ...state, port: 0 }),
  });
  expect(application.stop?.({ port: 1, signal: AbortSignal.abort() }, {})).toBe('1');
  defineApplication({
    start: () => ({ port: 4040 }),
    // @ts-expect-error: no such thing in the state
    stop: (state) => state.host,
  });
});

test('a command knows its options', () => {
  const { run } = defineCommand({
    description: 'Rolls back',
    options: {
      force: { type: 'boolean' },
      steps: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true },
    },
    run({ options }) {
      const force: boolean | undefined = options.force;
      const steps: string = options.steps;
      const only: readonly string[] | undefined = options.only;
      // @ts-expect-error: without a default it may be missing
      const always: boolean = options.force;
      // @ts-expect-error: not declared
      return [force, steps, only, always, options.nothing];
    },
  });
  const options = { force: true, steps: '2', only: ['a'] };
  expect(run({ options, args: [], config: {}, release: undefined })).toEqual([
    true,
    '2',
    ['a'],
    true,
    undefined,
  ]);
});

test('a marker stands for the value it becomes', () => {
  const port: number = env('PORT', 'integer', 4040);
  expect(port).toEqual({ $env: { name: 'PORT', type: 'integer', default: 4040 } });
  expect(env('HOST')).toEqual({ $env: { name: 'HOST', type: 'string' } });
  // @ts-expect-error: no such type
  expect(() => env('PORT', 'int')).toThrow(
    "env('PORT', 'int'): there is no such type; it may be string, integer,",
  );
  // @ts-expect-error: a default of another type
  env('PORT', 'integer', 'x');
});

test('config/runtime.ts knows what it is given', () => {
  const runtime = defineConfiguration(({ environment, configuration, env, release }) => ({
    kv: { environment, port: configuration.kv?.port, home: env.HOME, name: release?.name },
  }));
  expect(
    runtime({
      environment: 'prod',
      configuration: { kv: { port: 1 } },
      env: { HOME: '/' },
      release: undefined,
    }),
  ).toEqual({
    kv: { environment: 'prod', port: 1, home: '/', name: undefined },
  });
  // @ts-expect-error: an application's keys, not a value
  defineConfiguration({ kv: 1 });
});
