// SIGKILL at every system call by which an executable changes the file system is made good by the next run (promise P7):
// it works, and nothing is left over.
import { rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { differences, listing, onlyInstall, stateOf } from './support/installs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';
import { type Call, CHANGES, callsOf, runTraced } from './support/strace.ts';
import { WITHOUT_OTHERS } from './support/surroundings.ts';
import { twoVersions } from './support/two-versions.ts';

const LONG = { timeout: 600_000 };

let directory: string;
/** Where the program is installed: the same path every time, so that the calls are the same. */
let base: string;
/** Two versions of a program; the second removes the first, and its runtime. */
let older: string;
let newer: string;

const env = () => ({ SARMA_CACHE_DIR: base });
const start = async (file: string) => await run(file, [], { env: env() });

beforeAll(async () => {
  directory = await temporaryDirectory();
  base = path.join(directory, 'base');
  await twoVersions(directory);
  older = path.join(directory, '1.0.0');
  newer = path.join(directory, '2.0.0');
});

const clear = async () => await rm(base, { recursive: true, force: true });

interface Attempt {
  readonly file: string;
  readonly args?: readonly string[];
  /** Makes what is there when it begins. */
  readonly before: () => Promise<unknown>;
  /** What follows. Default: a run of the program. */
  readonly next?: () => Promise<Transcript>;
  /** Of the changes those that are tried. Default: all. */
  readonly choose?: (changes: readonly Call[]) => readonly Call[];
}

/** Kills the command before each change, each lock and the execution of the runtime; the number of those that were killed. */
async function killEverywhere(attempt: Attempt): Promise<number> {
  const { file, args = [], before, choose = (all) => all, next = async () => await start(file) } = attempt;
  // `maintenance` looks at all processes of the machine, each of which is a file or two that it opens.
  const under = args[0] === 'maintenance' ? WITHOUT_OTHERS : [];
  const options = { env: env(), oneCore: true, under };
  await before();
  const changes = choose(
    (await callsOf([...CHANGES, 'flock', 'execve'], file, args, options)).filter(takesPart),
  );
  const wanted = await next();
  const pattern = await listing(base);
  const failures: string[] = [];
  const missed: string[] = [];
  for (const { name, nth, text } of changes) {
    await before();
    const { signal } = await runTraced(file, args, {
      ...options,
      inject: [`${name}:signal=KILL:when=${nth}`],
    });
    if (signal !== 'SIGKILL') missed.push(text);
    const result = await next();
    if (!isDeepStrictEqual(result, wanted)) failures.push(`${text}: ${JSON.stringify(result)}`);
    const left = differences(pattern, await listing(base));
    if (left.length > 0) failures.push(`${text}: ${left.join(', ')}`);
  }
  expect(failures).toEqual([]);
  expect(missed).toEqual([]);
  return changes.length;
}

function takesPart({ name, text }: Call): boolean {
  return name !== 'openat' || text.includes('O_CREAT');
}

describe.skipIf(lacks('strace', 'mounts', 'pidNamespaces'))(
  'what is killed at any of its changes is made good by the next run:',
  () => {
    test('a first run', LONG, async () => {
      expect(await killEverywhere({ file: older, before: clear })).toBeGreaterThan(90);
      expect((await start(older)).stdout).toContain('whole 1.0.0');
    });

    test('a repair', LONG, async () => {
      const before = await stateOf(
        base,
        async () => await start(older),
        async () => {
          const { release, runtime } = await onlyInstall(base);
          await rm(path.join(release, 'lib/killed-1.0.0/data'), { recursive: true });
          await unlink(path.join(runtime, 'bin/node'));
        },
      );
      expect(await killEverywhere({ file: older, before })).toBeGreaterThan(60);
    });

    test('a first run beside an older version, which it removes at its end', LONG, async () => {
      const before = await stateOf(base, async () => await start(older));
      expect(await killEverywhere({ file: newer, before })).toBeGreaterThan(120);
      expect((await onlyInstall(base)).release).toContain('killed-2.0.0');
    });

    /** The newer version, and the older one that was started again. */
    const both = async () =>
      await stateOf(
        base,
        async () => await start(newer),
        async () => {
          const first = path.join(directory, 'first');
          await run(older, [], { env: { SARMA_CACHE_DIR: first } });
          await execa('cp', ['-aT', first, base]);
        },
      );

    test('`maintenance prune`', LONG, async () => {
      const before = await both();
      const args = ['maintenance', 'prune'];
      // It is as if it had never begun, until the marker says that it has.
      const begun = (all: readonly Call[]) =>
        all.findIndex(({ text }) => text.includes('".sarma/marker")')) + 1;
      const late = (all: readonly Call[]) => all.slice(begun(all));
      expect(await killEverywhere({ file: newer, args, before, choose: late })).toBeGreaterThan(30);
      const early = (all: readonly Call[]) => all.slice(0, begun(all));
      const next = async () => {
        await run(newer, args, { env: env() });
        return await start(newer);
      };
      expect(await killEverywhere({ file: newer, args, before, choose: early, next })).toBeGreaterThan(4);
      expect((await onlyInstall(base)).release).toContain('killed-2.0.0');
    });

    test('`maintenance uninstall`, by the next `uninstall` too', LONG, async () => {
      const before = await stateOf(base, async () => await start(older));
      const args = ['maintenance', 'uninstall', '--yes'];
      expect(await killEverywhere({ file: older, args, before })).toBeGreaterThan(30);
      const next = async () => {
        await run(older, args, { env: env() });
        await run('mkdir', ['-p', base]);
        return await run('true');
      };
      expect(await killEverywhere({ file: older, args, before, next })).toBeGreaterThan(30);
      expect(await listing(base)).toEqual({});
    });

    test('`maintenance extract`, by the next `extract`', LONG, async () => {
      const args = ['maintenance', 'extract', base];
      const next = async () => await run(older, args);
      expect(await killEverywhere({ file: older, args, before: clear, next })).toBeGreaterThan(80);
    });

    test(
      '`maintenance extract`, by a run that finds the half of it beside its executable',
      LONG,
      async () => {
        const root = await temporaryDirectory();
        const file = path.join(root, 'bin/app');
        await execa('install', ['-D', older, file]);
        const { id } = JSON.parse((await run(file, ['maintenance', 'meta'])).stdout);
        const prepared = path.join(root, 'lib/sarma', id);
        const before = async () => {
          await clear();
          await rm(prepared, { recursive: true, force: true });
          await execa('mkdir', ['-p', path.dirname(prepared)]);
        };
        const args = ['maintenance', 'extract', prepared];
        // The base stays empty where the extraction came to its end.
        const next = async () => {
          const result = await start(file);
          await run(file, args);
          await clear();
          await execa('mv', [prepared, base]);
          return result;
        };
        expect(await killEverywhere({ file, args, before, next })).toBeGreaterThan(80);
      },
    );

    test(
      'a first run with a whole Node, at every 100th write of it and at both ends of each frame',
      LONG,
      async () => {
        const file = await wrapProgram({
          directory: path.join(directory, 'project-1.0.0'),
          entry: 'main.js',
        });
        const { manifest } = JSON.parse((await runCommand(['inspect', '--json', file])).stdout);
        const frames: readonly { part: string; position: number; size: number }[] = manifest.frames;
        const runtime = frames.filter(({ part }) => part === 'runtime');
        const starts = new Set(runtime.map(({ position }) => position));
        const ends = new Set(runtime.map(({ position, size }) => position + size));
        const choose = (changes: readonly Call[]) =>
          changes.filter(({ name, nth, text }) => {
            const [, length, offset] = /(\d+), (\d+)\) += \d+$/.exec(text) ?? [];
            const isEnd = starts.has(Number(offset)) || ends.has(Number(offset) + Number(length));
            return name === 'pwrite64' && (nth % 100 === 0 || isEnd);
          });
        expect(await killEverywhere({ file, before: clear, choose })).toBeGreaterThan(30);
      },
    );
  },
);

test.skipIf(lacks('strace'))(
  'whichever of several threads a kill meets, the next run makes it good',
  async () => {
    await clear();
    expect((await start(newer)).exitCode).toBe(0);
    const pattern = await listing(base);
    for (const call of ['pwrite64', 'write', 'utimensat', 'clone']) {
      await clear();
      const { signal } = await runTraced(newer, [], { env: env(), inject: [`${call}:signal=KILL:when=1`] });
      expect({ call, signal }).toEqual({ call, signal: 'SIGKILL' });
      expect(await start(newer)).toMatchObject({
        stdout: expect.stringContaining('whole 2.0.0'),
        stderr: '',
        exitCode: 0,
      });
      expect({ call, left: await listing(base) }).toEqual({ call, left: pattern });
    }
  },
);
