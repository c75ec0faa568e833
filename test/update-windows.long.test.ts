// An executable for Windows updates itself, under Wine with Node 22 (Wine 8 cannot start Node 24): a file that runs is renamed
// aside, and the new one takes its name.
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPublishingPlace, type PublishingPlace, publishVersion } from './support/publishing.ts';
import { lacks } from './support/requirements.ts';
import { wrapProgram } from './support/run.ts';
import { helloVersion } from './support/updatable.ts';
import { buildForWindows, killHard, newWine, type Place, untilWritten, type Wine } from './support/wine.ts';

/** FILE_SHARE_READ */
const SHARED_FOR_READING = '1';

describe.skipIf(lacks('wine'))('under Wine', () => {
  let publishing: PublishingPlace;
  let windows: Wine;
  let first: string;
  let second: string;
  let hello: Place;
  let holder: string;
  let folders = 0;

  // Written synchronously: Wine's pipes lose what console.log has not written yet.
  const main = (version: string) => ({
    'main.js': `
      const fs = require('node:fs');
      fs.writeSync(1, 'hello ${version} ' + (process.env.NODE_OPTIONS ?? ''));
      if (process.argv[2] === 'wait') setTimeout(process.exit, 60000);
    `,
  });
  const wrapped = async (version: string) =>
    await wrapProgram(await helloVersion(publishing, version, { files: main(version) }), [
      ...['-t', 'win-x64', '--runtime', '22'],
    ]);

  beforeAll(async () => {
    publishing = await openPublishingPlace();
    windows = await newWine();
    holder = await buildForWindows('holder');
    [first, second] = [await wrapped('1.0.0'), await wrapped('1.1.0')];
    await publishVersion(publishing, 'hello', '1.1.0', [{ executable: second }]);
  });
  afterAll(async () => {
    publishing?.close();
    await windows?.stop();
  });
  beforeEach(async () => {
    const folder = `programs ${++folders}`;
    await mkdir(windows.place(folder).unix);
    hello = windows.place(folder, 'hello.exe');
    await copyFile(first, hello.unix);
  });

  const start = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    await windows.start(hello.windows, args, { env: { SARMA_CACHE_DIR: 'C:\\cache', ...env } });
  const names = async () => (await readdir(path.dirname(hello.unix))).sort();

  test('an update with the same Node fetches less than a tenth; `rollback` goes back, and forth', async () => {
    publishing.takeRequests();
    const { stderr, exitCode } = await start(['maintenance', 'update'], { NODE_OPTIONS: '--no-such-option' });
    expect({ stderr, exitCode }).toEqual({
      stderr: expect.stringMatching(/hello\.exe is hello 1\.1\.0 now/),
      exitCode: 0,
    });
    const new_ = await readFile(second);
    expect((await readFile(hello.unix)).equals(new_)).toBe(true);
    const bytes = publishing.takeRequests().reduce((sum, one) => sum + one.bytes, 0);
    expect(bytes).toBeLessThan(new_.length / 10);
    expect(await names()).toEqual(['.hello.exe.previous', 'hello.exe']);
    expect((await start([])).stdout).toBe('hello 1.1.0 ');
    for (const version of ['1.0.0', '1.1.0']) {
      expect(await start(['maintenance', 'rollback'])).toMatchObject({
        stderr: expect.stringContaining(`\`"${hello.windows}" maintenance rollback\` once more takes`),
        exitCode: 0,
      });
      expect((await start([])).stdout).toBe(`hello ${version} `);
    }
  });

  test('by the variable, with --check: exit code 10', async () => {
    const env = { SARMA_MAINTENANCE: 'update' };
    const { stdout, exitCode } = await start(['--check', '--json'], env);
    expect(exitCode).toBe(10);
    expect(JSON.parse(stdout)).toMatchObject({ current: '1.0.0', version: '1.1.0', isNewer: true });
  });

  test('an updater that is killed between its two renames has the old version take its name back', async () => {
    const env = { SARMA_CACHE_DIR: 'C:\\cache of killed' };
    const { stdout } = await start(['maintenance', 'install'], env);
    const release = windows.place(...stdout.trim().split(/[\\/]/).slice(1));
    const killed = `
      import fs from 'node:fs';
      import path from 'node:path';
      const file = process.env.SARMA_BIN;
      fs.renameSync(file, path.join(path.dirname(file), '.' + path.basename(file) + '.previous'));
      if (!fs.existsSync(file)) process.kill(process.pid, 'SIGKILL');
    `;
    await writeFile(path.join(release.unix, 'releases/1.0.0/update.mjs'), killed);
    expect(await start(['maintenance', 'update'], env)).toMatchObject({ exitCode: 1 });
    expect(await names()).toEqual(['hello.exe']);
    expect((await start([], env)).stdout).toBe('hello 1.0.0 ');
  });

  test('a virus scanner that holds the executable for a moment is waited for', async () => {
    const log = path.join(windows.directory, 'log');
    const previous = path.join(path.dirname(hello.unix), '.hello.exe.previous');
    // It goes just before the executable is renamed.
    await writeFile(previous, '');
    await writeFile(log, '');
    const scanner = windows.begin(holder, [hello.windows, SHARED_FOR_READING], {}, log);
    await untilWritten(log, 'held');
    const update = start(['maintenance', 'update']);
    await expect.poll(() => existsSync(previous), { interval: 10 }).toBe(false);
    await killHard(scanner);
    expect(await update).toMatchObject({ exitCode: 0 });
    expect((await start([])).stdout).toBe('hello 1.1.0 ');
  });

  test('a program that runs stays, under another name, and the next start is the new version', async () => {
    const log = path.join(windows.directory, 'log');
    await writeFile(log, '');
    const running = windows.begin(hello.windows, ['wait'], { SARMA_CACHE_DIR: 'C:\\cache' }, log);
    await untilWritten(log, 'hello 1.0.0');
    expect(await start(['maintenance', 'update'])).toMatchObject({ exitCode: 0 });
    expect(running.exitCode).toBe(null);
    expect((await start([])).stdout).toBe('hello 1.1.0 ');
    // The one that runs has the name of the previous one, which a file that runs cannot lose to another.
    expect(await start(['maintenance', 'rollback'])).toMatchObject({ exitCode: 0 });
    expect((await start([])).stdout).toBe('hello 1.0.0 ');
    await killHard(running);
  });
});
