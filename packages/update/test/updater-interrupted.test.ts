// Updates that do not come to their end, and two at once.
import { spawn } from 'node:child_process';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lacks } from '../../../test/support/requirements.ts';
import { run } from '../../../test/support/run.ts';
import {
  AFTER_AN_UPDATE,
  expectOld,
  hello,
  type Installed,
  install,
  namesIn,
  publishedHello,
  versionOf,
} from './support/updater.ts';

const place = await publishedHello();

/** Answers from now on only when it is told to; resolves with what was asked for first. */
function heldUp(pattern: RegExp) {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const asked = new Promise<void>((resolve) => {
    place.answerWith((request, response) => {
      if (!pattern.test(request.url!)) return false;
      resolve();
      response.writeHead(206, { 'content-range': request.headers.range!.replace('=', ' ').concat('/1') });
      response.flushHeaders();
      void released.then(() => response.destroy());
      return true;
    });
  });
  return {
    asked,
    release: () => {
      place.answerWith(undefined);
      release();
    },
  };
}

const start = ({ command, env }: Installed) => {
  const [program, ...args] = command;
  const child = spawn(program, [...args, 'update', '2', 'maintenance', 'update'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; signal: string | null; stderr: string }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, stderr })),
  );
  return { child, ended };
};

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s leaves nothing behind', async (signal) => {
  const installed = await install(place);
  const { asked, release } = heldUp(/_linux-x64$/);
  const { child, ended } = start(installed);
  await asked;
  expect(await namesIn(installed.folder)).toHaveLength(2);
  child.kill(signal);
  expect(await ended).toMatchObject({ signal });
  release();
  await expectOld(installed);
});

test('an executable that is replaced while it is updated stays as it is then', async () => {
  const installed = await install(place);
  const { asked, release } = heldUp(/_linux-x64$/);
  const { ended } = start(installed);
  await asked;
  await rm(installed.file);
  await writeFile(installed.file, hello('1.0.5'), { mode: 0o755 });
  release();
  expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('was replaced meanwhile') });
  expect(await versionOf(installed.file)).toBe('1.0.5');
  expect(await namesIn(installed.folder)).toEqual(['hello']);
});

test('an executable that is removed while it is updated stays away', async () => {
  const installed = await install(place);
  const { asked, release } = heldUp(/_linux-x64$/);
  const { ended } = start(installed);
  await asked;
  await rm(installed.file);
  release();
  expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') });
  expect(await namesIn(installed.folder)).toEqual([]);
  expect((await installed.update()).stderr).toMatch(/cannot be found: it was moved or removed/);
});

test('two updates at once do no harm', async () => {
  const installed = await install(place);
  const both = await Promise.all([installed.update(), installed.update()]);
  expect(both.map(({ exitCode }) => exitCode)).toContain(0);
  expect(await versionOf(installed.file)).toBe('1.1.0');
  expect(await namesIn(installed.folder)).toEqual(AFTER_AN_UPDATE);
});

/** Where an update changes something: the nth call of its kind. */
const CHANGES = [
  'pwrite64 1',
  'pwrite64 3',
  'fchown 1',
  'fchmod 1',
  'fsync 1',
  'link 1',
  'rename 1',
  'rename 2',
];

test.skipIf(lacks('strace')).each(CHANGES)(
  'killed before %s, the old version is there, and the next update comes to its end and cleans up',
  async (where) => {
    const installed = await install(place);
    await killAt(installed, where, 'update');
    expect((await readFile(installed.file)).equals(hello('1.0.0'))).toBe(true);
    await makeOld(installed.folder);
    expect((await installed.update()).exitCode).toBe(0);
    expect((await readFile(installed.file)).equals(hello('1.1.0'))).toBe(true);
    expect(await namesIn(installed.folder)).toEqual(AFTER_AN_UPDATE);
    await installed.rollback();
    expect(await versionOf(installed.file)).toBe('1.0.0');
  },
);

test.skipIf(lacks('strace')).each(['rename 1', 'rename 2'])(
  'a rollback that is killed before %s leaves one of the two versions, whole',
  async (where) => {
    const installed = await install(place);
    await installed.update();
    await killAt(installed, where, 'rollback');
    const version = await versionOf(installed.file);
    expect(['1.0.0', '1.1.0']).toContain(version);
    const next = await install(place, { folder: installed.folder, version });
    await makeOld(installed.folder);
    await next.update(['--version', '0.9.0']);
    expect(await versionOf(installed.file)).toBe('0.9.0');
    expect(await namesIn(installed.folder)).toEqual(AFTER_AN_UPDATE);
  },
);

/** Kills it when it is about to make this call. */
async function killAt({ command, env }: Installed, where: string, subcommand: string): Promise<void> {
  const [call, nth] = where.split(' ');
  const { signal } = await run(
    'strace',
    [
      ...['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`],
      ...['-e', `inject=${call}:signal=KILL:when=${nth}`],
      ...[...command, subcommand, '2', 'maintenance', subcommand],
    ],
    // Counted is in each thread.
    { env: { ...env, UV_THREADPOOL_SIZE: '1' } },
  );
  expect(signal).toBe('SIGKILL');
}

/** What is left there looks like that of an update two hours ago. */
async function makeOld(folder: string): Promise<void> {
  const before = Date.now() / 1000 - 7200;
  for (const name of (await readdir(folder)).filter((one) => one.endsWith('.update')))
    await utimes(path.join(folder, name), before, before);
}
