// `APP maintenance …`: what one can ask an executable about itself (promises P8 and P13).
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { installsIn, listing, marker, onlyInstall } from './support/installs.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, temporaryDirectory, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';

let program: Program;
let file: string;
let base: string;

beforeAll(async () => {
  program = await makeProgram(
    { name: 'tended', bin: 'main.js' },
    {
      'main.js': `
        console.log('ready', process.argv.slice(2).join());
        if (process.argv[2] === 'wait') setInterval(() => {}, 1000);
      `,
      'data/text.txt': 'text\n',
    },
  );
  file = await wrapProgram(program);
});

beforeEach(async () => {
  // With nothing of others beside it.
  base = path.join(await temporaryDirectory(), 'cache');
  await mkdir(base);
});

const app = async (...args: readonly string[]) => await run(file, args, { env: { SARMA_CACHE_DIR: base } });
const maintain = async (...args: readonly string[]) => await app('maintenance', ...args);

test('`directory` prints where the program is, or would be', async () => {
  const before = await maintain('directory');
  expect(before.stdout).toMatch(new RegExp(`^${base}/releases/tended-1\\.0\\.0-[0-9a-f]{12}\n$`));
  expect(await installsIn(base)).toEqual({ releases: [], runtimes: [] });
  await app();
  expect(await maintain('directory')).toEqual({ ...before, stderr: '', exitCode: 0 });
  expect((await stat(before.stdout.trim())).isDirectory()).toBe(true);
});

test('`meta` prints the id and the manifest, which are also what `sarma inspect` finds', async () => {
  const { stdout, stderr, exitCode } = await maintain('meta');
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  const { id, ...manifest } = JSON.parse(stdout);
  expect(manifest).toMatchObject({ format: 1, name: 'tended', version: '1.0.0', kind: 'cli' });
  expect(JSON.parse((await runCommand(['inspect', '--json', file])).stdout)).toMatchObject({ id, manifest });
});

test('`meta --sbom` prints the bill of materials, where nothing can be installed too', async () => {
  const env = { SARMA_CACHE_DIR: '/proc/none', HOME: '/proc/none' };
  const { stdout, stderr, exitCode } = await run(file, ['maintenance', 'meta', '--sbom'], { env });
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  expect(stdout).toBe((await runCommand(['inspect', '--sbom', file])).stdout);
  expect(JSON.parse(stdout)).toMatchObject({ metadata: { component: { name: 'tended' } } });
  expect(await maintain('meta', '--other')).toMatchObject({ stdout: '', exitCode: 125 });
});

describe('`verify`', () => {
  test('finds nothing wrong in a fresh install, and fails where there is none', async () => {
    expect(await maintain('verify')).toMatchObject({
      stderr: 'tended: it is not installed\n',
      exitCode: 125,
    });
    await app();
    expect((await maintain('verify')).stderr).toMatch(/: every file is as it should be\n$/);
  });

  test.each([
    ['', true],
    [', even where a directory shows that something happened', false],
  ])('finds and repairs what a run does not look for, and keeps what it replaces%s', async (_, hidden) => {
    await app();
    const { release, runtime } = await onlyInstall(base);
    const text = path.join(release, 'lib/tended-1.0.0/data/text.txt');
    await alter(text, hidden);
    await alter(path.join(runtime, 'bin/node'), hidden);
    const before = await listing(base);
    const { stderr, exitCode } = await maintain('verify');
    expect(stderr).toMatch(/: repaired 2 files\n$/);
    expect(exitCode).toBe(0);
    expect(await readFile(text, 'utf8')).toBe('text\n');
    expect(await readFile(`${text}.replaced`, 'utf8')).toBe('tevt\n');
    await unlink(`${text}.replaced`);
    expect(Object.keys(await listing(base))).toEqual(Object.keys(before));
    expect((await maintain('verify')).stderr).toMatch(/: every file is as it should be\n$/);
  });

  test('makes an install whole that has lost its marker', async () => {
    await app();
    const { release } = await onlyInstall(base);
    await unlink(path.join(release, '.sarma/marker'));
    const { stderr, exitCode } = await maintain('verify');
    expect(stderr).toMatch(/: every file is as it should be\n$/);
    expect(exitCode).toBe(0);
    expect((await marker(release)).get('name')).toBe('tended');
  });

  /** Changes bits and neither size, mode nor time of the file; those of its directory neither if it is to be hidden. */
  async function alter(name: string, hidden: boolean): Promise<void> {
    const directory = await stat(path.dirname(name));
    const { mtime, mode } = await stat(name);
    const bytes = await readFile(name);
    bytes[2]! ^= 'x'.charCodeAt(0) ^ 'v'.charCodeAt(0);
    await writeFile(`${name}.new`, bytes);
    await chmod(`${name}.new`, mode);
    await utimes(`${name}.new`, mtime, mtime);
    await rename(`${name}.new`, name);
    if (hidden) await utimes(path.dirname(name), directory.mtime, directory.mtime);
  }
});

describe('`uninstall`', () => {
  test('leaves the file system as it was before the first run', async () => {
    const before = await listing(path.dirname(base));
    await app();
    const { stderr, exitCode } = await maintain('uninstall', '--yes');
    expect(stderr).toMatch(new RegExp(`^removed ${base}/releases/tended-1\\.0\\.0-[0-9a-f]{12}\n$`));
    expect(exitCode).toBe(0);
    expect(Object.keys(await listing(path.dirname(base)))).toEqual(Object.keys(before));
    expect(await readdir(base)).toEqual([]);
  });

  test('removes an install that has lost its marker', async () => {
    await app();
    await unlink(path.join((await onlyInstall(base)).release, '.sarma/marker'));
    const { stderr, exitCode } = await maintain('uninstall', '--yes');
    expect(stderr).toMatch(/^removed .*\/releases\/tended-1\.0\.0-[0-9a-f]{12}\n$/);
    expect(exitCode).toBe(0);
    expect(await readdir(base)).toEqual([]);
  });

  test('removes the directory that a first run made, and none that was there before', async () => {
    const made = path.join(base, 'made');
    const env = { SARMA_CACHE_DIR: made };
    await run(file, [], { env });
    expect((await run(file, ['maintenance', 'uninstall', '--yes'], { env })).exitCode).toBe(0);
    expect(await readdir(base)).toEqual([]);
    await mkdir(made);
    await run(file, [], { env });
    expect((await run(file, ['maintenance', 'uninstall', '--yes'], { env })).exitCode).toBe(0);
    expect(await readdir(made)).toEqual([]);
  });

  test.skipIf(lacks('setpriv'))(
    'goes on where one place is not the user’s to change, and names that',
    async () => {
      // The other directories of tests are root's alone.
      const home = await mkdtemp('/var/tmp/sarma-test-');
      onTestFinished(async () => await rm(home, { recursive: true }));
      await chown(home, 1234, 1234);
      const executable = path.join(home, 'app');
      await execa('install', ['-o', '1234', '-m', '755', file, executable]);
      const [one, two] = [path.join(home, 'one'), path.join(home, 'two')];
      const under = ['setpriv', '--reuid=1234', '--regid=1234', '--clear-groups'] as const;
      for (const place of [one, two])
        await run(executable, [], { env: { TENDED_INSTALL_DIR: place }, under });
      await execa('chown', ['-R', '0:0', one]);
      await chmod(one, 0o755);
      const env = { TENDED_INSTALL_DIR: one, SARMA_CACHE_DIR: two };
      const { stderr, exitCode } = await run(executable, ['maintenance', 'uninstall', '--yes'], {
        env,
        under,
      });
      expect(stderr).toContain(`removed ${two}/releases/`);
      expect(stderr).toContain(
        `tended: not everything could be removed:\n  ${one}: cannot lock ${one}/locks/gc: permission denied\n`,
      );
      expect(exitCode).toBe(125);
      expect((await installsIn(one)).releases).toHaveLength(1);
    },
  );

  test('needs --yes where nobody can be asked', async () => {
    await app();
    const { stderr, exitCode } = await maintain('uninstall');
    expect({ stderr, exitCode }).toEqual({
      stderr: 'tended: uninstall needs --yes where nobody can be asked\n',
      exitCode: 125,
    });
    expect((await installsIn(base)).releases).toHaveLength(1);
  });

  test.skipIf(lacks('script')).each([
    ['y', /removed .*tended-1\.0\.0/, 0],
    ['n', /nothing was removed/, 1],
  ])('asks on a terminal, and takes %s for an answer', async (answer, said, left) => {
    await app();
    const { stdout } = await run('script', ['-qec', `${file} maintenance uninstall`, '/dev/null'], {
      env: { SARMA_CACHE_DIR: base },
      input: `${answer}\n`,
    });
    expect(stdout).toMatch(/remove\? \[y\/N\]/);
    expect(stdout).toMatch(said);
    expect((await installsIn(base)).releases).toHaveLength(left);
  });

  test('refuses while the program runs, and names the process', async () => {
    const running = await startProgram(file, ['wait'], { SARMA_CACHE_DIR: base });
    const { stderr, exitCode } = await maintain('uninstall', '--yes');
    expect({ stderr, exitCode }).toEqual({
      stderr: `tended: it is running (process ${running.pid}); stop it first\n`,
      exitCode: 125,
    });
    await running.stop();
    expect((await maintain('uninstall', '--yes')).exitCode).toBe(0);
  });

  test('keeps what other programs share', async () => {
    const other = await makeProgram(
      { name: 'neighbour', bin: 'main.js' },
      { 'main.js': 'console.log("here")' },
    );
    const neighbour = await wrapProgram(other);
    await app();
    await run(neighbour, [], { env: { SARMA_CACHE_DIR: base } });
    expect((await installsIn(base)).runtimes).toHaveLength(1);
    await maintain('uninstall', '--yes');
    expect(await installsIn(base)).toEqual({
      releases: [expect.stringMatching(/^neighbour-/)],
      runtimes: [expect.stringMatching(/^node-/)],
    });
    expect((await run(neighbour, [], { env: { SARMA_CACHE_DIR: base } })).stdout).toBe('here\n');
  });

  test('is content where nothing is installed', async () => {
    expect(await maintain('uninstall', '--yes')).toMatchObject({
      stderr: 'tended: nothing is installed\n',
      exitCode: 0,
    });
  });
});

describe('`extract DIR`', () => {
  test('writes an install that is synced, and the same as a first run makes', async () => {
    await app();
    const directory = path.join(await temporaryDirectory(), 'image');
    const { stdout, stderr, exitCode } = await maintain('extract', directory);
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: '',
      stderr: `tended: wrote tended 1.0.0 to ${directory}\n`,
      exitCode: 0,
    });
    expect((await marker((await onlyInstall(directory)).release)).get('durable')).toBe('1');
    expect((await readdir(directory)).sort()).toEqual(['releases', 'runtimes']);
    for (const folder of ['releases', 'runtimes']) {
      expect(await listing(path.join(directory, folder))).toEqual(await listing(path.join(base, folder)));
    }
  });

  test.skipIf(lacks('strace'))('is used beside the executable without a write or a lock', async () => {
    const root = await temporaryDirectory();
    await mkdir(path.join(root, 'bin'));
    await cp(file, path.join(root, 'bin/app'));
    const id = JSON.parse((await runCommand(['inspect', '--json', file])).stdout).id as string;
    await mkdir(path.join(root, 'lib/sarma'), { recursive: true });
    await maintain('extract', path.join(root, 'lib/sarma', id));
    const log = path.join(root, 'trace');
    const { stdout } = await run('strace', ['-f', '-qq', '-o', log, path.join(root, 'bin/app'), 'x'], {
      env: { HOME: '/nowhere', SARMA_CACHE_DIR: path.join(root, 'not-made') },
    });
    expect(stdout).toBe('ready x\n');
    const calls = await readFile(log, 'utf8');
    const ofStub = calls.slice(0, calls.lastIndexOf(' execve('));
    expect(ofStub).toContain(`${root}/lib/sarma/${id}/releases`);
    expect(ofStub).not.toMatch(/flock|mkdir|O_CREAT|O_WRONLY|O_RDWR|rename|unlink|utimens| write\(/);
    expect(await readdir(root)).toEqual(['bin', 'lib', 'trace']);
  });

  test('can be repeated over what is there', async () => {
    const directory = await temporaryDirectory();
    await maintain('extract', directory);
    const before = await listing(directory);
    expect((await maintain('extract', directory)).exitCode).toBe(0);
    expect(await listing(directory)).toEqual(before);
  });

  test('makes the directories above it', async () => {
    const directory = path.join(base, 'a/b/c');
    expect((await maintain('extract', directory)).exitCode).toBe(0);
    expect((await installsIn(directory)).releases).toHaveLength(1);
  });

  test.skipIf(lacks('strace'))(
    'leaves nothing that was not there where it fails or is interrupted',
    async () => {
      await mkdir(path.join(base, 'there'));
      for (const directory of ['a/b', 'there']) {
        for (const fault of ['error=ENOSPC', 'signal=INT']) {
          const inject = `inject=fallocate:${fault}:when=1`;
          const args = ['maintenance', 'extract', path.join(base, directory)];
          const { exitCode } = await run('strace', ['-f', '-o', '/dev/null', '-e', inject, file, ...args]);
          expect(exitCode).not.toBe(0);
          expect(Object.keys(await listing(base))).toEqual(['there']);
        }
      }
    },
  );

  test('says what is wrong with a place that cannot be written', async () => {
    const { stderr, exitCode } = await maintain('extract', '/proc/nothing/here');
    expect(stderr).toMatch(/^tended: cannot create \/proc\/nothing: .+\n$/);
    expect(exitCode).toBe(125);
  });
});

test.each([[], ['bogus'], ['directory', 'x'], ['extract'], ['uninstall', '--no'], ['verify', '--yes']])(
  '`maintenance %s %s` is wrong usage: exit code 125, nothing on stdout',
  async (...args) => {
    const { stdout, stderr, exitCode } = await maintain(...args.filter((argument) => argument !== undefined));
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr).toMatch(/^usage: tended maintenance directory /);
  },
);

test.each(['help', '--help', '-h'])('`maintenance %s` prints its usage as an answer', async (word) => {
  const { stdout, stderr, exitCode } = await maintain(word);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  expect(stdout).toMatch(/^usage: tended maintenance directory /);
});

test.each([['directory'], ['meta'], ['meta', '--sbom']])(
  '`maintenance %s %s` says so where its answer cannot be written',
  async (...args) => {
    const words = args.filter((argument) => argument !== undefined);
    const { stderr, exitCode } = await run(
      'sh',
      ['-c', 'exec "$0" maintenance "$@" > /dev/full', file, ...words],
      { env: { SARMA_CACHE_DIR: base } },
    );
    expect(stderr).toMatch(/^tended: cannot write to standard output: no space left on the device/);
    expect(exitCode).toBe(125);
  },
);

test('a directory or a link in the place of a lock file is named by whoever meets it', async () => {
  await app();
  const { release } = await onlyInstall(base);
  const lock = path.join(base, 'locks', `${path.basename(release)}.install`);
  const says = async (word: string, ...more: readonly string[]) =>
    expect(await maintain(word, ...more)).toMatchObject({
      stderr: expect.stringContaining(`${lock} is in the way: remove it\n`),
      exitCode: 125,
    });
  await unlink(lock);
  await mkdir(lock);
  await says('verify');
  await says('uninstall', '--yes');
  await rename(lock, `${base}/away`);
  await symlink('nowhere', lock);
  await says('verify');
  await says('uninstall', '--yes');
});

test("`maintenance` anywhere but first is the program's own", async () => {
  expect((await app('x', 'maintenance', 'directory')).stdout).toBe('ready x,maintenance,directory\n');
});

test('SARMA_MAINTENANCE asks without a word, and `maintenance` is then an argument of nobody', async () => {
  const { stdout } = await run(file, [], { env: { SARMA_CACHE_DIR: base, SARMA_MAINTENANCE: 'directory' } });
  expect(stdout).toBe((await maintain('directory')).stdout);
});
