// Every region of an executable cut off and altered (promise P11), for each codec, on a first run, a warm one and a repair,
// in no more memory than the sizes in its manifest allow.
import { execFileSync } from 'node:child_process';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AnyManifest, flip, type Region, regionsOf, takeApart } from './support/executable-parts.ts';
import { installsIn, listing, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';
import { smallRuntime } from './support/runtimes.ts';
import { around, makeWorld, memoryFor, start, type World } from './support/world.ts';

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
  let bytes: Buffer;
  let regions: readonly Region[];
  let world: World;
  let before: Readonly<Record<string, string>>;
  let memory: number;

  beforeAll(async () => {
    const program = await makeProgram({ name: 'damage', bin: 'main.js' }, PROGRAM);
    const args = ['--runtime', await smallRuntime(), '--compression', compression];
    bytes = await readFile(await wrapProgram(program, args));
    regions = regionsOf(bytes);
    expect(takeApart(bytes).manifest.frames.map((frame: AnyManifest) => frame.codec)).toContain(codec);
    world = await makeWorld(bytes);
    before = await around(world);
    memory = memoryFor(takeApart(bytes));
  });

  const restore = async () => await writeFile(world.program, bytes);
  beforeEach(async () => {
    await restore();
    await rm(world.base, { recursive: true, force: true });
  });
  const unharmed = async () => expect(await around(world)).toEqual(before);
  const result = async () => outcome(await start(world, [], { memory }));

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
        const ended = await result();
        if (ended === 'refused')
          expect({ region, ...(await installsIn(world.base)) }).toMatchObject({ releases: [], runtimes: [] });
        seen[region.name] = [...new Set([...(seen[region.name] ?? []), ended])];
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
        expect({ length, result: await result() }).toEqual({ length, result: 'refused' });
        expect(await installsIn(world.base)).toEqual({ releases: [], runtimes: [] });
      }
    }
    await restore();
    await unharmed();
  });

  test('a warm run looks at nothing behind the stub, and leaves the install alone where the stamp is damaged', async () => {
    expect(await result()).toBe('ran');
    const installed = await listing(world.base);
    for (const region of regions.filter((one) => !isStub(one))) {
      const position = positionsIn(region).at(2)!;
      await flip(world.program, position);
      expect({ region, result: await result() }).toEqual({
        region,
        result: region.name.startsWith('stamp') ? 'refused' : 'ran',
      });
      await flip(world.program, position);
    }
    const { payloadOffset } = takeApart(bytes).stamp;
    await truncate(world.program, payloadOffset);
    expect(await result()).toBe('ran');
    await restore();
    expect(await listing(world.base)).toEqual(installed);
    await unharmed();
    await rm(world.base, { recursive: true });
  });

  test.each(['release', 'runtime'] as const)(
    'a repair of the %s with a damaged file makes it whole, or says so and changes nothing',
    async (part) => {
      expect(await result()).toBe('ran');
      const { entry, runtimeExecutable } = takeApart(bytes).stamp;
      const install = (await onlyInstall(world.base))[part];
      await truncate(path.join(install, part === 'release' ? entry : runtimeExecutable), 3);
      const torn = path.join(await temporaryDirectory(), part);
      execFileSync('cp', ['-a', world.base, torn]);
      const unrepaired = await listing(torn);
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
          const ended = await result();
          const after = await listing(world.base);
          if (ended === 'refused') expect({ region, after }).toEqual({ region, after: unrepaired });
          seen.add(ended);
          await restore();
          expect(await result()).toBe('ran');
        }
      }
      // What is damaged of the other part is not looked at.
      expect([...seen].sort()).toEqual(['ran', 'refused']);
      await rm(world.base, { recursive: true });
      await unharmed();
    },
  );

  // The same stub for each codec.
  test.runIf(codec === 'none')(
    'a wrong bit in the headers or the code of the stub harms nothing around it',
    { timeout: 600_000 },
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
          const ended = await start(world, [], { timeout: 5000 }).catch(() => 'not started' as const);
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
