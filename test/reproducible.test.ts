// The same inputs give the same bytes (promise P16), on a Linux x64 for three targets of different formats; in
// reproducible.long.test.ts for all of them, with all that a release can have.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { temporaryDirectory, wrapCommand } from './support/run.ts';

const TARGETS = ['linux-x64', 'darwin-arm64', 'win-x64'];

let program: Program;
/** Executables by name, with the hash of their bytes. */
let expected: Readonly<Record<string, string>>;

beforeAll(async () => {
  program = await makeProgram(
    { name: 'same-bytes', bin: 'src/main.ts', type: 'module', dependencies: { 'is-odd': '3.0.1' } },
    {
      'src/main.ts': `import isOdd from 'is-odd';\nenum Answer { Yes = 'yes' }\nconsole.log(isOdd(1) && Answer.Yes);`,
      'tsconfig.json': '{ "compilerOptions": { "module": "nodenext" } }',
      'assets/b.txt': 'b',
      'assets/a.txt': 'a',
    },
  );
  expected = await built(program.directory);
  // What proves them has the same bytes too.
  expect(Object.keys(expected).sort()).toEqual([
    'SHA256SUMS',
    'same-bytes_darwin-arm64',
    'same-bytes_darwin-arm64.cdx.json',
    'same-bytes_linux-x64',
    'same-bytes_linux-x64.cdx.json',
    'same-bytes_win-x64.cdx.json',
    'same-bytes_win-x64.exe',
  ]);
});

/** Builds the project into a new directory. The lock file pins the runtimes, and belongs to the inputs. */
async function built(project: string, env: Readonly<Record<string, string | undefined>> = {}) {
  const out = await temporaryDirectory();
  const { exitCode, stdout, stderr } = await wrapCommand(argumentsFor(project, out), { env });
  expect({ exitCode, output: exitCode === 0 ? '' : stdout + stderr }).toEqual({ exitCode: 0, output: '' });
  return hashesIn(out);
}

const argumentsFor = (project: string, out: string) => [
  ...[project, '-t', TARGETS.join(), '--per-target', '--compression', 'fast', '-o', `${out}/`],
];

function hashesIn(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(path.join(directory, name)))
        .digest('hex'),
    ]),
  );
}

/** A copy of the project, its files in another order, with other times and modes. */
async function copied(directory: string): Promise<string> {
  await mkdir(path.join(directory, 'src'), { recursive: true });
  await cp(path.join(program.directory, 'assets/b.txt'), path.join(directory, 'assets/b.txt'));
  await cp(program.directory, directory, {
    recursive: true,
    filter: (name) => !/\/(_build|burrito_out)$/.test(name),
  });
  await chmod(path.join(directory, 'assets/a.txt'), 0o600);
  return directory;
}

test('in another directory, at other times, with other modes', async () => {
  const project = await copied(path.join(await temporaryDirectory(), 'elsewhere/with spaces'));
  expect(await built(project)).toEqual(expected);
});

test('in another time zone, language and environment', async () => {
  const env = {
    TZ: 'Pacific/Apia',
    LANG: 'tr_TR.UTF-8',
    LC_ALL: 'tr_TR.UTF-8',
    SOURCE_DATE_EPOCH: '1',
    USER: 'x',
  };
  expect(await built(program.directory, env)).toEqual(expected);
});

test('compressed anew, by one thread or several', async () => {
  const cache = await cacheWithoutFrames();
  expect(await built(program.directory, { SARMA_BUILD_CACHE: cache, UV_THREADPOOL_SIZE: '1' })).toEqual(
    expected,
  );
});

test('one after the other, or side by side', async () => {
  const out = await temporaryDirectory();
  await wrapCommand([...argumentsFor(program.directory, out), '--jobs', '1']);
  expect(hashesIn(out)).toEqual(expected);
});

test.skipIf(lacks('mounts', 'setpriv'))('as another user with another umask', async () => {
  const directory = await temporaryDirectory();
  await copied(path.join(directory, 'project'));
  await rename(await cacheWithoutFrames(), path.join(directory, 'cache'));
  await execa('chown', ['-R', '1234:1234', directory]);
  // Wherever the checkout is, another user finds it in /mnt.
  const script = `
    set -e
    mount -t tmpfs -o mode=755 tmpfs /mnt
    mkdir /mnt/checkout /mnt/work
    mount --bind "$1" /mnt/checkout
    mount --bind "$2" /mnt/work
    cd /mnt/work
    umask 077
    shift 2
    exec setpriv --reuid=1234 --regid=1234 --clear-groups --inh-caps=-all \\
      /mnt/checkout/node_modules/.bin/node /mnt/checkout/packages/cli/bin/wrap.js "$@"`;
  const checkout = path.resolve(import.meta.dirname, '..');
  const { exitCode, all } = await execa(
    'unshare',
    ['-m', 'sh', '-c', script, 'sh', checkout, directory, ...argumentsFor('project', 'out')],
    { env: { SARMA_BUILD_CACHE: '/mnt/work/cache', HOME: '/mnt/work' }, reject: false, all: true },
  );
  expect({ exitCode, output: exitCode === 0 ? '' : all }).toEqual({ exitCode: 0, output: '' });
  expect(hashesIn(path.join(directory, 'out'))).toEqual(expected);
});

/** A build cache that has the runtimes as they were published, and nothing that was made of them. */
async function cacheWithoutFrames(): Promise<string> {
  const cache = await temporaryDirectory();
  const { openBuildCache } = await import('@sarma/wrapper');
  for (const { key, file } of await openBuildCache().entries()) {
    if (!key.startsWith('runtime:') || !TARGETS.some((target) => key.includes(`"${target}"`))) continue;
    const entry = path.dirname(file);
    const place = path.join(cache, path.basename(path.dirname(entry)), path.basename(entry));
    await mkdir(path.dirname(place), { recursive: true });
    await execa('cp', ['-a', entry, `${place}.new`]);
    await rename(`${place}.new`, place);
  }
  return cache;
}
