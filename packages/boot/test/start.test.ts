import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { testRelease } from './support/release.ts';

/** An application that says what happens to it. */
const telling = (name: string, body = '', stop = '') => `
  export default {
    async start({ config, args, release, signal, exit }) {
      console.log('${name} starts', JSON.stringify({ config, args }));
      signal.addEventListener('abort', () => console.log('${name} is told'));
      ${body}
      return { name: '${name}' };
    },
    async stop(state) {
      ${stop}
      await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(state.name, 'stopped');
    },
  };`;

const ready = `setTimeout(() => console.log('ready'), 10);`;

describe('start and stop', () => {
  test('applications start in order, get their configuration and arguments, and stop in reverse on SIGTERM', async () => {
    const release = await testRelease({
      applications: ['store', 'web'],
      config: { store: { path: '/data' } },
      files: {
        'lib/store/application.mjs': telling('store'),
        'lib/web/application.mjs': telling('web', ready),
      },
    });
    const { child, ended } = await release.start('ready', { args: ['--port', '1'] });
    child.kill('SIGTERM');
    expect(await ended).toEqual({
      code: 0,
      signal: null,
      stderr: '',
      stdout: [
        'store starts {"config":{"path":"/data"},"args":["--port","1"]}',
        'web starts {"config":{},"args":["--port","1"]}',
        'ready',
        'web is told',
        'web stopped',
        'store is told',
        'store stopped',
        '',
      ].join('\n'),
    });
  });

  test('a node runs on though its applications hold nothing open, and SIGINT stops it in order', async () => {
    const release = await testRelease({
      applications: ['web'],
      files: { 'lib/web/application.mjs': `export default { start() { console.log('ready'); } };` },
    });
    const { child, ended } = await release.start('ready');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second %s ends it at once with %i', async (signal, code) => {
    const release = await testRelease({
      applications: ['web'],
      files: {
        'lib/web/application.mjs': telling('web', ready, `await new Promise(() => {});`),
      },
    });
    const { child, ended } = await release.start('ready');
    child.kill(signal);
    await new Promise((resolve) =>
      child.stdout!.on('data', (text) => String(text).includes('is told') && resolve(0)),
    );
    await wait(200);
    child.kill(signal);
    expect(await ended).toMatchObject({ code });
  });

  test('two signals that come together, as where others pass them on too, are one', async () => {
    const stop = `await new Promise((resolve) => setTimeout(resolve, 200));`;
    const release = await testRelease({
      applications: ['web'],
      files: { 'lib/web/application.mjs': telling('web', ready, stop) },
    });
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0 });
  });

  test('an application that does not stop in time is named, and the exit code is 1', async () => {
    const release = await testRelease({
      applications: ['store', 'web'],
      boot: { shutdownTimeout: 100 },
      files: {
        'lib/store/application.mjs': telling('store', ready, `await new Promise(() => {});`),
        'lib/web/application.mjs': telling('web'),
      },
    });
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await ended;
    expect(stderr).toBe('demo: Application store did not stop within 0.1 s.\n');
    expect(stdout).toContain('web stopped');
    expect(code).toBe(1);
  });

  test('one that hangs keeps those below it from nothing: they are told, and have a share of the time', async () => {
    const release = await testRelease({
      applications: ['store', 'cache', 'web'],
      boot: { shutdownTimeout: 1000 },
      files: {
        'lib/store/application.mjs': telling('store', ready, `await new Promise((r) => setTimeout(r, 50));`),
        'lib/cache/application.mjs': telling('cache', '', `await new Promise(() => {});`),
        'lib/web/application.mjs': telling('web', '', `await new Promise(() => {});`),
      },
    });
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await ended;
    expect(stderr).toBe(
      'demo: Application web did not stop within 1 s.\ndemo: Application cache did not stop within 0.3 s.\n',
    );
    expect(stdout).toContain('store stopped');
    expect(code).toBe(1);
  });

  test('SIGTERM while an application starts: it is told, and what has started is stopped', async () => {
    const release = await testRelease({
      applications: ['store', 'web', 'last'],
      files: {
        'lib/store/application.mjs': telling('store'),
        'lib/web/application.mjs': telling(
          'web',
          `${ready} await new Promise((resolve) => signal.addEventListener('abort', resolve));`,
        ),
        'lib/last/application.mjs': telling('last'),
      },
    });
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    expect(stdout).toContain('web stopped\nstore is told\nstore stopped\n');
    expect(stdout).not.toContain('last');
    expect(code).toBe(0);
  });

  test('a start that nothing can end any more ends the node with 13, in order, and says so', async () => {
    const release = await testRelease({
      applications: ['store', 'web'],
      files: {
        'lib/store/application.mjs': telling('store'),
        'lib/web/application.mjs': `export default { start: () => new Promise(() => {}) };`,
      },
    });
    const { code, stdout, stderr } = await release.run(['start']);
    expect(stderr).toMatch(/^demo: The start of application web waits for a promise that never settles.*\n$/);
    expect(stdout).toContain('store stopped');
    expect(code).toBe(13);
  });

  test('so does the import of an application, and a provider', async () => {
    const never = 'await new Promise(() => {}); export default {};';
    const importing = await testRelease({
      applications: ['web'],
      files: { 'lib/web/application.mjs': never },
    });
    expect(await importing.run(['start'])).toMatchObject({
      code: 13,
      stderr: expect.stringContaining('The import of application web waits for a promise'),
    });
    const provider = { name: 'vault', module: 'lib/vault.mjs', state: null };
    const configuring = await testRelease({
      files: { 'lib/vault.mjs': 'export default { load: () => new Promise(() => {}) };' },
      boot: { configuration: { providers: [provider] } as never },
    });
    expect(await configuring.run(['start'])).toMatchObject({
      code: 13,
      stderr: expect.stringContaining('Config provider vault waits for a promise'),
    });
  });

  test('a start that takes long is named, and goes on', async () => {
    const release = await testRelease({
      applications: ['web'],
      files: {
        'lib/web/application.mjs': `export default {
          start: ({ exit }) => new Promise((resolve) => setTimeout(() => { resolve(); exit(); }, 10_500)) };`,
      },
    });
    expect(await release.run(['start'])).toMatchObject({
      code: 0,
      stderr: 'demo: The start of application web has not ended after 10 s; waiting.\n',
    });
  });

  test('a start that is given up with its signal is no failure', async () => {
    const release = await testRelease({
      applications: ['web'],
      files: {
        'lib/web/application.mjs': `
          import { setTimeout as wait } from 'node:timers/promises';
          export default { async start({ signal }) { console.log('ready'); await wait(10000, null, { signal }); } };`,
      },
    });
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ stderr: '', code: 0 });
  });

  test('what stop throws is shown, and the others are stopped all the same', async () => {
    const release = await testRelease({
      applications: ['store', 'web'],
      files: {
        'lib/store/application.mjs': telling('store'),
        'lib/web/application.mjs': telling('web', ready, `throw new Error('stuck');`),
      },
    });
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await ended;
    expect(stderr).toMatch(
      /^demo: Application web failed to stop\.\nError: stuck\n {4}at .*application\.mjs/,
    );
    expect(stdout).toContain('store stopped');
    expect(code).toBe(1);
  });

  test('children see what the release is, and NODE_ENV is production unless it is set', async () => {
    const application = `
      export default { start() {
        const { RELEASE_NAME, RELEASE_VSN, RELEASE_NODE, RELEASE_ROOT, NODE_ENV, RELEASE_COMMAND } = process.env;
        console.log(JSON.stringify([RELEASE_NAME, RELEASE_VSN, RELEASE_NODE, RELEASE_COMMAND, NODE_ENV, RELEASE_ROOT]));
        process.kill(process.pid, 'SIGTERM');
      } };`;
    const release = await testRelease({
      applications: ['web'],
      files: { 'lib/web/application.mjs': application },
    });
    const own = await release.run(['start'], { env: { RELEASE_NODE: 'foo' } });
    expect(JSON.parse(own.stdout)).toEqual(['demo', '0.1.0', 'foo', 'start', 'production', release.root]);
    const set = await release.run(['start'], { env: { NODE_ENV: 'staging' } });
    expect(JSON.parse(set.stdout)[4]).toBe('staging');
  });

  test('SIGHUP to a node without a terminal reloads its configuration, and a failure leaves the old one', async () => {
    const release = await testRelease({
      applications: ['web'],
      boot: { configuration: { runtime: 'lib/demo/runtime.mjs' } as never },
      files: {
        'lib/demo/runtime.mjs': `
          let times = 0;
          import { readFileSync } from 'node:fs';
          export default () => ({ web: JSON.parse(readFileSync('web.json', 'utf8')) });`,
        'web.json': '{"port":1,"old":true}',
        'lib/web/application.mjs': `
          import { writeFileSync } from 'node:fs';
          export default {
            start({ config }) {
              console.log('ready');
              writeFileSync('web.json', '{"port":2}');
              return { config };
            },
            configChange(state, change) {
              console.log(JSON.stringify({ was: state.config, ...change }));
              writeFileSync('web.json', 'broken');
              process.kill(process.pid, 'SIGHUP');
            },
          };`,
      },
    });
    const { child, ended } = await release.start('ready');
    let said = '';
    child.stderr!.on('data', (text) => (said += text));
    child.kill('SIGHUP');
    await expect.poll(() => said).toContain('SyntaxError');
    child.kill('SIGTERM');
    const { code, stdout, stderr } = await ended;
    expect(JSON.parse(stdout.split('\n')[1]!)).toEqual({
      was: { port: 1, old: true },
      config: { port: 2 },
      changed: { port: 2 },
      removed: ['old'],
    });
    expect(stderr).toMatch(/^demo: The configuration was not reloaded\.\n.*runtime\.mjs failed/);
    expect(stderr).toContain('SyntaxError');
    expect(code).toBe(0);
  });
});

describe('start_repl', () => {
  test('evaluates in the node, and leaving it stops the node', async () => {
    const release = await testRelease({
      applications: ['web'],
      files: {
        'lib/web/application.mjs': `export default { start() { return { hits: 41 }; }, stop() { console.log('web stopped'); } };`,
      },
    });
    const child = release.spawn(['start_repl']);
    let stdout = '';
    child.stdout!.on('data', (text) => (stdout += text));
    child.stdin!.end(`stateOf('web').hits + 1\n`);
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
    expect(stdout).toMatch(/42\n(.|\n)*web stopped\n$/);
  });
});

describe('a service that is a script', () => {
  const script = (text: string) =>
    testRelease({
      boot: {
        programs: { demo: 'lib/demo/server.mjs' },
        instructions: [{ do: 'configure' }, { do: 'run', program: 'demo' }],
      },
      files: { 'lib/demo/server.mjs': text },
    });

  test('is its own main and gets the arguments behind start', async () => {
    const release = await script(`
      console.log(JSON.stringify({ main: import.meta.main, argv: process.argv.slice(1), env: process.env.RELEASE_NAME }));`);
    const { stdout, stderr, code } = await release.run(['start', 'a', '--b']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(JSON.parse(stdout)).toEqual({
      main: true,
      argv: [`${release.root}/lib/demo/server.mjs`, 'a', '--b'],
      env: 'demo',
    });
  });

  test('stops on SIGTERM, and its own listener has its time', async () => {
    const release = await script(`
      const timer = setInterval(() => {}, 1000);
      process.on('SIGTERM', () => setTimeout(() => { console.log('drained'); clearInterval(timer); }, 50));
      console.log('ready');`);
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ stdout: 'ready\ndrained\n', stderr: '', code: 0 });
  });

  test('that has nothing left to do ends as under node, and is sent no signal that it listens to', async () => {
    const release = await script(`
      process.on('SIGTERM', () => { console.log('told'); process.exit(143); });
      process.exitCode = Number(process.argv[2] ?? 0);`);
    expect(await release.run(['start'])).toMatchObject({ stdout: '', stderr: '', code: 0 });
    expect(await release.run(['start', '3'])).toMatchObject({ stdout: '', stderr: '', code: 3 });
  });

  test.each([
    ['SIGINT', 'SIGTERM'],
    ['SIGTERM', 'SIGINT'],
  ] as const)('is not waited for after %s if it listens to %s only', async (came, listens) => {
    const release = await script(`
      setInterval(() => {}, 1000);
      process.on('${listens}', () => console.log('told'));
      console.log('ready');`);
    const { child, ended } = await release.start('ready');
    child.kill(came);
    expect(await ended).toMatchObject({ stdout: 'ready\n', stderr: '', code: 0 });
  });

  test("is waited for when its listener is for once, and its exit code is the node's", async () => {
    const release = await script(`
      const timer = setInterval(() => {}, 1000);
      process.once('SIGTERM', () => { process.exitCode = 4; setTimeout(() => { console.log('drained'); clearInterval(timer); }, 50); });
      console.log('ready');`);
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ stdout: 'ready\ndrained\n', stderr: '', code: 4 });
  });

  test('gets SIGTERM from stop if it listens to that, and is not waited for if it does not', async () => {
    const release = await script(`
      const timer = setInterval(() => {}, 1000);
      process.on(process.argv[2], (signal, number) => { console.log(signal, number); clearInterval(timer); });
      console.log('ready');`);
    const told = await release.start('ready', { args: ['SIGTERM'] });
    expect((await release.run(['stop'])).code).toBe(0);
    expect(await told.ended).toMatchObject({ stdout: 'ready\nSIGTERM 15\n', stderr: '', code: 0 });
    const other = await release.start('ready', { args: ['SIGINT'] });
    expect((await release.run(['stop'])).code).toBe(0);
    expect(await other.ended).toMatchObject({ stdout: 'ready\n', stderr: '', code: 0 });
  });

  test('restarts with its arguments in the same process, also where its listener ends the process', async () => {
    const release = await script(`
      setInterval(() => {}, 1000);
      process.on('SIGTERM', () => process.exit(1));
      console.log('ready', process.pid, ...process.argv.slice(2));`);
    const child = release.spawn(['start', '--x', '1']);
    let stdout = '';
    child.stdout!.on('data', (text) => (stdout += text));
    const line = `ready ${child.pid} --x 1\n`;
    await expect.poll(() => stdout).toBe(line);
    expect(await release.run(['restart'])).toMatchObject({ code: 0, stderr: '' });
    expect(stdout).toBe(line + line);
    // The last word has who wants it gone.
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    expect((await release.run(['ping'])).code).toBe(1);
  });

  test('that throws ends the node with 1 and the stack', async () => {
    const release = await script(`throw new Error('boom');`);
    const { stderr, code } = await release.run(['start']);
    expect(stderr).toMatch(/Error: boom\n {4}at .*server\.mjs/);
    expect(code).toBe(1);
  });
});

test('SIGTERM while a node restarts ends it', async () => {
  const release = await testRelease({
    applications: ['web'],
    files: {
      'lib/web/application.mjs': telling('web', ready, `await new Promise((r) => setTimeout(r, 500));`),
    },
  });
  const { child, ended } = await release.start('ready');
  const restart = release.run(['restart']);
  await new Promise((resolve) =>
    child.stdout!.on('data', (text) => String(text).includes('is told') && resolve(0)),
  );
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
  expect(await restart).toMatchObject({ code: 1, stderr: expect.stringContaining('did not come up again') });
});

describe('failures', () => {
  test.each(['undefined', 'null', '0'])(
    'throw %s ends the node with 1 as anything else does',
    async (thrown) => {
      const release = await testRelease({
        applications: ['web'],
        files: {
          'lib/web/application.mjs': telling('web', `setTimeout(() => { throw ${thrown}; }, 10);`),
        },
      });
      const { code, stdout, stderr } = await release.run(['start']);
      expect(stderr).toBe(`demo: ${thrown}\n`);
      expect(stdout).toContain('web stopped');
      expect(code).toBe(1);
    },
  );

  test('a reload that one application cannot take is told to the others too, and says so', async () => {
    const release = await testRelease({
      applications: ['store', 'web'],
      boot: { configuration: { runtime: 'lib/demo/runtime.mjs' } as never },
      files: {
        'lib/demo/runtime.mjs': `export default () => ({ store: { at: Date.now() }, web: { at: Date.now() } });`,
        'lib/store/application.mjs': `export default { start() {}, configChange() { throw new Error('not me'); } };`,
        'lib/web/application.mjs': `export default { start() { console.log('ready'); }, configChange() { console.log('web told'); } };`,
      },
    });
    const { child, ended } = await release.start('ready');
    const { code, stderr } = await release.run(['reload_config']);
    expect(stderr).toContain('Application store failed to take its new configuration.');
    expect(stderr).toContain('not me');
    expect(code).toBe(1);
    child.kill('SIGTERM');
    expect((await ended).stdout).toContain('web told');
  });

  test('an application that cannot start is named, those that run are stopped in reverse, and the exit code is 1', async () => {
    const release = await testRelease({
      applications: ['store', 'web', 'last'],
      files: {
        'lib/store/application.mjs': telling('store'),
        'lib/web/application.mjs': telling('web', `throw new Error('EADDRINUSE: port 1');`),
        'lib/last/application.mjs': telling('last'),
      },
    });
    const { code, stdout, stderr } = await release.run(['start']);
    expect(stderr).toMatch(/^demo: Application web could not start\.\nError: EADDRINUSE: port 1\n {4}at /);
    expect(stdout).toMatch(/store stopped\n$/);
    expect(stdout).not.toMatch(/web stopped|last/);
    expect(code).toBe(1);
  });

  test('a port in use is a sentence', async () => {
    const release = await testRelease({
      applications: ['web'],
      files: {
        'lib/web/application.mjs': `
          import { once } from 'node:events';
          import { createServer } from 'node:net';
          export default {
            async start({ args }) { await once(createServer().listen(Number(args[0]), '127.0.0.1'), 'listening'); },
          };`,
      },
    });
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const { code, stderr } = await release.run(['start', String(port)]);
    holder.close();
    expect(stderr).toBe(
      `demo: Application web could not start: port ${port} of 127.0.0.1 is in use (EADDRINUSE). Stop what listens there, or configure another port.\n`,
    );
    expect(code).toBe(1);
  });

  test.each([
    [
      'that cannot be imported',
      `import 'nothing-like-it';`,
      /Application web could not be loaded\.\n.*nothing-like-it/,
    ],
    [
      'without a default export',
      `export const start = 1;`,
      /module of application web \(lib\/web\/application\.mjs\) has no default export/,
    ],
    [
      'whose start is no function',
      `export default { start: 1 };`,
      /has no default export made by defineApplication/,
    ],
  ])('a lifecycle module %s is named and nothing starts', async (_what, module, message) => {
    const release = await testRelease({
      applications: ['store', 'web'],
      files: { 'lib/store/application.mjs': telling('store'), 'lib/web/application.mjs': module },
    });
    const { code, stdout, stderr } = await release.run(['start']);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  test.each([
    ['exception', `setTimeout(() => { throw new Error('boom'); }, 10);`],
    ['rejection', `setTimeout(() => void Promise.reject(new Error('boom')), 10);`],
  ])(
    'an uncaught %s: the reason with its stack, applications stopped in reverse, exit code 1',
    async (_what, body) => {
      const release = await testRelease({
        applications: [{ name: 'store' }, { name: 'web', mode: 'temporary' }],
        files: {
          'lib/store/application.mjs': telling('store'),
          'lib/web/application.mjs': telling('web', body),
        },
      });
      const { code, stdout, stderr } = await release.run(['start']);
      expect(stderr).toMatch(/^demo: Error: boom\n {4}at .*application\.mjs/);
      expect(stdout).toMatch(/web stopped\nstore is told\nstore stopped\n$/);
      expect(code).toBe(1);
    },
  );
});

test('a start does not load node:crypto, which it does not need', async () => {
  const release = await testRelease({
    applications: ['web'],
    files: {
      'lib/web/application.mjs': `
        export default { start() { console.log(process.moduleLoadList.includes('NativeModule crypto')); } };`,
    },
  });
  const { child, ended } = await release.start('false', { env: { RELEASE_COOKIE: 'x'.repeat(20) } });
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});
