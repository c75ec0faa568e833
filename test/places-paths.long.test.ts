// Names and lengths of paths that nobody thought of: of the executable, and of where it unpacks.
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';

/** The program says where it is, and what it was called with; `deep` is a module far down in it. */
let file: string;

const DEEP = Array.from({ length: 10 }, () => 'deeper-and-deeper').join('/');

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'paths', bin: 'main.js' },
    {
      'main.js': `
        const { execPath, argv0, argv, env } = process;
        require('./${DEEP}/module.js');
        console.log(JSON.stringify({ execPath, argv0, argv: argv.slice(2), bin: env.SARMA_BIN, file: __filename }));
      `,
      [`${DEEP}/module.js`]: `try { require('nowhere') } catch (error) { if (error.code !== 'MODULE_NOT_FOUND') throw error; }`,
    },
  );
  file = await wrapProgram(program);
});

/** `length` bytes long, from a directory on, which it makes. */
async function longDirectory(from: string, length: number): Promise<string> {
  const missing = length - from.length;
  const count = Math.ceil(missing / 201);
  const names = Array.from({ length: count }, (_, index) =>
    'd'.repeat(Math.floor((missing + index) / count) - 1),
  );
  const directory = [from, ...names].join('/');
  expect(directory).toHaveLength(length);
  await mkdir(directory, { recursive: true });
  return directory;
}

describe('the executable and its cache may lie in a path', () => {
  test.each([
    ['spaces', ' with  spaces '],
    ['letters of other languages', 'ünïcödé-日本語-🌯'],
    ['a line feed', 'two\nlines'],
    ['quotes', `it's "so" \`called\``],
    ['percent signs', '100%-%s%d%20'],
    ['what means something to a shell', '$HOME;&|*?<>()~#!'],
    ['what means something in a URL', 'a?b#c:d@e'],
    ['backslashes', 'back\\slash\\'],
    ['a leading dash', '-rf'],
    ['what the kernel says of deleted files', 'app (deleted)'],
    ['bytes that are no control characters to anybody', '\u0001\t\u007f'],
  ])('with %s', async (_, name) => {
    const directory = path.join(await temporaryDirectory(), name);
    await mkdir(directory);
    const app = path.join(directory, name);
    await copyFile(file, app);
    const base = path.join(directory, 'cache');
    for (const command of [app, `./${name}`]) {
      const { stdout, stderr, exitCode } = await run(command, ['--', name], {
        cwd: directory,
        env: { SARMA_CACHE_DIR: base },
      });
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      const said = JSON.parse(stdout) as Record<'execPath' | 'file' | 'bin', string>;
      expect(said).toMatchObject({ argv0: command, argv: ['--', name], bin: app });
      expect(said.execPath.startsWith(`${base}/runtimes/`)).toBe(true);
      expect(said.file.startsWith(`${base}/releases/`)).toBe(true);
    }
  });
});

describe('a path of 4,000 characters', () => {
  test('may be that of the executable', async () => {
    const directory = await longDirectory(await temporaryDirectory(), 3996);
    await copyFile(file, path.join(directory, 'app'));
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    const { stdout, stderr, exitCode } = await run(path.join(directory, 'app'), [], { env });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ bin: `${directory}/app` });
  });

  test('may be that of the directory it unpacks into and its longest file together, which the system allows 4,095', async () => {
    const home = await temporaryDirectory();
    const elsewhere = await temporaryDirectory();
    const inside = `/releases/paths-1.0.0-0123456789ab/lib/paths-1.0.0/${DEEP}/package.json`.length;
    const base = await longDirectory(home, 4095 - inside);
    const fits = await run(file, [], { env: { SARMA_CACHE_DIR: base, HOME: elsewhere } });
    expect({ stderr: fits.stderr, exitCode: fits.exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect((JSON.parse(fits.stdout) as { file: string }).file.startsWith(base)).toBe(true);

    const longer = await longDirectory(await temporaryDirectory(), 4096 - inside);
    const env = { SARMA_CACHE_DIR: longer, XDG_CACHE_HOME: elsewhere, SARMA_DEBUG: '1' };
    const { stdout, stderr, exitCode } = await run(file, [], { env });
    expect(exitCode).toBe(0);
    expect((JSON.parse(stdout) as { file: string }).file.startsWith(elsewhere)).toBe(true);
    expect(stderr).toContain(
      'its path is too long: with it, a file of this program would have one of 4096 bytes',
    );
    expect(await readdir(longer)).toEqual([]);
  });

  test('is told to be too long where the executable’s own is longer than the system can say', async () => {
    // Gone at its end: nothing but `rm` can remove a path as long.
    const script = `
      top=$PWD
      for i in $(seq 21); do mkdir "$2"; cd -P "$2"; done
      cp "$1" app
      ./app; code=$?
      cd "$top"; rm -rf "$2"
      exit $code`;
    const cwd = await temporaryDirectory();
    const { stdout, stderr, exitCode } = await run('sh', ['-c', script, 'sh', file, 'd'.repeat(200)], {
      cwd,
      env: { SARMA_CACHE_DIR: await temporaryDirectory() },
    });
    expect({ stdout, stderr, exitCode }).toEqual({
      stdout: '',
      stderr: 'paths: cannot find its own file: the name is too long\n',
      exitCode: 125,
    });
  });
});

describe('a command line that is longer than the system allows', () => {
  test('is called so, if it was short enough for the executable', async () => {
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    const start = async (length: number) => {
      const args = Array.from({ length: Math.ceil(length / 100_000) }, (_, index) =>
        'x'.repeat(Math.min(100_000, length - index * 100_000)),
      );
      return await run(file, args, { env }).catch(() => null);
    };
    let [fits, fails] = [1_000_000, 8_000_000];
    let message = '';
    // Between what the system starts and what it does not lies what the stub cannot pass on.
    while (fails - fits > 1 && message === '') {
      const length = Math.floor((fits + fails) / 2);
      const transcript = await start(length);
      if (transcript?.exitCode === 0) fits = length;
      else fails = length;
      if (transcript?.exitCode === 126) message = transcript.stderr;
    }
    expect(message).toMatch(/^paths: cannot execute .*\/bin\/node: the command line is too long; /);
  });
});
