// What a first run asks of the system: so many calls for each file and no more, and a runtime that is stored as it is
// (`--compression none`) copied by the kernel.
import { createHash } from 'node:crypto';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { takeApart } from './support/executable-parts.ts';
import { installsIn, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { smallRuntime } from './support/runtimes.ts';
import { sealedMachine } from './support/sealed.ts';
import { type Call, callsOf, runTraced } from './support/strace.ts';

const RAN = { stdout: 'ran\n', stderr: '', exitCode: 0 };

let runtime: string;
let file: string;
let base: string;

/** The program prints `ran`; `files` lie in its folder besides. */
async function wrapStored(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const program = await makeProgram(
    { name: 'first', bin: 'main.js' },
    { 'main.js': "console.log('ran');", ...files },
  );
  return await wrapProgram(program, ['--runtime', runtime, '--code', 'copy', '--compression', 'none']);
}

beforeAll(async () => {
  runtime = await smallRuntime();
  file = await wrapStored();
});

beforeEach(async () => {
  base = await temporaryDirectory();
});

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** The installed runtime is the one in the executable. */
async function isAsStored(): Promise<void> {
  const { manifest } = takeApart(await readFile(file));
  const { runtime: installed } = await onlyInstall(base);
  expect(sha256(await readFile(path.join(installed, 'bin/node')))).toBe(manifest.runtime.sha256);
}

describe.skipIf(lacks('strace'))('a runtime that is stored as it is', () => {
  test('is copied by the kernel, and what is installed is what was stored', async () => {
    const calls = await callsOf(['copy_file_range', 'pwrite64'], file, [], {
      env: { SARMA_CACHE_DIR: base },
    });
    expect([...new Set(calls.map(({ name }) => name))]).toEqual(['copy_file_range']);
    await isAsStored();
  });

  test.each(['EXDEV', 'EINVAL', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EIO'])(
    'is read and written where the kernel cannot copy it (%s)',
    async (error) => {
      const log = path.join(await temporaryDirectory(), 'trace');
      const options = { env: { SARMA_CACHE_DIR: base }, inject: [`copy_file_range:error=${error}`], log };
      expect(await runTraced(file, [], options)).toEqual(RAN);
      expect(await readFile(log, 'utf8')).toContain('(INJECTED)');
      await isAsStored();
    },
  );

  test('comes whole where the kernel says that it copied nothing', async () => {
    const log = path.join(await temporaryDirectory(), 'trace');
    const inject = ['copy_file_range:retval=0:when=1'];
    expect(await runTraced(file, [], { env: { SARMA_CACHE_DIR: base }, inject, log })).toEqual(RAN);
    expect(await readFile(log, 'utf8')).toContain('(INJECTED)');
    await isAsStored();
  });
});

test('one wrong bit in a runtime that is stored as it is: it is damaged, and nothing is installed', async () => {
  const { stamp, manifest } = takeApart(await readFile(file));
  const damaged = path.join(await temporaryDirectory(), 'app');
  for (const at of [0, manifest.runtime.size >> 1, manifest.runtime.size - 1]) {
    const bytes = await readFile(file);
    bytes[stamp.payloadOffset + at]! ^= 1;
    const handle = await open(damaged, 'w', 0o755);
    await handle.writeFile(bytes);
    await handle.close();
    const { stdout, stderr, exitCode } = await run(damaged, [], { env: { SARMA_CACHE_DIR: base } });
    expect(stderr).toBe(`first: ${damaged} is damaged (the runtime): download it again\n`);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(await installsIn(base)).toEqual({ releases: [], runtimes: [] });
    await rm(damaged);
  }
});

test.skipIf(lacks('loops', 'mkfs.btrfs'))(
  'where the file system can share what two files have in common, a runtime that is stored as it is takes no room again',
  async () => {
    const machine = await sealedMachine(file);
    const { stdout, exitCode } = await machine.shell(`
      truncate -s 500M image
      mkfs.btrfs -q image >/dev/null 2>&1
      mkdir volume
      mount -o loop image volume
      cp app volume
      volume/app maintenance extract /mnt/volume/base
      sync
      btrfs filesystem du --raw "$(find volume/base -name node -type f)" | awk 'NR == 2 { print $1, $2 }'
      umount volume
    `);
    expect(exitCode).toBe(0);
    const [, total, alone] = /^(\d+) (\d+)\n$/.exec(stdout) ?? [];
    expect(Number(total)).toBeGreaterThan(500_000);
    // Its last block is not full.
    expect(Number(alone)).toBeLessThanOrEqual(4096);
  },
);

describe.skipIf(lacks('strace'))('for each file of the release', () => {
  const DIRECTORIES = 8;
  const FILES = 25;

  test('a first run makes four calls, and two for each directory', async () => {
    const names = Array.from({ length: DIRECTORIES }, (_, at) =>
      Array.from({ length: FILES }, (_, file) => `data/${at}/${file}.json`),
    ).flat();
    const many = await wrapStored(Object.fromEntries(names.map((name) => [name, '{}'])));
    const calls = await callsOf(['all'], many, [], { env: { SARMA_CACHE_DIR: base }, oneCore: true });
    const { release } = await onlyInstall(base);
    const below = await readdir(release, { recursive: true, withFileTypes: true });
    const own = below.filter(({ parentPath, name }) => !path.join(parentPath, name).includes('/.sarma'));
    const files = own.filter((entry) => entry.isFile()).length;
    const directories = own.filter((entry) => entry.isDirectory()).length;
    expect(files).toBeGreaterThan(DIRECTORIES * FILES);
    // Made, written, dated, closed; made, dated. The rest is what the smallest program takes.
    const rest = (
      await callsOf(['all'], file, [], {
        env: { SARMA_CACHE_DIR: await temporaryDirectory() },
        oneCore: true,
      })
    ).length;
    expect(calls.length).toBeLessThanOrEqual(4 * files + 2 * directories + rest);
    expect(count(calls, 'openat')).toBeLessThan(files + 60);
  });
});

const count = (calls: readonly Call[], wanted: string) => calls.filter(({ name }) => name === wanted).length;
