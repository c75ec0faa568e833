// Whatever single file or directory is lost of an install, the next run brings it back, beside programs and services that run
// (promise P7).
import { readdir, rm, symlink, unlink } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyOfInstall, listing, onlyInstall } from './support/installs.ts';
import { writeFiles } from './support/programs.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';
import { installed, makeService, say, startNode } from './support/services.ts';

let file: string;
/** The base of an undisturbed first run. */
let pattern: string;
let base: string;
let release: string;

const start = async (...args: readonly string[]) => await run(file, args, { env: { SARMA_CACHE_DIR: base } });
const expected = { stdout: 'whole\n', stderr: '', exitCode: 0, signal: undefined };

beforeAll(async () => {
  const directory = await temporaryDirectory();
  await writeFiles(directory, {
    'package.json': '{ "name": "lost", "version": "1.0.0", "bin": "main.js" }',
    'main.js': `
      if (process.argv[2] !== 'wait') console.log('whole');
      else {
        console.log('waiting');
        process.stdin.once('data', () => { console.log(require('./late.js')); process.exit(); });
      }
    `,
    'late.js': 'module.exports = "late";',
    'data/deep/er/text.txt': 'text\n',
    'data/empty': '',
    'data/with space, ü and\nline': 'odd\n',
    'data/.hidden': 'hidden\n',
  });
  await symlink('late.js', path.join(directory, 'link.js'));
  file = await wrapProgram({ directory, entry: 'main.js' });
  base = pattern = await temporaryDirectory();
  expect(await start()).toEqual(expected);
});

beforeEach(async () => {
  ({ base, release } = await copyOfInstall(pattern));
});

/** Paths in the base, of what was installed and of what was made for installing it. */
async function namesOf(kind: 'isFile' | 'isDirectory'): Promise<readonly string[]> {
  const entries = await readdir(base, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry[kind]())
    .map(({ parentPath, name }) => path.relative(base, path.join(parentPath, name)))
    .filter((name) => /^(releases|runtimes)\/./.test(name));
}

describe('an installed program', () => {
  test.each([
    ['files', 'isFile', 13],
    ['directories', 'isDirectory', 8],
  ] as const)('that lost any one of its %s has it back', { timeout: 600_000 }, async (_, kind, least) => {
    const names = await namesOf(kind);
    expect(names.length).toBeGreaterThan(least);
    for (const lost of names) {
      await rm(path.join(base, lost), { recursive: true });
      expect({ lost, ...(await start()) }).toEqual({ lost, ...expected });
      expect({ lost, ...(await listing(base)) }).toEqual({ lost, ...(await listing(pattern)) });
      const { stdout } = await run('diff', ['-r', '--no-dereference', '--exclude=marker', pattern, base]);
      expect({ lost, stdout }).toEqual({ lost, stdout: '' });
    }
  });
});

test('a program that runs holds up no repair of its files, and goes on with what came back', async () => {
  const running = await startProgram(file, ['wait'], { SARMA_CACHE_DIR: base });
  const place = (name: string) => path.join(release, 'lib/lost-1.0.0', name);
  await unlink(place('late.js'));
  expect(await start()).toEqual(expected);
  await unlink(place('main.js'));
  expect(await start('maintenance', 'verify')).toMatchObject({
    stderr: expect.stringMatching(/: repaired 1 file\n$/),
    exitCode: 0,
  });
  expect(await running.say('go')).toBe('waiting\nlate\n');
});

test('a service that runs holds up no repair either: any command of it brings back what it goes on with', async () => {
  const service = await makeService('lasting', {
    'application.ts': `
      import { defineApplication } from '@sarma/app';
      export const late = async () => (await import('./' + 'late.js')).default;
      export default defineApplication({ start() {} });`,
    'late.js': 'export default "late";',
  });
  const one = await installed(await wrapProgram(service));
  await startNode(one);
  const pid = await say(one, 'pid');
  const cache = path.join(one.env.XDG_CACHE_HOME!, 'sarma');
  // Node's compile cache comes when the service has run for some seconds.
  const files = async () =>
    Object.entries(await listing(cache)).filter(([name]) => !name.includes('/compile-cache'));
  const whole = await files();
  const { release, runtime } = await onlyInstall(cache);
  const [late] = (await readdir(release, { recursive: true })).filter((name) => name.endsWith('/late.js'));
  await unlink(path.join(release, late!));
  await unlink(path.join(runtime, 'bin/node'));
  await say(one, 'version');
  expect(await files()).toEqual(whole);
  expect(await say(one, 'rpc', "(await import('./application.js')).late()")).toBe("'late'");
  expect(await say(one, 'pid')).toBe(pid);
});
