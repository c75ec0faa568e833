// `checkForUpdate()` of @sarma/app, in what was wrapped and outside of it.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeProgram, type Program } from './support/programs.ts';
import { openPublishingPlace, type PublishingPlace, publishVersion } from './support/publishing.ts';
import { run, runNode, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';
import { smallRuntime } from './support/runtimes.ts';
import { type Copy, copyOf, helloVersion } from './support/updatable.ts';

const APP = path.resolve(import.meta.dirname, '../packages/app');

const MAIN = `
  import { checkForUpdate } from '@sarma/app';
  import { Worker } from 'node:worker_threads';
  const [what, ...args] = process.argv.slice(2);
  const print = (value) => console.log(JSON.stringify(value ?? null));
  const tell = ({ name, code, message }) => print({ name, code, message });
  const actions = {
    check: async () => print(await checkForUpdate({ channel: args[0] })),
    elsewhere: () => {
      process.env.SARMA_BIN = args[0];
      return actions.check();
    },
    aborted: async () => {
      const controller = new AbortController();
      const asked = checkForUpdate({ signal: controller.signal });
      console.log('asks');
      process.stdin.once('data', () => controller.abort());
      await asked.finally(() => process.stdin.destroy());
    },
    worker: () => void new Worker(new URL(import.meta.url), { argv: ['check'] }),
  };
  await Promise.resolve(actions[what]?.()).catch(tell);
`;
const files = { 'main.js': MAIN };
const manifest = { type: 'module', dependencies: { '@sarma/app': `file:${APP}` } };

let place: PublishingPlace;
let program: Program;
let hello: Copy;
let small: readonly string[];

beforeAll(async () => {
  small = ['--runtime', await smallRuntime()];
  place = await openPublishingPlace();
  program = await helloVersion(place, '1.0.0', { ...manifest, files });
  const first = await wrapProgram(program, small);
  for (const version of ['1.0.0', '1.1.0', '1.2.0-beta.1']) {
    const made = await wrapProgram(await helloVersion(place, version, { ...manifest, files }), small);
    await publishVersion(place, 'hello', version, [{ executable: made }]);
  }
  hello = await copyOf(first);
});
afterAll(() => place?.close());
beforeEach(() => place.answerWith(undefined));

const answer = async (...args: readonly string[]) => JSON.parse((await hello.run(args)).stdout);

test('a program is told whether there is a later version, and what is new in it', async () => {
  const notes = 'What is new in 1.1.0.';
  const url = `${place.url}1.1.0/`;
  expect(await answer('check')).toMatchObject({
    current: '1.0.0',
    version: '1.1.0',
    isNewer: true,
    notes,
    url,
  });
  expect(await answer('check', 'beta')).toMatchObject({ version: '1.2.0-beta.1', isNewer: true });
  expect(place.takeRequests().filter(({ path: file }) => file.includes('hello_'))).toEqual([]);
});

test('a worker of the program is told it, too', async () => {
  expect(await answer('worker')).toMatchObject({ version: '1.1.0', isNewer: true });
});

test("what fails is an AppError with the updater's sentence", async () => {
  place.answerWith((request, response) => {
    if (!request.url!.endsWith('.minisig')) return false;
    response.writeHead(404).end();
    return true;
  });
  expect(await answer('check')).toEqual({
    ...{ name: 'AppError', code: 'UPDATE_CHECK_FAILED' },
    message: expect.stringMatching(/^hello 1\.1\.0 is not signed: http.*\.minisig is not there\.$/),
  });
});

test('an executable that is gone, or is another program by now, is named', async () => {
  const { file, base, folder } = await copyOf(hello.file);
  const check = async (SARMA_BIN: string) =>
    await run(file, ['elsewhere', SARMA_BIN], { env: { SARMA_CACHE_DIR: base } });
  const gone = path.join(folder, 'gone');
  const error = { name: 'AppError', code: 'UPDATE_CHECK_FAILED' };
  expect(JSON.parse((await check(gone)).stdout)).toEqual({
    ...error,
    message: `${gone} cannot be asked: ENOENT.`,
  });
  expect(JSON.parse((await check('/bin/echo')).stdout)).toEqual({
    ...error,
    message: '/bin/echo is another program by now.',
  });
});

test('an AbortSignal ends it, and the process that asks', async () => {
  const { promise: socket, resolve: asks } = Promise.withResolvers<Socket>();
  place.answerWith((request) => {
    asks(request.socket);
    return true;
  });
  const running = await startProgram(hello.file, ['aborted'], { SARMA_CACHE_DIR: hello.base });
  const closed = socket.then((one) => once(one, 'close'));
  await socket;
  expect(await running.say('abort')).toMatch(/^asks\n{"name":"AbortError",.*}\n$/);
  await closed;
});

describe('undefined is the answer', () => {
  const nothing = { stdout: 'null\n', stderr: '', exitCode: 0 };

  test.each(['nothing', 'another executable'])('where plain Node runs the program below %s', async (what) => {
    const env = { SARMA_BIN: what === 'nothing' ? undefined : hello.file };
    expect(await runNode(program, ['check'], { env })).toMatchObject(nothing);
  });

  test('in an executable whose release has no `update`', async () => {
    const { file } = await copyOf(
      await wrapProgram(await makeProgram({ name: 'without', bin: 'main.js', ...manifest }, files), small),
    );
    const env = { SARMA_CACHE_DIR: hello.base };
    expect(await run(file, ['check'], { env })).toMatchObject(nothing);
  });
});
