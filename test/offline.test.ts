// What `sarma fetch` brought is all that a build needs: with --offline, no process of it opens a socket (promise P20).
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { openBuildCache } from '@sarma/wrapper';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, temporaryDirectory, wrapCommand } from './support/run.ts';

const WRAP = path.resolve(import.meta.dirname, '../packages/cli/bin/wrap.js');
const SARMA = path.resolve(import.meta.dirname, '../packages/cli/bin/sarma.js');
const TARGETS = ['-t', 'linux-x64,darwin-arm64,win-x64', '--per-target'];

let program: Program;

beforeAll(async () => {
  program = await makeProgram(
    {
      name: 'offline',
      bin: 'main.ts',
      type: 'module',
      dependencies: { 'is-odd': '3.0.1', '@node-rs/crc32': '1.10.6' },
    },
    {
      'main.ts': `import isOdd from 'is-odd';\nimport hash from '@node-rs/crc32';\nenum Answer { Yes = 'yes' }\nconsole.log(isOdd(1) && Answer.Yes, hash.crc32('hello'));`,
    },
  );
  const { exitCode, stderr } = await runCommand(['fetch', program.directory, ...TARGETS]);
  if (exitCode !== 0) throw new Error(stderr);
});

/**
 * The sockets that a command and everything it started asked the kernel for. Pairs (socketpair) are not among them: they
 * are what Node's pipes to its children are made of, and reach nobody else.
 */
async function traced(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const log = path.join(await temporaryDirectory(), 'trace');
  const { exitCode, stdout, stderr } = await execa(
    'strace',
    [
      '-f',
      '-qq',
      '-e',
      'signal=none',
      '-o',
      log,
      '-e',
      'trace=socket,connect,bind,listen',
      process.execPath,
      script,
      ...args,
    ],
    { env: { NO_COLOR: '1', ...env }, reject: false },
  );
  // A process that ends while strace lets go of it has a line, too.
  const calls = (await readFile(log, 'utf8')).replace(/^.*<detached \.\.\.>\n/gm, '');
  return { exitCode, output: stdout + stderr, calls };
}

describe('a vendored directory builds the same bytes as the network did', () => {
  const built = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const out = await temporaryDirectory();
    const { exitCode, stdout, stderr } = await wrapCommand(
      [program.directory, ...TARGETS, '--frozen', '--compression', 'fast', '-o', `${out}/`, ...args],
      { env },
    );
    expect({ exitCode, said: exitCode === 0 ? '' : stdout + stderr }).toEqual({ exitCode: 0, said: '' });
    const names = (await readdir(out)).filter((name) => /_(linux|darwin|win)-[a-z0-9]+(\.exe)?$/.test(name));
    expect(names).toHaveLength(3);
    return await Promise.all(names.toSorted().map((name) => hashFile(path.join(out, name))));
  };

  test('as a copy of the build cache', async () => {
    const vendored = path.join(await temporaryDirectory(), 'vendor');
    const env = { SARMA_BUILD_CACHE: vendored };
    const fetched = await runCommand(['fetch', program.directory, ...TARGETS, '--frozen'], { env });
    expect(fetched.exitCode).toBe(0);
    const elsewhere = path.join(await temporaryDirectory(), 'elsewhere');
    await execa('cp', ['-r', vendored, elsewhere]);
    const nobody = { NODEJS_ORG_MIRROR: 'http://127.0.0.1:9/', npm_config_registry: 'http://127.0.0.1:9/' };
    expect(await built([], { SARMA_BUILD_CACHE: elsewhere, ...nobody })).toEqual(await built([]));
  });

  test('as a directory with the runtime of each target, given with --runtime', async () => {
    const vendored = await temporaryDirectory();
    const lock = JSON.parse(await readFile(path.join(program.directory, 'sarma.lock.json'), 'utf8'));
    for (const { key, file, sha256 } of await openBuildCache().entries()) {
      const target = Object.keys(lock.runtimes).find((name) => lock.runtimes[name].sha256 === sha256);
      if (target === undefined || !key.startsWith('runtime:')) continue;
      const place = path.join(vendored, target, target.startsWith('win-') ? 'node.exe' : 'bin/node');
      await mkdir(path.dirname(place), { recursive: true });
      await copyFile(file, place);
    }
    expect(await built(['--runtime', vendored, '--offline'])).toEqual(await built([]));
  });
});

describe.skipIf(lacks('strace'))('offline, no socket is opened, not even one of this machine,', () => {
  test('by a build for several targets', async () => {
    const out = await temporaryDirectory();
    const args = [program.directory, ...TARGETS, '--offline', '--compression', 'fast', '-o', `${out}/`];
    const { exitCode, output, calls } = await traced(WRAP, args);
    expect({ exitCode, calls, output: exitCode === 0 ? '' : output }).toEqual({
      exitCode: 0,
      calls: '',
      output: '',
    });
    if (process.platform === 'linux' && process.arch === 'x64') {
      const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
      expect((await run(path.join(out, 'offline_linux-x64'), [], { env })).stdout).toBe('yes 907060870\n');
    }
  });

  test('by `sarma fetch` and `sarma targets`', async () => {
    const fetched = await traced(SARMA, ['fetch', program.directory, ...TARGETS, '--offline']);
    expect(fetched).toMatchObject({ exitCode: 0, calls: '' });
    const listed = await traced(SARMA, ['targets', program.directory]);
    expect(listed).toMatchObject({ exitCode: 0, calls: '' });
  });

  test('where the build cache is empty: a sentence says what is missing and what to run', async () => {
    const env = { SARMA_BUILD_CACHE: await temporaryDirectory() };
    const { exitCode, output, calls } = await traced(WRAP, [program.directory, ...TARGETS, '--offline'], env);
    expect(output).toMatch(
      /error: Node [\d.]+ for [\w-]+ is not in the build cache, and --offline forbids to download it\. Run "sarma fetch" first\./,
    );
    expect({ exitCode, calls }).toEqual({ exitCode: 1, calls: '' });
  });

  test('and one that is opened would be seen', async () => {
    const env = {
      SARMA_BUILD_CACHE: await temporaryDirectory(),
      NODEJS_ORG_MIRROR: 'http://127.0.0.1:9/dist',
      npm_config_registry: 'http://127.0.0.1:9/',
    };
    const { exitCode, calls } = await traced(SARMA, ['fetch', program.directory, ...TARGETS], env);
    expect(calls).toMatch(/socket\(AF_INET/);
    expect(exitCode).toBe(1);
  });
});

async function hashFile(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
