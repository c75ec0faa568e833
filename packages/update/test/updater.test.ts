import { chmod, chown, link, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openPublishingPlace, publishVersion } from '../../../test/support/publishing.ts';
import { lacks } from '../../../test/support/requirements.ts';
import { run, temporaryDirectory } from '../../../test/support/run.ts';
import { openTerminal } from '../../../test/support/terminal.ts';
import { makeExecutable, noise } from './support/executables.ts';
import {
  AFTER_AN_UPDATE,
  bytesIn,
  expectOld,
  hello,
  install,
  namesIn,
  publish,
  publishedHello,
  RUNTIME,
  versionOf,
} from './support/updater.ts';

const place = await publishedHello();

test('what both versions have is not fetched again', async () => {
  const { update, file, folder } = await install(place);
  place.takeRequests();
  const { stderr, stdout, exitCode } = await update();
  expect({ stderr, stdout, exitCode }).toEqual({
    stderr: `${file} is hello 1.1.0 now (0.1 MB fetched); ${folder}/.hello.previous is 1.0.0.\n`,
    stdout: '',
    exitCode: 0,
  });
  expect(bytesIn(place.takeRequests())).toBeLessThan(120_000);
  expect((await readFile(file)).equals(hello('1.1.0'))).toBe(true);
  expect(await namesIn(folder)).toEqual(AFTER_AN_UPDATE);
});

test('--check says whether there is a newer version, by its exit code too', async () => {
  const old = await install(place);
  expect(await old.update(['--check'])).toMatchObject({
    stdout: `hello 1.1.0 is there; this is 1.0.0. \`${old.file} maintenance update\` takes it.\n\nWhat is new in 1.1.0.\n`,
    exitCode: 10,
  });
  await expectOld(old);
  const newest = await install(place, { version: '1.1.0' });
  expect(await newest.update(['--check'])).toMatchObject({
    stdout: 'hello 1.1.0 is the newest.\n',
    exitCode: 0,
  });
  expect(await newest.update()).toMatchObject({ stderr: 'hello 1.1.0 is the newest.\n', exitCode: 0 });
});

test('an older version is taken where it is named, and only then', async () => {
  const { update, file } = await install(place, { version: '1.2.0' });
  expect(await update()).toMatchObject({ stderr: 'hello 1.2.0 is the newest.\n', exitCode: 0 });
  expect((await update(['--version', '0.9.0'])).exitCode).toBe(0);
  expect(await versionOf(file)).toBe('0.9.0');
});

test('a version is found by the name of its tag, too, and one that is here already is told so', async () => {
  const { update, file } = await install(place);
  expect(await update(['--version', 'v1.0.0'])).toMatchObject({
    stderr: 'This is hello 1.0.0 already.\n',
    exitCode: 0,
  });
  expect((await update(['--version', 'v0.9.0'])).exitCode).toBe(0);
  expect(await versionOf(file)).toBe('0.9.0');
  expect(await update(['--version', '1.0.0', '--channel', 'beta'])).toMatchObject({
    stderr: expect.stringContaining('--version names one version, whatever its channel'),
    exitCode: 2,
  });
});

test('a version without --version is answered with the option that takes it', async () => {
  const { update } = await install(place);
  expect(await update(['1.0.0'])).toMatchObject({
    stderr: expect.stringMatching(
      /^"1\.0\.0" is no option; `update --version V` takes a certain version\.\nusage: /,
    ),
    exitCode: 2,
  });
});

test('a channel that nothing is published for is named, and the newest of latest is taken', async () => {
  const { update, file } = await install(place);
  const { stderr, exitCode } = await update(['--channel', 'bta']);
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(
    /^Nothing of hello is published for the channel bta; the newest of latest is 1\.1\.0\.\n/,
  );
  expect(await versionOf(file)).toBe('1.1.0');
});

test('versions that nobody can compare are taken where they are named', async () => {
  const other = await openPublishingPlace();
  await publish(other, 'abc1234');
  const { update, file } = await install(other, { version: 'def5678' });
  expect(await update(['--check'])).toMatchObject({
    stderr: 'Nobody can tell whether abc1234 is newer than def5678: `--version abc1234` takes it.\n',
    exitCode: 1,
  });
  expect((await update(['--version', 'abc1234'])).exitCode).toBe(0);
  expect(await versionOf(file)).toBe('abc1234');
  other.close();
});

test('--json answers in JSON alone, errors too', async () => {
  const { update, rollback } = await install(place);
  const found = { current: '1.0.0', version: '1.1.0', isNewer: true, notes: 'What is new in 1.1.0.' };
  const check = await update(['--check', '--json']);
  expect(JSON.parse(check.stdout)).toEqual({ ...found, url: `${place.url}1.1.0/` });
  expect({ ...check, stdout: '' }).toMatchObject({ stderr: '', exitCode: 10 });
  const done = await update(['--json']);
  expect(JSON.parse(done.stdout)).toMatchObject({ ...found, updated: true, downloaded: expect.any(Number) });
  expect(done.stderr).toBe('');
  expect(JSON.parse((await rollback(['--json'])).stdout)).toEqual({ current: '1.0.0', version: '1.0.0' });
  const failed = await update(['--json', '--version', '7.0.0']);
  expect(failed.exitCode).toBe(1);
  expect(JSON.parse(failed.stdout)).toEqual({
    error: { code: 'NOT_PUBLISHED', message: expect.stringContaining('There is no hello 7.0.0') },
  });
  expect(JSON.parse((await update(['--json', '--what'])).stdout)).toMatchObject({ error: { code: 'USAGE' } });
});

test.each([['--what'], ['extra'], ['--version', '../1.0.0'], ['--channel', 'a/b']])(
  '%s is wrong usage, exit code 2',
  async (...args) => {
    const installed = await install(place);
    expect((await installed.update(args)).exitCode).toBe(2);
    await expectOld(installed);
  },
);

test('whoever listened and is gone does not stop it', async () => {
  const { command, env, file } = await install(place);
  const words = [...command, 'update', '2', 'maintenance', 'update', '--json'].map((word) => `'${word}'`);
  const { stderr } = await run('sh', ['-c', `{ ${words.join(' ')}; echo $? >&2; } | true`], { env });
  expect(stderr).toBe('0\n');
  expect(await versionOf(file)).toBe('1.1.0');
});

test('--help', async () => {
  const { update } = await install(place);
  expect(await update(['--help'])).toMatchObject({
    stdout: expect.stringContaining('usage: maintenance update'),
    exitCode: 0,
  });
});

test('a server without ranges gives the whole file', async () => {
  const { update, file } = await install(place);
  place.answerWith((request) => {
    delete request.headers.range;
    return false;
  });
  const { exitCode } = await update();
  place.answerWith(undefined);
  expect(exitCode).toBe(0);
  expect((await readFile(file)).equals(hello('1.1.0'))).toBe(true);
});

test('an old file that is damaged where it is read gives the whole file', async () => {
  const bytes = hello('1.0.0');
  bytes[1_000_000]! ^= 1;
  const { update, file } = await install(place, { bytes });
  expect((await update()).exitCode).toBe(0);
  expect((await readFile(file)).equals(hello('1.1.0'))).toBe(true);
});

test.skipIf(lacks('strace'))('an old file that its disk cannot read gives the whole file', async () => {
  const { command, env, file } = await install(place);
  const { exitCode } = await run(
    'strace',
    [
      ...['-f', '-qq', '-o', '/dev/null', '-P', file, '-e', 'trace=pread64'],
      // Behind its head and its manifest.
      ...['-e', 'inject=pread64:error=EIO:when=4+', ...command, 'update', '2', 'maintenance', 'update'],
    ],
    { env: { ...env, UV_THREADPOOL_SIZE: '1' } },
  );
  expect(exitCode).toBe(0);
  expect((await readFile(file)).equals(hello('1.1.0'))).toBe(true);
});

test('a signed file with a manifest that is none is refused by a sentence', async () => {
  const other = await openPublishingPlace();
  const bytes = makeExecutable({ version: '1.1.0', frames: [], manifest: { format: 1, name: 'hello' } });
  await publish(other, '1.1.0', bytes);
  const installed = await install(other);
  expect(await installed.update()).toMatchObject({
    stderr: 'hello 1.1.0 is damaged, or was not made by Sarma: get the new version by hand.\n',
    exitCode: 1,
  });
  await expectOld(installed);
  other.close();
});

test('bytes that were not signed are not executed, and nothing is left of them', async () => {
  const other = await openPublishingPlace();
  const mark = path.join(await temporaryDirectory(), 'was-here');
  await publish(other, '1.1.0', hello('1.1.0', `echo > ${mark}`));
  const evil = hello('1.1.0', `echo > ${mark}    `).subarray(0, -4);
  await writeFile(path.join(other.folder, '1.1.0/hello_linux-x64'), evil);
  const installed = await install(other);
  const { stderr, exitCode } = await installed.update();
  expect(stderr).toContain('hello_linux-x64 is not what was signed: its SHA-256 is another.');
  expect(exitCode).toBe(1);
  await expectOld(installed);
  expect(await stat(mark).catch(() => 'not there')).toBe('not there');
  other.close();
});

test('a version that does not start on this machine is not taken', async () => {
  const other = await openPublishingPlace();
  await publish(other, '1.1.0', hello('1.1.0', 'echo needs glibc 9.99 >&2; exit 125'));
  const installed = await install(other);
  expect(await installed.update()).toMatchObject({
    stderr: '1.1.0 does not start here, so the old version stays. needs glibc 9.99\n',
    exitCode: 1,
  });
  await expectOld(installed);
  other.close();
});

test('a program that was not published for this target is told what there is', async () => {
  const bytes = makeExecutable({ version: '1.0.0', target: 'linux-arm64', frames: [RUNTIME] });
  const installed = await install(place, { bytes });
  expect((await installed.update()).stderr).toBe(
    'hello 1.1.0 was not published as hello for linux-arm64; there is linux-x64.\n',
  );
});

test('of a universal executable each part takes from the old one what it has', async () => {
  const universal = (version: string) => {
    const slices = ['x64', 'arm64'].map((cpu) =>
      makeExecutable({
        ...{ version, target: `darwin-${cpu}` },
        frames: [noise(cpu, 1_000_000), noise(`${version} ${cpu}`, 100_000)],
      }),
    );
    const header = Buffer.alloc(16384);
    header.writeUInt32BE(0xcafebabe, 0);
    header.writeUInt32BE(slices.length, 4);
    const pieces: Buffer[] = [header];
    for (const [index, slice] of slices.entries()) {
      const offset = pieces.reduce((sum, { length }) => sum + length, 0);
      header.writeUInt32BE(offset, 8 + index * 20 + 8);
      header.writeUInt32BE(slice.length, 8 + index * 20 + 12);
      pieces.push(slice, Buffer.alloc(16384 - (slice.length % 16384)));
    }
    return Buffer.concat(pieces);
  };
  const other = await openPublishingPlace();
  const file = path.join(await temporaryDirectory(), 'hello');
  await writeFile(file, universal('1.1.0'));
  await publishVersion(other, 'hello', '1.1.0', [{ executable: file, target: 'darwin-universal' }]);
  const installed = await install(other, { bytes: universal('1.0.0') });
  await installed.update();
  expect((await readFile(installed.file)).equals(universal('1.1.0'))).toBe(true);
  const bytes = bytesIn(other.takeRequests());
  expect(bytes).toBeGreaterThan(200_000);
  expect(bytes).toBeLessThan(300_000);
  other.close();
});

test('through a symbolic link the file that it leads to is replaced, and the link stays', async () => {
  const { file, update } = await install(place);
  const elsewhere = path.join(await temporaryDirectory(), 'hello');
  await symlink(file, elsewhere);
  expect((await update([], { env: { SARMA_BIN: elsewhere } })).exitCode).toBe(0);
  expect(await versionOf(elsewhere)).toBe('1.1.0');
  expect(await namesIn(path.dirname(elsewhere))).toEqual(['hello']);
});

test('another hard link of the file keeps the old version', async () => {
  const { file, folder, update } = await install(place);
  await link(file, path.join(folder, 'other'));
  expect((await update()).exitCode).toBe(0);
  expect(await versionOf(file)).toBe('1.1.0');
  expect(await versionOf(path.join(folder, 'other'))).toBe('1.0.0');
});

test.skipIf(lacks('root'))('the new version has the rights and the owner of the old one', async () => {
  const { file, update } = await install(place);
  await chown(file, 1234, 1235);
  await chmod(file, 0o4750);
  expect((await update()).exitCode).toBe(0);
  const { mode, uid, gid } = await stat(file);
  expect([mode & 0o7777, uid, gid]).toEqual([0o4750, 1234, 1235]);
});

test('what updates left that were killed goes after an hour, and what others have there stays', async () => {
  const { folder, update } = await install(place);
  const [old, young, foreign] = [
    `.hello.${'a'.repeat(16)}.update`,
    `.hello.${'b'.repeat(16)}.update`,
    '.hello.backup.update',
  ];
  for (const name of [old, young, foreign]) await writeFile(path.join(folder, name!), '');
  const before = Date.now() / 1000 - 3700;
  for (const name of [old, foreign]) await utimes(path.join(folder, name!), before, before);
  expect((await update()).exitCode).toBe(0);
  expect(await namesIn(folder)).toEqual([young, foreign, ...AFTER_AN_UPDATE].sort());
});

test('`rollback` says what it did, and where there is nothing to do', async () => {
  const { rollback, update, file, folder } = await install(place);
  expect(await rollback()).toMatchObject({
    stderr: expect.stringMatching(/^There is no version before: .* was not updated/),
    exitCode: 1,
  });
  await update();
  expect((await rollback()).stderr).toBe(
    `${file} is hello 1.0.0 again; \`${file} maintenance rollback\` once more takes 1.0.0.\n`,
  );
  expect(await versionOf(file)).toBe('1.0.0');
  await rollback();
  expect(await versionOf(file)).toBe('1.1.0');
  expect(await namesIn(folder)).toEqual(AFTER_AN_UPDATE);
});

test.each([
  ['is damaged', (bytes: Buffer) => bytes.fill(0, 1_000_000, 1_000_100), 'is damaged'],
  ['is cut off', (bytes: Buffer) => bytes.subarray(0, 1_000_000), 'is damaged, or was not made by Sarma'],
  ['is no executable', () => Buffer.from('#!/bin/sh\necho evil\n'), 'was not made by Sarma'],
  ['does not start here', () => hello('0.9.0', 'echo needs glibc 9.99 >&2; exit 125'), 'needs glibc 9.99'],
])('a previous version that %s is not taken', async (_, change, why) => {
  const { rollback, folder, file } = await install(place);
  await writeFile(path.join(folder, '.hello.previous'), change(hello('0.9.0')), { mode: 0o755 });
  expect(await rollback()).toMatchObject({ stderr: expect.stringContaining(why), exitCode: 1 });
  expect(await versionOf(file)).toBe('1.0.0');
  expect(await namesIn(folder)).toEqual(AFTER_AN_UPDATE);
});

test.skipIf(lacks('root'))('a previous version that somebody else has put there is not taken', async () => {
  const { rollback, folder, file } = await install(place);
  const planted = path.join(folder, '.hello.previous');
  await writeFile(planted, hello('6.6.6'), { mode: 0o755 });
  await chown(planted, 1234, 1234);
  expect(await rollback()).toMatchObject({ stderr: expect.stringContaining('same owner'), exitCode: 1 });
  await rm(planted);
  await symlink('/bin/true', planted);
  expect((await rollback()).exitCode).toBe(1);
  expect(await versionOf(file)).toBe('1.0.0');
});

test.skipIf(lacks('script'))('a terminal shows how far it is, and in the end what was done', async () => {
  const { command, env, file } = await install(place);
  const line = [...command, 'update', '2', 'maintenance', 'update'].join(' ');
  const { ended } = await openTerminal(line, env);
  const { screen, exitCode } = await ended;
  expect(exitCode).toBe(0);
  expect(screen).toContain('\r\x1b[Khello 1.1.0: 0.1 MB of 0.1 MB, 2.0 MB are here');
  expect(screen).toContain(`\r\x1b[K${file} is hello 1.1.0 now`);
});

test.skipIf(lacks('script'))('a terminal shows which server is waited for', async () => {
  const { command, env } = await install(place);
  let answer = () => {};
  place.answerWith((_, response) => {
    answer = () => response.writeHead(404).end();
    return true;
  });
  const line = [...command, 'update', '2', 'maintenance', 'update', '--check'].join(' ');
  const { shows, ended } = await openTerminal(line, env);
  await shows(`Waiting for ${new URL(place.url).host} …`);
  place.answerWith(undefined);
  answer();
  expect((await ended).screen).toContain(
    '…\r\x1b[KNo version of hello is published for the channel latest at',
  );
});

test('a service says what takes the new version over', async () => {
  const { update, file } = await install(place, { settings: { kind: 'service' } });
  expect((await update()).stderr).toContain(
    `A node that runs is still 1.0.0: \`${file} upgrade\` has 1.1.0 take over from it, \`${file} restart\` starts it anew.`,
  );
});
