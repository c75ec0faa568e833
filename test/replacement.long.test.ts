// The executable is replaced, deleted or moved while it runs (promise P14): the program keeps what it runs from, and who
// starts the file gets what lies there now.
import {
  chmod,
  copyFile,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { installsIn, listing } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, temporaryDirectory, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';
import { startStopped } from './support/strace.ts';

const program = async (version: string) =>
  await makeProgram(
    { name: 'replaced', version, bin: 'main.js' },
    {
      'main.js': `
        const { execFileSync, fork } = require('node:child_process');
        const cluster = require('node:cluster');
        const { Worker } = require('node:worker_threads');
        const { once } = require('node:events');

        async function late() {
          console.log('late', require('./late.js'));
          const [forked] = await once(fork(__dirname + '/child.js', ['fork']), 'message');
          console.log(forked);
          const [worker] = await once(new Worker(__dirname + '/child.js', { argv: ['worker'] }), 'message');
          console.log(worker);
          cluster.setupPrimary({ exec: __dirname + '/child.js', args: ['cluster'] });
          const [clustered] = await once(cluster.fork(), 'message');
          console.log(clustered);
          console.log(execFileSync(process.execPath, ['-p', '"execPath " + 6 * 7'], { encoding: 'utf8' }).trim());
          try {
            const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
            console.log('again', execFileSync(process.env.SARMA_BIN, ['version'], options).trim());
          } catch (error) {
            console.log('again', error.code ?? 'status ' + error.status);
          }
        }

        console.log('${version}');
        if (process.argv[2] === 'wait') process.stdin.once('data', () => late().then(() => process.exit()));
      `,
      'late.js': `module.exports = '${version}';`,
      'child.js': `
        const { parentPort } = require('node:worker_threads');
        const text = process.argv[2] + ' ' + require('./late.js');
        if (parentPort === null) { process.send(text); process.disconnect(); }
        else parentPort.postMessage(text);
      `,
    },
  );

let first: string;
let second: string;
/** The name by which it is started; its directory has nothing else. */
let file: string;
let base: string;

beforeAll(async () => {
  first = await wrapProgram(await program('1.0.0'));
  second = await wrapProgram(await program('2.0.0'));
});

beforeEach(async () => {
  base = await temporaryDirectory();
  file = path.join(await temporaryDirectory(), 'bin/app');
  await mkdir(path.dirname(file));
  await copyFile(first, file);
});

const start = async (...args: readonly string[]) => await run(file, args, { env: { SARMA_CACHE_DIR: base } });

/** What the program does after its file was changed; `again` is what it gets when it starts its own file once more. */
const allOf = (version: string, again: string) =>
  [
    ...[version, `late ${version}`, `fork ${version}`, `worker ${version}`, `cluster ${version}`],
    ...['execPath 42', `again ${again}`, ''],
  ].join('\n');

describe('while the program runs, its file is', () => {
  test.each([
    ['replaced by mv', async () => void (await shell('cp "$2" "$1.new"; mv "$1.new" "$1"')), '2.0.0'],
    [
      'replaced by cp --remove-destination',
      async () => void (await shell('cp --remove-destination "$2" "$1"')),
      '2.0.0',
    ],
    [
      'overwritten where it lies: it is not busy, since what runs is Node',
      async () => void (await shell('cat "$2" > "$1"')),
      '2.0.0',
    ],
    [
      'replaced by another program',
      async () => void (await shell('cp --remove-destination /bin/echo "$1"')),
      'version',
    ],
    ['replaced by something that is no program', async () => await notAProgram(), 'EACCES'],
    ['deleted', async () => await rm(file), 'ENOENT'],
    [
      'in a directory that is renamed',
      async () => await rename(path.dirname(file), `${path.dirname(file)}.old`),
      'ENOENT',
    ],
    [
      'in a directory that is removed',
      async () => await rm(path.dirname(file), { recursive: true }),
      'ENOENT',
    ],
    ['half there, as after a copy that was interrupted', async () => await halfOf(second), 'status 125'],
  ])('%s', async (_, change, again) => {
    const running = await startProgram(file, ['wait'], { SARMA_CACHE_DIR: base });
    await change();
    expect(await running.say('go')).toBe(allOf('1.0.0', again));
  });

  const shell = async (lines: string) => {
    const result = await run('sh', ['-ec', lines, 'sh', file, second]);
    expect(result).toEqual({ stdout: '', stderr: '', exitCode: 0, signal: undefined });
  };

  async function notAProgram() {
    await rm(file);
    await writeFile(file, 'no program', { mode: 0o644 });
  }
});

test('after a replacement the next start is the new one, while the old one runs, and the old one after a way back', async () => {
  const running = await startProgram(file, ['wait'], { SARMA_CACHE_DIR: base });
  await replaceBy(second);
  expect((await start()).stdout).toBe('2.0.0\n');
  await replaceBy(first);
  expect((await start()).stdout).toBe('1.0.0\n');
  expect(await running.say('go')).toBe(allOf('1.0.0', '1.0.0'));
});

describe('a replacement that was interrupted', () => {
  test.each([
    ['in the payload', async () => (await stat(second)).size / 2],
    ['just behind the stub', async () => 400 << 10],
    ['a byte before the end of what is read', () => endOf(second)],
  ])(
    '%s says that the file is damaged, and harms neither the install nor who runs from it',
    async (_, lengthOf) => {
      const running = await startProgram(file, ['wait'], { SARMA_CACHE_DIR: base });
      const before = await listing(base);
      await halfOf(second, await lengthOf());
      const { stdout, stderr, exitCode } = await start();
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
      expect(stderr).toBe(
        `replaced: ${file} is damaged (it ends too early: cut off in a download, or changed by a program such as upx): download it again\n`,
      );
      expect(await listing(base)).toEqual(before);
      expect(await running.say('go')).toBe(allOf('1.0.0', 'status 125'));
      await replaceBy(second);
      expect((await start()).stdout).toBe('2.0.0\n');
    },
  );

  test('by the same version runs all the same, since it is installed', async () => {
    await start();
    await halfOf(first);
    expect(await start()).toEqual({ stdout: '1.0.0\n', stderr: '', exitCode: 0, signal: undefined });
  });
});

describe('during the first run', () => {
  const env = () => ({ SARMA_CACHE_DIR: base });
  /** It knows its name, and has opened nothing. */
  const stoppedAtItsName = async () =>
    await startStopped(file, [], { env: env(), of: '/proc/self/exe' }, { name: 'readlinkat', nth: 1 });
  const whole = { stdout: '1.0.0\n', stderr: '', exitCode: 0, signal: undefined };

  test.skipIf(lacks('strace')).each([
    ['replaced by mv', async () => await replaceBy(second)],
    ['deleted', async () => await rm(file)],
    ['in a directory that is removed', async () => await rm(path.dirname(file), { recursive: true })],
    [
      'replaced by something that is no program',
      async () => {
        await rm(file);
        await writeFile(file, 'no program');
      },
    ],
  ])('the file is %s: it is the file that was started that runs', async (_, change) => {
    const { goOn } = await stoppedAtItsName();
    await change();
    expect(await goOn()).toEqual(whole);
    expect((await installsIn(base)).releases).toEqual([expect.stringContaining('replaced-1.0.0-')]);
  });

  test.skipIf(lacks('strace'))('nobody can write to the file or cut it off: it is busy', async () => {
    const { goOn } = await stoppedAtItsName();
    const { size } = await stat(file);
    await expect(open(file, 'r+')).rejects.toMatchObject({ code: 'ETXTBSY' });
    await expect(truncate(file, size / 2)).rejects.toMatchObject({ code: 'ETXTBSY' });
    expect(await goOn()).toEqual(whole);
  });

  test.skipIf(lacks('strace', 'overlays')).each([
    ['before anything of it is read', { of: '/proc/self/exe' }, 'readlinkat', 'it ends too early'],
    ['before it is unpacked', {}, 'fallocate', 'frame \\d+ of \\d+'],
  ])(
    'the file is cut off all the same, below the file system that it was started from, %s: it is damaged, and nothing stays',
    async (_, of, name, what) => {
      const under = ['unshare', '-m', 'sh', '-ec', OVERLAY, path.dirname(file)];
      const { goOn } = await startStopped(file, [], { env: env(), under, ...of }, { name, nth: 1 });
      await truncate(file, 400 << 10);
      const { stdout, stderr, exitCode } = await goOn();
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
      expect(stderr).toMatch(new RegExp(`^replaced: ${file} is damaged \\(${what}[^\n]*\n$`));
      expect(await installsIn(base)).toEqual({ releases: [], runtimes: [] });
    },
  );
});

/** Puts a layer over the directory of the executable, below which others can still write to the file. */
const OVERLAY = `
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/upper /mnt/work
  mount -t overlay -o "lowerdir=$0,upperdir=/mnt/upper,workdir=/mnt/work" overlay "$0"
  exec "$@"
`;

const replaceBy = async (other: string) => {
  await copyFile(other, `${file}.new`);
  await rename(`${file}.new`, file);
};

/** As much of the file as a copy had written when it was interrupted. */
async function halfOf(other: string, length?: number): Promise<void> {
  const bytes = await readFile(other);
  await rm(file);
  await writeFile(file, bytes.subarray(0, length ?? bytes.length / 2));
  await chmod(file, 0o755);
}

/** Where the last byte of the manifest lies; what follows is for other programs. */
async function endOf(other: string): Promise<number> {
  const { stamp } = JSON.parse((await runCommand(['inspect', '--json', other])).stdout);
  return stamp.manifestOffset + stamp.manifestLength - 1;
}
