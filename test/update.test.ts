// An executable takes later versions of itself: `maintenance update` and `maintenance rollback`, from a server on loopback.
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { putTogether, takeApart } from './support/executable-parts.ts';
import { openPublishingPlace, type PublishingPlace, publishVersion } from './support/publishing.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';
import { type Copy, copyOf, helloVersion } from './support/updatable.ts';

let place: PublishingPlace;
let first: string;
let second: string;
let hello: Copy;

beforeAll(async () => {
  place = await openPublishingPlace();
  first = await wrapProgram(await helloVersion(place, '1.0.0'));
  second = await wrapProgram(await helloVersion(place, '1.1.0'));
  await publishVersion(place, 'hello', '1.0.0', [{ executable: first }]);
  await publishVersion(place, 'hello', '1.1.0', [{ executable: second }]);
});
afterAll(() => place?.close());

beforeEach(async () => {
  hello = await copyOf(first);
  place.takeRequests();
});

const version = async (args: readonly string[] = []) => (await hello.run(args)).stdout;
const bytesOf = (requests: ReturnType<PublishingPlace['takeRequests']>) =>
  requests.reduce((sum, { bytes }) => sum + bytes, 0);

test('an update with the same Node fetches less than a tenth of the file, and what was there stays as the previous one', async () => {
  const { stderr, exitCode } = await hello.maintain('update');
  expect({ stderr, exitCode }).toEqual({
    stderr: expect.stringMatching(
      / is hello 1\.1\.0 now \(0\.\d MB fetched\); .*\/\.hello\.previous is 1\.0\.0\.\n$/,
    ),
    exitCode: 0,
  });
  expect(bytesOf(place.takeRequests())).toBeLessThan((await stat(second)).size / 10);
  expect((await readFile(hello.file)).equals(await readFile(second))).toBe(true);
  expect((await stat(hello.file)).mode & 0o777).toBe(0o755);
  expect((await readdir(hello.folder)).sort()).toEqual(['.hello.previous', 'hello']);
  expect(await version()).toBe('hello 1.1.0\n');
});

test('`rollback` takes the previous version again, and a second one goes forth', async () => {
  await hello.maintain('update');
  for (const expected of ['hello 1.0.0\n', 'hello 1.1.0\n']) {
    expect((await hello.maintain('rollback')).exitCode).toBe(0);
    expect(await version()).toBe(expected);
  }
  expect((await readdir(hello.folder)).sort()).toEqual(['.hello.previous', 'hello']);
});

test('a program that runs while it is updated keeps its install; the next start is the new version', async () => {
  const running = await startProgram(hello.file, ['wait'], { SARMA_CACHE_DIR: hello.base });
  expect((await hello.maintain('update')).exitCode).toBe(0);
  expect(await version()).toBe('hello 1.1.0\n');
  expect(await running.say('go')).toBe('hello 1.0.0 wait\nlate 1.0.0\n');
});

describe('a version that does not start here is refused, and the old one stays', () => {
  test.each([
    ['for another CPU', 'is for linux-s390x', (bytes: Buffer) => anotherCpu(bytes)],
    ['for a newer Linux', 'needs glibc 9.99 or newer', (bytes: Buffer) => forNewerLinux(bytes)],
  ])('%s', async (_, sentence, change) => {
    const { target } = takeApart(await readFile(second)).manifest;
    const file = path.join(await temporaryDirectory(), 'changed');
    await writeFile(file, change(await readFile(second)), { mode: 0o755 });
    await publishVersion(place, 'hello', '1.2.0', [{ executable: file, target }]);
    const { stderr, exitCode } = await hello.maintain('update', '--version', '1.2.0');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('1.2.0 does not start here, so the old version stays');
    expect(stderr).toContain(sentence);
    expect(await readdir(hello.folder)).toEqual(['hello']);
    expect(await version()).toBe('hello 1.0.0\n');
  });

  function anotherCpu(bytes: Buffer): Buffer {
    const parts = takeApart(bytes);
    const changed = putTogether(parts, { ...parts.manifest, target: 'linux-s390x' }, parts.frames);
    // e_machine of the ELF header: a CPU that there is none of.
    changed.writeUInt16LE(0xfeed, 18);
    return changed;
  }

  /** Whose Node needs another C library. */
  function forNewerLinux(bytes: Buffer): Buffer {
    const parts = takeApart(bytes);
    const requires = {
      ...parts.manifest.requires,
      libraries: [{ name: 'libc.so.6', versions: ['GLIBC_9.99'] }],
    };
    return putTogether(parts, { ...parts.manifest, requires }, parts.frames);
  }
});

describe.skipIf(lacks('root', 'setpriv'))('where the user may not write', () => {
  /** Where everybody may look. */
  async function shared(): Promise<{ readonly folder: string; readonly file: string }> {
    const folder = await mkdtemp(path.join(tmpdir(), 'sarma-update-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    const file = path.join(folder, 'hello');
    await copyFile(first, file);
    await mkdir(path.join(folder, 'cache'));
    await chown(path.join(folder, 'cache'), 65534, 65534);
    return { folder, file };
  }
  const asNobody = async (folder: string, file: string, args: readonly string[]) =>
    await run('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', file, ...args], {
      env: { SARMA_CACHE_DIR: path.join(folder, 'cache'), HOME: '/nowhere' },
    });

  test("in somebody else's folder, nothing is fetched, and the message has the line to type", async () => {
    const { folder, file } = await shared();
    const { stderr, exitCode } = await asNobody(folder, file, ['maintenance', 'update']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /hello cannot be replaced: you may not write there\..* `sudo .*\/hello maintenance update`/,
    );
    expect(place.takeRequests().filter((one) => one.path.endsWith('/hello_linux-x64'))).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['cache', 'hello']);
    expect((await asNobody(folder, file, ['maintenance', 'update', '--check'])).exitCode).toBe(10);
  });

  test("in a folder like /tmp, somebody else's file stays", async () => {
    const { folder, file } = await shared();
    await chmod(folder, 0o1777);
    const { stderr, exitCode } = await asNobody(folder, file, ['maintenance', 'update']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('belongs to another user');
    expect((await readFile(file)).equals(await readFile(first))).toBe(true);
  });
});
