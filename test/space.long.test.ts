// Every call of an executable that takes room, refused (promise P11): it is said with path, needed and available bytes,
// what was there before is as it was, nothing half-made is left, and the next run with room works.
import { rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { differences, listing, onlyInstall, stateOf } from './support/installs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory } from './support/run.ts';
import { type Call, callsOf, runTraced } from './support/strace.ts';
import { nowhereElse } from './support/surroundings.ts';
import { twoVersions } from './support/two-versions.ts';

const LONG = { timeout: 600_000 };
const TAKING = ['mkdirat', 'symlinkat', 'openat', 'fallocate', 'write', 'pwrite64', 'utimensat', 'renameat'];
const NO_ROOM =
  /no space left on the device, or the quota is used up; \d+ bytes are needed, \d+ are available to this user\n/;

let directory: string;
/** Where the program is installed: the same path every time, so that the calls are the same. */
let base: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  base = path.join(directory, 'base');
  await twoVersions(directory);
});

const env = () => ({ SARMA_CACHE_DIR: base });
const start = async (version: string) => await run(path.join(directory, version), [], { env: env() });
const clear = async () => await rm(base, { recursive: true, force: true });
const present = async () => await listing(base).catch(() => ({}) as Awaited<ReturnType<typeof listing>>);

const older = async () => await start('1.0.0');
const damage = async () => {
  const { release, runtime } = await onlyInstall(base);
  await rm(path.join(release, 'lib/killed-1.0.0/data'), { recursive: true });
  await unlink(path.join(runtime, 'bin/node'));
};

interface Attempt {
  readonly version: string;
  /** Makes what is there when it begins. */
  readonly before: () => Promise<unknown>;
  /** Files may have come back before it failed. */
  readonly repairs?: boolean;
  /** Of the calls those that are tried. Default: all. */
  readonly choose?: (calls: readonly Call[]) => readonly Call[];
}

/** Lets each call fail; the number of those that were tried. */
async function failEverywhere(error: string, said: RegExp, attempt: Attempt): Promise<number> {
  const { version, before, repairs = false, choose = (all) => all } = attempt;
  const file = path.join(directory, version);
  const options = { env: env(), oneCore: true, under: nowhereElse() };
  await before();
  const all = (await callsOf(TAKING, file, [], options)).filter(
    ({ name, text }) => name !== 'openat' || text.includes('O_CREAT'),
  );
  const whole = await start(version);
  const pattern = await present();
  const done = all.findLastIndex(({ text }) => isEnd(text));
  const failures: string[] = [];
  const calls = choose(all);
  for (const call of calls) {
    const { name, nth, text } = call;
    await before();
    const earlier = await present();
    const result = await runTraced(file, [], { ...options, inject: [`${name}:error=${error}:when=${nth}`] });
    const left = await present();
    if (all.indexOf(call) > done || isNeedless(text)) {
      if (!isDeepStrictEqual(result, whole)) failures.push(`${text}: ${result.stderr}`);
      // An old version that could not be removed is for `prune`.
      await run(file, ['maintenance', 'prune'], { env: env() });
    } else {
      const refused = result.exitCode === 125 && result.stdout === '' && said.test(result.stderr);
      if (!refused || !result.stderr.includes(`\n  ${base}: `)) failures.push(`${text}: ${result.stderr}`);
      const changed = differences(earlier, left).filter(
        (one) => !repairs || (left[one] !== pattern[one] && !left[one]!.startsWith('4')),
      );
      if (changed.length > 0) failures.push(`${text}: changed ${changed.join(', ')}`);
    }
    if (!isDeepStrictEqual(await start(version), whole)) failures.push(`${text}: the next run`);
    const missing = differences(pattern, await present()).filter((one) => !isNeedless(one));
    if (missing.length > 0) failures.push(`${text}: afterwards ${missing.join(', ')}`);
  }
  expect(failures).toEqual([]);
  return calls.length;
}

/** A release gets the name that others know, or its time after a repair: what comes then can be done later. */
function isEnd(text: string): boolean {
  return /^renameat\(.*\.tmp", .*[0-9a-f]"\)|^utimensat\(AT_FDCWD, ".*\/releases\/[^/]*[0-9a-f]"/.test(text);
}

/** For backup programs. */
function isNeedless(text: string): boolean {
  return /CACHEDIR\.TAG|"Signature: /.test(text);
}

/** The first call of each name. */
const firsts = (calls: readonly Call[]) =>
  calls.filter(({ name }, at) => calls.findIndex((one) => one.name === name) === at);

describe.skipIf(lacks('strace', 'mounts'))('where a call finds no room, whichever,', () => {
  test('a first run says so, leaves nothing, and is made good by the next', LONG, async () => {
    expect(await failEverywhere('ENOSPC', NO_ROOM, { version: '1.0.0', before: clear })).toBeGreaterThan(80);
  });

  test('an upgrade says so and leaves the older version as it was', LONG, async () => {
    const before = await stateOf(base, older);
    expect(await failEverywhere('ENOSPC', NO_ROOM, { version: '2.0.0', before })).toBeGreaterThan(80);
  });

  test('a repair says so and leaves what is whole', LONG, async () => {
    const attempt = { version: '1.0.0', before: await stateOf(base, older, damage), repairs: true };
    expect(await failEverywhere('ENOSPC', NO_ROOM, attempt)).toBeGreaterThan(60);
  });
});

describe.skipIf(lacks('strace', 'mounts'))('it is the same with', () => {
  test.each([
    ['EDQUOT', 'a quota that is used up', NO_ROOM],
    ['EIO', 'a disk that fails', /: input\/output error\n/],
    ['EROFS', 'a file system that has become read-only', /: the file system is read-only\n/],
    ['EFBIG', 'a limit for files', /: larger than files may be here \(`ulimit -f`\)\n/],
  ])('%s, %s', LONG, async (error, _, said) => {
    const first = { version: '1.0.0', before: clear, choose: firsts };
    expect(await failEverywhere(error, said, first)).toBe(TAKING.length);
    const repair = { ...first, before: await stateOf(base, older, damage), repairs: true };
    expect(await failEverywhere(error, said, repair)).toBe(TAKING.length);
  });
});
