// Every region of an executable cut off and altered (promise P11), for each codec, on a first run, a warm one and a repair;
// and executables whose hashes are right, made by somebody who means harm.
import { execFileSync } from 'node:child_process';
import { cp, mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AnyManifest, type Region, regionsOf, takeApart } from './support/executable-parts.ts';
import { installsIn, listing, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { run, type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';
import { smallRuntime } from './support/runtimes.ts';

const CODECS = { none: 'none', fast: 'zstd', smallest: 'lzma' } as const;
/** Of files that compress and one that does not: as large as needs more than one write. */
const PROGRAM = {
  'main.js': `console.log(require('node:fs').readFileSync(__dirname + '/text.txt', 'utf8').slice(0, 5));`,
  'text.txt': `whole${'a rose is a rose is a rose '.repeat(4000)}`,
  'lib/noise.txt': randomText(),
};

function randomText(): string {
  // The same on every run, so that the project is made once.
  let state = 1;
  return Array.from({ length: 20_000 }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(33 + (state % 90));
  }).join('');
}

/** A directory with all that a run could reach: its cache, and around it what it must leave alone. */
interface World {
  readonly directory: string;
  readonly base: string;
  readonly program: string;
  readonly around: Readonly<Record<string, string>>;
}

async function makeWorld(whole: string): Promise<World> {
  const directory = await temporaryDirectory();
  for (const name of ['home', 'tmp', 'work']) {
    await mkdir(path.join(directory, name));
    await writeFile(path.join(directory, name, 'canary'), name);
  }
  await cp(whole, path.join(directory, 'app'));
  const base = path.join(directory, 'cache');
  return { directory, base, program: path.join(directory, 'app'), around: await around(directory) };
}

/** All but the cache and the bytes of the program. */
async function around(directory: string): Promise<Readonly<Record<string, string>>> {
  const entries = Object.entries(await listing(directory));
  return Object.fromEntries(entries.filter(([name]) => !/^(cache(\/|$)|app$)/.test(name)));
}

async function start(world: World, args: readonly string[] = [], timeout = 100_000): Promise<Transcript> {
  const env = {
    ...{ SARMA_CACHE_DIR: world.base, HOME: path.join(world.directory, 'home') },
    ...{ TMPDIR: path.join(world.directory, 'tmp'), XDG_CACHE_HOME: undefined },
  };
  return await run(world.program, args, { env, cwd: path.join(world.directory, 'work'), timeout });
}

/** One byte becomes another. */
async function flip(file: string, position: number): Promise<void> {
  const handle = await open(file, 'r+');
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
  buffer[0]! ^= 1 << (position % 8);
  await handle.write(buffer, 0, 1, position);
  await handle.close();
}

const RAN = { stdout: 'whole\n', stderr: '', exitCode: 0, signal: undefined };

/** It did all that it should, or a line says what is wrong with the file. */
function outcome({ stdout, stderr, exitCode, signal }: Transcript): 'ran' | 'refused' {
  if (exitCode === 0) {
    expect({ stdout, stderr, exitCode, signal }).toEqual(RAN);
    return 'ran';
  }
  expect({ stdout, exitCode, signal }).toEqual({ stdout: '', exitCode: 125, signal: undefined });
  expect(stderr).toMatch(/^[^\n]+(is damaged|without a program)[^\n]*\n$/);
  return 'refused';
}

/** The first and the last byte, those beside them, and some between. */
function positionsIn({ begin, end }: Region): readonly number[] {
  const inside = [0, 1, 0.2, 0.4, 0.5, 0.7, 0.9].map((part) =>
    part === 1 ? begin + 1 : begin + Math.floor(part * (end - begin)),
  );
  return [...new Set([...inside, end - 2, end - 1])].filter((at) => at >= begin && at < end);
}

const isStub = ({ name }: Region) => /^(ELF|program headers|code|stub behind)/.test(name);

describe.each(Object.entries(CODECS))('with --compression %s', (compression, codec) => {
  let whole: string;
  let bytes: Buffer;
  let regions: readonly Region[];
  let world: World;

  beforeAll(async () => {
    const program = await makeProgram({ name: 'damage', bin: 'main.js' }, PROGRAM);
    whole = await wrapProgram(program, ['--runtime', await smallRuntime(), '--compression', compression]);
    bytes = await readFile(whole);
    regions = regionsOf(bytes);
    expect(takeApart(bytes).manifest.frames.map((frame: AnyManifest) => frame.codec)).toContain(codec);
    world = await makeWorld(whole);
  });

  const restore = async () => await writeFile(world.program, bytes);
  beforeEach(async () => {
    await restore();
    await rm(world.base, { recursive: true, force: true });
  });
  const unharmed = async () => expect(await around(world.directory)).toEqual(world.around);

  test('the regions are the whole file', () => {
    let at = 0;
    for (const { begin, end } of regions) {
      expect(begin).toBe(at);
      at = end;
    }
    expect(at).toBe(bytes.length);
  });

  test('a first run of a file with one wrong bit runs, or says that it is damaged and installs nothing', async () => {
    const seen: Record<string, string[]> = {};
    for (const region of regions.filter((one) => !isStub(one))) {
      for (const position of positionsIn(region)) {
        await flip(world.program, position);
        const result = outcome(await start(world));
        if (result === 'refused')
          expect({ region, ...(await installsIn(world.base)) }).toMatchObject({ releases: [], runtimes: [] });
        seen[region.name] = [...new Set([...(seen[region.name] ?? []), result])];
        await flip(world.program, position);
        await rm(world.base, { recursive: true, force: true });
      }
    }
    await unharmed();
    const { 'behind the manifest': behind, ...all } = seen;
    expect(all).toEqual(Object.fromEntries(Object.keys(all).map((name) => [name, ['refused']])));
    expect(behind).toEqual(['ran']);
  });

  test('a first run of a file that is cut off anywhere behind the stub says so and installs nothing', async () => {
    for (const region of regions.filter(({ name }) => /^(frame|manifest)/.test(name))) {
      for (const length of positionsIn(region)) {
        await restore();
        await truncate(world.program, length);
        expect({ length, result: outcome(await start(world)) }).toEqual({ length, result: 'refused' });
        expect(await installsIn(world.base)).toEqual({ releases: [], runtimes: [] });
      }
    }
    await restore();
    await unharmed();
  });

  test('a warm run looks at nothing behind the stub, and leaves the install alone where the stamp is damaged', async () => {
    expect(outcome(await start(world))).toBe('ran');
    const installed = await listing(world.base);
    for (const region of regions.filter((one) => !isStub(one))) {
      const position = positionsIn(region).at(2)!;
      await flip(world.program, position);
      expect({ region, result: outcome(await start(world)) }).toEqual({
        region,
        result: region.name.startsWith('stamp') ? 'refused' : 'ran',
      });
      await flip(world.program, position);
    }
    const { payloadOffset } = takeApart(bytes).stamp;
    await truncate(world.program, payloadOffset);
    expect(outcome(await start(world))).toBe('ran');
    await restore();
    expect(await listing(world.base)).toEqual(installed);
    await unharmed();
    await rm(world.base, { recursive: true });
  });

  test.each(['release', 'runtime'] as const)(
    'a repair of the %s with a damaged file makes it whole, or says so and changes nothing',
    async (part) => {
      expect(outcome(await start(world))).toBe('ran');
      const { entry, runtimeExecutable } = takeApart(bytes).stamp;
      const install = (await onlyInstall(world.base))[part];
      await truncate(path.join(install, part === 'release' ? entry : runtimeExecutable), 3);
      const torn = path.join(world.directory, '..', `${path.basename(world.directory)}-${part}`);
      execFileSync('cp', ['-a', world.base, torn]);
      const before = await listing(torn);
      const seen = new Set<string>();
      for (const region of regions.filter(({ name }) => /^(frame|manifest)/.test(name))) {
        for (const [position, change] of [
          ...[region.begin, (region.begin + region.end) >> 1, region.end - 1].map(
            (at) => [at, flip] as const,
          ),
          [region.end - 1, truncate] as const,
        ]) {
          await rm(world.base, { recursive: true });
          execFileSync('cp', ['-a', torn, world.base]);
          await change(world.program, position);
          const result = outcome(await start(world));
          const after = await listing(world.base);
          if (result === 'refused') expect({ region, after }).toEqual({ region, after: before });
          seen.add(result);
          await restore();
          expect(outcome(await start(world))).toBe('ran');
        }
      }
      // What is damaged of the other part is not looked at.
      expect([...seen].sort()).toEqual(['ran', 'refused']);
      await rm(torn, { recursive: true });
      await rm(world.base, { recursive: true });
      await unharmed();
    },
  );

  // The same stub for each codec.
  test.runIf(codec === 'none')(
    'a wrong bit in the headers or the code of the stub harms nothing around it',
    async () => {
      const ends = new Set<string>();
      for (const region of regions.filter(isStub)) {
        const all = region.name === 'ELF header' || region.name === 'program headers';
        const positions = all
          ? Array.from({ length: region.end - region.begin }, (_, at) => region.begin + at)
          : positionsIn(region);
        for (const position of positions) {
          await flip(world.program, position);
          // The system may not take it for a program, it may crash, or go on for ever: then it is ended.
          const ended = await start(world, [], 5000).catch(() => 'not started' as const);
          ends.add(
            ended === 'not started' ? ended : ended.signal !== undefined ? 'signal' : `${ended.exitCode}`,
          );
          await flip(world.program, position);
          await rm(world.base, { recursive: true, force: true });
        }
        await unharmed();
      }
      expect([...ends]).toContain('0');
    },
  );
});
