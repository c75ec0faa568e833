import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Ended, TestRelease } from './support/release.ts';
import { firstVersion, laterVersion, reload, type VersionParts } from './support/reloadable.ts';

/** A counter that anybody may ask for its number, line by line; version 2 counts in an object and by tens. */
const counter = {
  old: `
import { createServer } from 'node:net';
const answer = (state) => (socket) => socket.on('data', () => socket.write('old ' + ++state.count + '\\n'));
export default {
  async start() {
    const state = { count: 0, sockets: new Set() };
    state.server = createServer((socket) => {
      state.sockets.add(socket);
      answer(state)(socket);
    });
    await new Promise((done) => state.server.listen(0, '127.0.0.1', done));
    console.log('port ' + state.server.address().port);
    return state;
  },
  stop({ server, sockets }) {
    for (const socket of sockets) socket.destroy();
    server.close();
    console.log('stopped old');
  },
};`,
  new: `
export default {
  start() {
    throw new Error('it is never started');
  },
  stop({ server, sockets }) {
    for (const socket of sockets) socket.destroy();
    server.close();
    console.log('stopped new');
  },
  codeChange(state, { from, to, direction, onExchange }) {
    const { count, ...others } = state;
    const next = { ...others, counted: { number: count, change: [from, to, direction].join(' ') } };
    const answer = (socket) =>
      socket.on('data', () => socket.write('new ' + (next.counted.number += 10) + '\\n'));
    onExchange(() => {
      for (const socket of next.sockets) answer(socket.removeAllListeners('data'));
      next.server.removeAllListeners('connection').on('connection', (socket) => {
        next.sockets.add(socket);
        answer(socket);
      });
    });
    return next;
  },
};`,
};

const counterVersions = (): readonly [VersionParts, VersionParts] => [
  {
    version: '0.1.0',
    packages: { counter: { version: '1.0.0', files: { 'application.mjs': counter.old } } },
    applications: ['counter'],
  },
  {
    version: '0.2.0',
    packages: { counter: { version: '1.1.0', files: { 'application.mjs': counter.new } } },
    applications: ['counter'],
  },
];

test('a connection stays open through a reload, and the new code answers it with the state of the old', async () => {
  const [first, second] = counterVersions();
  const release = await firstVersion(first);
  const node = await started(release);
  const client = connect(await portOf(node), '127.0.0.1');
  expect(await asked(client)).toBe('old 1');
  expect(await asked(client)).toBe('old 2');
  const { plan, problems } = await reload(release, await laterVersion(release, second));
  expect(plan.applications).toEqual([{ name: 'counter', from: '1.0.0', to: '1.1.0', change: 'reload' }]);
  expect(problems).toEqual([]);
  expect(await asked(client)).toBe('new 12');
  const later = connect(await portOf(node), '127.0.0.1');
  expect(await asked(later)).toBe('new 22');
  expect(await rpc(release, 'stateOf("counter").counted.change')).toBe('1.0.0 1.1.0 upgrade');
  await done(release, 'stop');
  expect((await node.ended).stdout).toContain('stopped new');
});

/** Applications that keep what they are given, in the shape of their version. */
const holder = (name: string, more = '') => `
globalThis.said ??= [];
export default {
  start: ({ config, release }) => ({ by: '${name}', config, release }),
  stop: () => void console.log('stopped ${name}'),
  ${more}
};`;

const changing = (name: string, body = '') =>
  holder(
    name,
    `configChange: (state, { changed }) => void said.push('${name} ' + JSON.stringify(changed)),
  codeChange(state, change) { said.push('${name} from ' + state.by); ${body} return { ...state, by: '${name}' }; },`,
  );

const plain = (
  version: string,
  files: Readonly<Record<string, string>>,
  more: Partial<VersionParts> = {},
) => ({
  version,
  packages: Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name, { files: { 'application.mjs': text } }]),
  ),
  applications: Object.keys(files),
  ...more,
});

describe('what fails leaves everything as it was', () => {
  test('a codeChange that throws, behind one that did not', async () => {
    const release = await firstVersion(plain('0.1.0', { one: changing('one 1'), two: changing('two 1') }));
    const node = await started(release);
    const later = await laterVersion(
      release,
      plain('0.2.0', {
        one: changing('one 2', "change.onExchange(() => said.push('exchanged'));"),
        two: changing('two 2', "throw new Error('not like this');"),
      }),
    );
    const message = await refusal(release, later);
    expect(message).toContain(
      'codeChange of application two failed. Everything stays as it was, in version 0.1.0.',
    );
    expect(message).toContain('not like this');
    expect(await rpc(release, '[stateOf("one").by, stateOf("two").by]')).toEqual(['one 1', 'two 1']);
    expect(await rpc(release, 'said')).toEqual(['one 2 from one 1', 'two 2 from two 1']);
    expect(await rpc(release, VERSION)).toBe('0.1.0');
    expect((await release.run(['stop'])).code).toBe(0);
    // In its log, too.
    expect((await node.ended).stderr).toMatch(
      /^demo: 0\.2\.0 was not loaded, and 0\.1\.0 runs on\.\ncodeChange of .* two failed/,
    );
  });

  test('code that cannot be imported', async () => {
    const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }));
    await started(release);
    const later = await laterVersion(release, plain('0.2.0', { one: "import './missing.mjs';" }));
    const message = await refusal(release, later);
    expect(message).toContain('Application one could not be loaded.');
    expect(await rpc(release, 'stateOf("one").by')).toBe('one 1');
  });

  test('a configuration that cannot be had', async () => {
    const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }));
    await started(release);
    const needs = bootConfiguration({ requiredEnv: ['DEMO_SECRET'] });
    const later = await laterVersion(release, plain('0.2.0', { one: changing('one 2') }, { boot: needs }));
    const message = await refusal(release, later);
    expect(message).toContain('DEMO_SECRET must be set');
    expect(await rpc(release, 'said')).toEqual([]);
    expect(await rpc(release, VERSION)).toBe('0.1.0');
  });

  test('a codeChange that never ends', async () => {
    const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }));
    await started(release, { RELEASE_UPGRADE_TIMEOUT: '1' });
    const endless = changing('one 2', 'return new Promise(() => {});');
    const later = await laterVersion(release, plain('0.2.0', { one: endless }));
    const message = await refusal(release, later);
    expect(message).toContain('has not ended after 1 s');
    expect(await rpc(release, 'stateOf("one").by')).toBe('one 1');
  });
});

test('a changed application without codeChange is named and left, unless it may be restarted', async () => {
  const release = await firstVersion(plain('0.1.0', { one: changing('one 1'), two: holder('two 1') }));
  const node = await started(release);
  const later = await laterVersion(release, plain('0.2.0', { one: changing('one 2'), two: holder('two 2') }));
  expect(await refusal(release, later)).toContain(
    'Application two has changed and exports no codeChange in 0.2.0.',
  );
  expect(await rpc(release, 'stateOf("one").by')).toBe('one 1');
  await reload(release, later, { restartChanged: true });
  expect(await rpc(release, '[stateOf("one").by, stateOf("two").by]')).toEqual(['one 2', 'two 2']);
  expect(await rpc(release, 'said')).toEqual(['one 2 from one 1']);
  await done(release, 'stop');
  expect((await node.ended).stdout.match(/stopped .*/g)).toEqual([
    'stopped two 1',
    'stopped two 2',
    'stopped one 2',
  ]);
});

test('applications that are new are started, those that are gone are stopped, in their order', async () => {
  const release = await firstVersion(plain('0.1.0', { gone: holder('gone'), one: changing('one 1') }));
  const node = await started(release);
  const second = plain('0.2.0', { fresh: holder('fresh'), one: changing('one 2') });
  await reload(release, await laterVersion(release, second));
  expect(await rpc(release, '[stateOf("fresh").by, stateOf("fresh").release.version]')).toEqual([
    'fresh',
    '0.2.0',
  ]);
  expect(await rpc(release, 'stateOf("gone") ?? null')).toBe(null);
  await done(release, 'stop');
  expect((await node.ended).stdout.match(/stopped .*/g)).toEqual([
    'stopped gone',
    'stopped one 2',
    'stopped fresh',
  ]);
});

test('the configuration is that of the new version, and applications are told what is different', async () => {
  const files = { same: changing('same'), one: changing('one 1') };
  const config = { same: { port: 1, name: 'x' }, one: { size: 1 } };
  const release = await firstVersion(plain('0.1.0', files, { config }));
  await started(release);
  const next = { same: { port: 2, name: 'x' }, one: { size: 2 } };
  const second = plain('0.2.0', { ...files, one: changing('one 2') }, { config: next });
  await reload(release, await laterVersion(release, second));
  expect(await rpc(release, 'said')).toEqual(['one 2 from one 1', 'same {"port":2}', 'one 2 {"size":2}']);
  expect(await rpc(release, "globalThis[Symbol.for('sarma.release')].configuration")).toEqual(next);
});

test('an application that starts with the new configuration is not told of it again', async () => {
  const configured = (name: string) =>
    holder(
      name,
      `configChange: (state, { changed }) => void said.push('${name} ' + JSON.stringify(changed)),`,
    );
  const files = (number: number) => ({
    same: configured('same'),
    restarted: configured(`restarted ${number}`),
    ...(number === 2 && { fresh: configured('fresh') }),
  });
  const config = (size: number) => ({ same: { size }, restarted: { size }, fresh: { size } });
  const release = await firstVersion(plain('0.1.0', files(1), { config: config(1) }));
  await started(release);
  const later = await laterVersion(release, plain('0.2.0', files(2), { config: config(2) }));
  await reload(release, later, { restartChanged: true });
  expect(await rpc(release, '[stateOf("restarted").config, stateOf("fresh").config]')).toEqual([
    { size: 2 },
    { size: 2 },
  ]);
  expect(await rpc(release, 'said')).toEqual(['same {"size":2}']);
});

test('rpc, release(), ping, describe and the environment say which version runs', async () => {
  const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }));
  await started(release);
  const later = await laterVersion(release, {
    ...plain('0.2.0', { one: changing('one 2') }),
    packages: {
      one: {
        version: '1.1.0',
        files: { 'application.mjs': changing('one 2'), 'which.cjs': "module.exports = 'second';" },
      },
    },
  });
  await reload(release, later);
  expect(await rpc(release, VERSION)).toBe('0.2.0');
  expect(await rpc(release, 'require("./which.cjs")')).toBe('second');
  expect(await rpc(release, 'process.env.RELEASE_VSN + " " + process.env.RELEASE_ROOT')).toBe(
    `0.2.0 ${later}`,
  );
  const { running, applications } = JSON.parse((await done(release, 'describe', '--json')).stdout);
  // Of what runs, though 0.1.0 was asked.
  expect(applications).toEqual([{ name: 'one', version: '1.1.0', mode: 'permanent', state: 'running' }]);
  expect(running).toMatchObject({ version: '0.2.0', versions: ['0.1.0', '0.2.0'], reloadLimit: 10 });
  expect(running.reloads).toMatchObject([{ from: '0.1.0', to: '0.2.0', cost: { modules: 1 } }]);
  expect(running.reloads[0].cost.source).toBeGreaterThan(0);
  expect(running.reloads[0].cost.heap).toEqual(expect.any(Number));
  expect((await done(release, 'describe')).stdout).toMatch(
    /Running .*version 0\.2\.0[\s\S]*Reloaded .* 0\.1\.0 → 0\.2\.0: 1 module, 1 kB; the heap .* MB/,
  );
});

test('going down, the newer code changes the state, the older takes it, and what was loaded is used again', async () => {
  const codeOf = (number: number) => `
globalThis.loaded = (globalThis.loaded ?? 0) + 1;
globalThis.order ??= [];
export default {
  start: () => ({ shape: ${number} }),
  codeChange(state, { direction, step, onExchange }) {
    order.push(['${number}', direction, step, state.shape].join(' '));
    onExchange(() => order.push('exchange ${number}'));
    if (step === 'leave') return { shape: ${number - 1} };
    return direction === 'upgrade' ? { shape: ${number} } : state;
  },
};`;
  const versions = [1, 2].map((number) => plain(`0.${number}.0`, { one: codeOf(number) }));
  const release = await firstVersion(versions[0]!);
  await started(release, { RELEASE_RELOADS: '1' });
  const later = await laterVersion(release, versions[1]!);
  await reload(release, later);
  expect(await reload(release, release.root)).toMatchObject({ record: { cost: { modules: 0 } } });
  expect(await rpc(release, '[stateOf("one"), loaded]')).toEqual([{ shape: 1 }, 2]);
  await reload(release, later);
  expect(await rpc(release, '[stateOf("one"), loaded]')).toEqual([{ shape: 2 }, 2]);
  const up = ['2 upgrade enter 1', 'exchange 2'];
  const down = ['2 downgrade leave 2', '1 downgrade enter 1', 'exchange 2', 'exchange 1'];
  expect(await rpc(release, 'order')).toEqual([...up, ...down, ...up]);
});

test('behind RELEASE_RELOADS versions a reload is refused in favour of upgrade', async () => {
  const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }));
  await started(release, { RELEASE_RELOADS: '1' });
  await reload(release, await laterVersion(release, plain('0.2.0', { one: changing('one 2') })));
  const third = await laterVersion(release, plain('0.3.0', { one: changing('one 3') }));
  const message = await refusal(release, third);
  expect(message).toContain('RELEASE_RELOADS allows 1');
  expect(message).toContain('upgrade 0.3.0 starts a process of its own');
  expect(await rpc(release, VERSION)).toBe('0.2.0');
});

test('asked only what would be done, it says it and loads nothing', async () => {
  const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }));
  await started(release);
  const later = await laterVersion(release, plain('0.2.0', { one: changing('one 2') }));
  const { plan, record } = await reload(release, later, { dryRun: true });
  expect(plan).toMatchObject({ obstacles: [], applications: [{ name: 'one', change: 'reload' }] });
  expect(record).toBeUndefined();
  expect(await rpc(release, '[said, stateOf("one").by]')).toEqual([[], 'one 1']);
});

test('a new application that cannot start takes the node back to the version that is permanent', async () => {
  const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }));
  await started(release);
  const failing = "export default { start() { throw new Error('no room'); } };";
  const later = await laterVersion(release, plain('0.2.0', { one: changing('one 2'), fresh: failing }));
  const before = await rpc(release, 'process.pid');
  const message = await refusal(release, later);
  expect(message).toContain('no room');
  expect(message).toContain('restarts with 0.1.0');
  await expect
    .poll(() => release.run(['rpc', '--json', '[stateOf("one")?.by, process.pid]']))
    .toMatchObject({
      stdout: `${JSON.stringify(['one 1', before])}\n`,
    });
});

test('a node that cannot go back to it either ends, and says why and why not', async () => {
  const needs = {
    boot: bootConfiguration({ requiredEnv: ['DEMO_SECRET'], sys: 'releases/0.1.0/sys.config.json' }),
  };
  const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }, needs));
  const node = await started(release, { DEMO_SECRET: 'x' });
  const failing = "export default { start() { throw new Error('no room'); } };";
  const forgetful = changing('one 2', 'delete process.env.DEMO_SECRET;');
  const later = await laterVersion(release, plain('0.2.0', { one: forgetful, fresh: failing }));
  const message = await refusal(release, later);
  expect(message).toContain('no room');
  expect(message).toMatch(/cannot be started again as 0\.1\.0:\n.*\n.*DEMO_SECRET must be set/);
  const { code, stderr } = await node.ended;
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});

test('telemetry hears of every reload on the channel sarma.upgrade', async () => {
  const listening = `
import { subscribe } from 'node:diagnostics_channel';
globalThis.heard = [];
subscribe('sarma.upgrade', ({ kind, event, from, to, direction, applications, error }) =>
  heard.push([kind, event, from, to, direction, applications.join(), error?.code].join(' ')));
`;
  const release = await firstVersion(plain('0.1.0', { one: listening + changing('one 1') }));
  await started(release);
  const failing = changing('one 2', 'throw 1;');
  await refusal(release, await laterVersion(release, plain('0.2.0', { one: failing })));
  await reload(release, await laterVersion(release, plain('0.3.0', { one: changing('one 3') })));
  expect(await rpc(release, 'heard')).toEqual([
    'reload start 0.1.0 0.2.0 upgrade one ',
    'reload error 0.1.0 0.2.0 upgrade one CODE_CHANGE_FAILED',
    'reload start 0.1.0 0.3.0 upgrade one ',
    'reload end 0.1.0 0.3.0 upgrade one ',
  ]);
});

describe('while something else changes the node', () => {
  /** Its codeChange waits until it is told to go on. */
  const slow = changing(
    'one 2',
    'return new Promise((done) => { globalThis.goOn = () => done({ ...state, by: "one 2" }); });',
  );

  async function reloadingSlowly() {
    const release = await firstVersion(plain('0.1.0', { one: changing('one 1') }));
    const node = await started(release);
    const later = await laterVersion(release, plain('0.2.0', { one: slow }));
    const reloading = reload(release, later).catch((error: Error) => error);
    await expect.poll(() => rpc(release, 'typeof goOn')).toBe('function');
    return { release, node, later, reloading };
  }

  test('a second reload is refused, and so is a restart', async () => {
    const { release, later, reloading } = await reloadingSlowly();
    expect(await refusal(release, later)).toContain('a reload is under way');
    expect(await release.run(['restart'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot be restarted now'),
    });
    await done(release, 'rpc', 'goOn()');
    expect(await reloading).toMatchObject({ record: { to: '0.2.0' } });
  });

  test('reload_config waits for it and reads that of the new version', async () => {
    const { release, reloading } = await reloadingSlowly();
    const configuring = release.run(['reload_config']);
    await done(release, 'rpc', 'goOn()');
    expect(await reloading).toMatchObject({ record: { to: '0.2.0' } });
    expect(await configuring).toMatchObject({ code: 0, stdout: 'Nothing has changed.\n' });
  });

  test('stop lets it stay what it was, and stops that', async () => {
    const { release, node, reloading } = await reloadingSlowly();
    const stopping = release.run(['stop']);
    await expect.poll(() => release.run(['describe', '--json'])).toMatchObject({ code: 0 });
    await done(release, 'rpc', 'setTimeout(goOn, 200)');
    expect(String(await reloading)).toContain('was told to stop');
    expect((await stopping).code).toBe(0);
    expect((await node.ended).stdout).toContain('stopped one 1');
  });
});

test('an application under load answers every request through a reload', async () => {
  const [first, second] = counterVersions();
  const release = await firstVersion(first);
  const port = await portOf(await started(release));
  const clients = await Promise.all(Array.from({ length: 4 }, () => asking(port)));
  await reload(release, await laterVersion(release, second));
  await expect.poll(() => clients.every(({ heard }) => heard.at(-1)?.startsWith('new'))).toBe(true);
  for (const { socket } of clients) socket.destroy();
  // Not one count is lost on the way: ones by the old code, tens by the new.
  const all = clients.flatMap(({ heard }) => heard.map((line) => line.split(' ') as [string, string]));
  const numbers = (by: string) => all.filter(([who]) => who === by).map(([, number]) => Number(number));
  const last = Math.max(...numbers('old'));
  expect(numbers('old').sort((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  expect(numbers('new').sort((a, b) => a - b)).toEqual(
    numbers('new').map((_, index) => last + 10 * (index + 1)),
  );
});

/** Asks again as soon as it is answered. */
async function asking(port: number) {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  await once(socket, 'connect');
  const heard: string[] = [];
  socket.on('data', (text: string) => {
    heard.push(text.trim());
    socket.write('?');
  });
  socket.write('?');
  return { socket, heard };
}

const VERSION = "globalThis[Symbol.for('sarma.release')].release.version";

function bootConfiguration(given: object) {
  return {
    configuration: {
      sys: 'releases/0.2.0/sys.config.json',
      providers: [],
      runtime: null,
      requiredEnv: [],
      compiled: {},
      validateCompileEnv: true,
      ...given,
    },
  };
}

/** A node in which everything runs, and what it prints. */
async function started(release: TestRelease, env: Readonly<Record<string, string>> = {}) {
  const child = release.spawn(['start'], { env });
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => (stdout += chunk));
  child.stderr!.on('data', (chunk) => (stderr += chunk));
  const ended = once(child, 'close').then(([code]) => ({ stdout, stderr, code }));
  await expect.poll(() => release.run(['ping']), { timeout: 10_000 }).toMatchObject({ code: 0 });
  return { printed: () => stdout, ended };
}

/** Why it was not done. */
async function refusal(release: TestRelease, place: string): Promise<string> {
  return await reload(release, place).then(
    () => 'It was done.',
    (error: Error) => error.message,
  );
}

async function portOf(node: { readonly printed: () => string }): Promise<number> {
  await expect.poll(node.printed).toMatch(/port \d+/);
  return Number(/port (\d+)/.exec(node.printed())![1]);
}

/** A command that succeeds. */
async function done(release: TestRelease, ...args: readonly string[]): Promise<Ended> {
  const ended = await release.run(args);
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return ended;
}

async function rpc(release: TestRelease, expression: string): Promise<unknown> {
  return JSON.parse((await done(release, 'rpc', '--json', expression)).stdout);
}

async function asked(socket: Socket): Promise<string> {
  socket.write('?');
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString().trim();
}
