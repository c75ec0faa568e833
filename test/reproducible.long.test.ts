// The same inputs give the same bytes (promise P16): for every target, with addons, bundled, as services and as archives.
import { createHash } from 'node:crypto';
import {
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { openBuildCache } from '@sarma/wrapper';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram, type Program } from './support/programs.ts';
import { temporaryDirectory } from './support/run.ts';
import { makeService } from './support/services.ts';

const WRAP = path.resolve(import.meta.dirname, '../packages/cli/bin/wrap.js');

const FILES = {
  'src/main.ts': `enum Answer { Yes = 'yes' }\nconsole.log(Answer.Yes);`,
  'assets/b.txt': 'b',
  'assets/ü.txt': 'ü',
  'assets/A.txt': 'A',
};
const MANIFEST = { name: 'same', bin: 'src/main.ts', type: 'module' };
const WITH_ARCHIVE = { 'sarma.config.json': JSON.stringify({ steps: ['assemble', 'tar', 'wrap'] }) };
const OWN = ['--runtime', '20 || 22 || 24', '--per-target'];
const FAST = ['--compression', 'fast'];

/** What is built, and what must come of it. */
const BUILDS: readonly (readonly [
  what: string,
  make: () => Promise<Program>,
  args: readonly string[],
  outputs: number,
])[] = [
  [
    'a program for every target',
    () => makeProgram(MANIFEST, FILES),
    // Runtimes for musl have to be given, and the universal one needs a version that both slices have. What compresses
    // them is the same for all: that is for some of them, below.
    [
      '-t',
      'linux-x64,linux-arm64,linux-armv7l,linux-ppc64le,linux-s390x,darwin-x64,darwin-arm64,win-x64,win-arm64,win-x86',
      ...['--compression', 'none', ...OWN],
    ],
    21,
  ],
  [
    'a universal one',
    () => makeProgram(MANIFEST, FILES),
    ['-t', 'darwin-universal', '--runtime', '22', ...FAST],
    3,
  ],
  [
    'one with native addons of each target',
    () =>
      makeProgram({ ...MANIFEST, dependencies: { '@node-rs/crc32': '1.10.6', 'is-odd': '3.0.1' } }, FILES),
    ['-t', 'linux-x64,linux-arm64,darwin-arm64,win-x64', ...OWN, ...FAST],
    9,
  ],
  [
    'a bundled one and its archives',
    () =>
      makeProgram(
        { ...MANIFEST, dependencies: { 'is-odd': '3.0.1' } },
        { ...FILES, ...WITH_ARCHIVE, 'src/main.ts': `import isOdd from 'is-odd';\nconsole.log(isOdd(1));` },
      ),
    ['-t', 'linux-x64,win-x64', '--code', 'bundle', ...OWN, ...FAST],
    7,
  ],
  [
    'a service and its archives',
    () =>
      makeService('same-service', {
        ...WITH_ARCHIVE,
        'application.ts': `export default { async start() { return {}; } };`,
      }),
    ['-t', 'linux-x64,darwin-arm64,win-x64', ...OWN, ...FAST],
    10,
  ],
];

let freshCache: string;

beforeAll(async () => {
  freshCache = await cacheWithoutWork();
});

describe.each(BUILDS)('%s', (_what, make, args, outputs) => {
  test('is the same elsewhere: other directory, order, times, umask, clock, zone, language, home, npm, threads', {
    timeout: 900_000,
  }, async () => {
    const program = await make();
    const expected = await built(program.directory, args, {}, '022');
    expect(Object.keys(expected)).toHaveLength(outputs);
    const home = await temporaryDirectory();
    await writeFile(path.join(home, '.npmrc'), 'fund=false\nprefix=/nowhere\n');
    const env = {
      ...{ TZ: 'Pacific/Apia', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', USER: 'somebody', HOME: home },
      ...{ SARMA_BUILD_CACHE: freshCache, UV_THREADPOOL_SIZE: '1', npm_config_cache: path.join(home, 'npm') },
      NODE_OPTIONS: `--require=${await laterClock(home)}`,
    };
    const elsewhere = await copied(program.directory, path.join(home, 'else where/ü'));
    expect(await built(elsewhere, [...args, '--jobs', '1'], env, '027')).toEqual(expected);
  });
});

/** What a build writes, by name, with the hash of its bytes. */
async function built(
  project: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  umask: string,
): Promise<Readonly<Record<string, string>>> {
  const out = await temporaryDirectory();
  const command = [process.execPath, WRAP, '.', ...args, '-o', `${out}/`];
  const { exitCode, all } = await execa('sh', ['-c', `umask ${umask}; exec "$@"`, 'sh', ...command], {
    cwd: project,
    env: { NO_COLOR: '1', ...env },
    reject: false,
    all: true,
  });
  expect({ exitCode, output: exitCode === 0 ? '' : all }).toEqual({ exitCode: 0, output: '' });
  const names = (await readdir(out)).sort();
  const hashes = names.map(async (name) => {
    const bytes = await readFile(path.join(out, name));
    return [name, createHash('sha256').update(bytes).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}

/** File by file from the last to the first, with other modes and times. */
async function copied(from: string, to: string): Promise<string> {
  const { stdout } = await execa('find', ['.', '-not', '-type', 'd', '-not', '-path', './_build/*'], {
    cwd: from,
  });
  const names = stdout.split('\n').sort().reverse();
  for (const name of names) {
    await mkdir(path.dirname(path.join(to, name)), { recursive: true });
    // Links to packages outside of the project are relative.
    const [source, target] = [path.join(from, name), path.join(to, name)];
    const link = await readlink(source).catch(() => undefined);
    const isOutside = link !== undefined && !path.resolve(path.dirname(source), link).startsWith(from);
    if (isOutside) await symlink(await realpath(source), target);
    else await execa('cp', ['-P', '--no-preserve=mode,timestamps', source, target]);
  }
  // Whether a file can be executed is part of the input.
  await execa('sh', [
    '-c',
    'cd "$1" && find . -type f -perm /111 -exec chmod +x "$2/{}" \\;',
    'sh',
    from,
    to,
  ]);
  await utimes(path.join(to, 'package.json'), 0, 0);
  return to;
}

/**
 * A module that sets the clock of the processes that load it ahead: by less than the day after which the build cache
 * takes a temporary file for abandoned, since the files' own times are not shifted.
 */
async function laterClock(directory: string): Promise<string> {
  const file = path.join(directory, 'clock.cjs');
  await writeFile(
    file,
    `const Real = Date;
    const ahead = 20 * 3600 * 1000;
    globalThis.Date = class Date extends Real {
      constructor(...given) { given.length === 0 ? super(Real.now() + ahead) : super(...given); }
      static now() { return Real.now() + ahead; }
    };`,
  );
  return file;
}

/** A build cache with what was downloaded, and nothing that was made of it. */
async function cacheWithoutWork(): Promise<string> {
  const cache = await temporaryDirectory();
  for (const { key, file } of await openBuildCache().entries()) {
    if (/^(runtime-frames|node-versions):/.test(key)) continue;
    const entry = path.dirname(file);
    const place = path.join(cache, path.basename(path.dirname(entry)), path.basename(entry));
    await mkdir(path.dirname(place), { recursive: true });
    await execa('cp', ['-al', entry, `${place}.new`]);
    await rename(`${place}.new`, place);
  }
  return cache;
}
