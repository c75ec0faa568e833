// The same inputs give the same bytes (promise P16), where the build cache has nothing but runtimes.
import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import type { Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { temporaryDirectory } from './support/run.ts';
import { argumentsFor, built, copied, hashesIn, makeSameBytes, TARGETS } from './support/same-bytes.ts';

let program: Program;
/** Executables by name, with the hash of their bytes. */
let expected: Readonly<Record<string, string>>;

beforeAll(async () => {
  program = await makeSameBytes();
  expected = await built(program.directory);
});

test.skipIf(lacks('mounts', 'setpriv'))('as another user with another umask', async () => {
  const directory = await temporaryDirectory();
  await copied(program, path.join(directory, 'project'));
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
