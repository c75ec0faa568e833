// Linux executables under the tools that people run on such files: what strips and copies leaves them whole, what cannot
// work on them says so and leaves them alone, and what takes their payload away is noticed.
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { verify } from '@sarma/wrapper';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { standInNode } from '../packages/wrapper/test/support/stand-in-node.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';

let program: Program;

beforeAll(async () => {
  program = await makeProgram({ name: 'hello', bin: 'main.js' }, { 'main.js': `console.log('hello');` });
});

const copyOf = async (file: string) => {
  const copy = path.join(await temporaryDirectory(), 'hello');
  await copyFile(file, copy);
  return copy;
};

/** Command lines that leave what is needed, by the tool. The file follows. */
const HARMLESS = [
  ['strip'],
  ['strip', '--strip-debug'],
  ['strip', '--strip-unneeded'],
  ['eu-strip'],
  ['eu-strip', '--remove-comment'],
  ['llvm-strip'],
  ['llvm-strip', '--strip-all-gnu'],
  ['objcopy'],
  ['objcopy', '--strip-all'],
  ['llvm-objcopy'],
  ['llvm-objcopy', '--remove-section=.comment'],
] as const;
/** Those that know every CPU. */
const ANY_CPU = HARMLESS.filter(([tool]) => tool.startsWith('llvm-') || tool.startsWith('eu-'));

const isWhole = async (file: string) => (await verify(file)).ok;

describe.skipIf(process.platform !== 'linux')("this machine's executable", () => {
  let file: string;

  beforeAll(async () => {
    file = await wrapProgram(program);
  });

  const firstRun = async (executable: string) =>
    await run(executable, [], { env: { SARMA_CACHE_DIR: await temporaryDirectory() } });

  for (const [tool, ...options] of HARMLESS) {
    test.skipIf(lacks(tool))(`runs after ${[tool, ...options].join(' ')}`, async () => {
      const copy = await copyOf(file);
      await execa(tool, [...options, copy]);
      expect(await firstRun(copy)).toMatchObject({ stdout: 'hello\n', stderr: '', exitCode: 0 });
      expect(await isWhole(copy)).toBe(true);
    });
  }

  test('has the same id afterwards, so that the install stays in use', async () => {
    if (lacks('llvm-strip')) return;
    const copy = await copyOf(file);
    await execa('llvm-strip', [copy]);
    const env = { SARMA_CACHE_DIR: await temporaryDirectory(), SARMA_DEBUG: '1' };
    expect((await run(file, [], { env })).stderr).toContain('installed ');
    expect((await run(copy, [], { env })).stderr).not.toContain('installed ');
  });

  // It is static: there is nothing in it that patchelf could change.
  test.skipIf(lacks('patchelf')).each([
    [['--set-interpreter', '/opt/ld.so'], '.interp'],
    [['--set-rpath', '/opt/lib'], '.dynamic'],
    [['--add-needed', 'libother.so'], '.dynamic'],
  ])('is left alone by patchelf %j, and runs', async (options, section) => {
    const copy = await copyOf(file);
    const { stderr, exitCode } = await execa('patchelf', [...options, copy], { reject: false });
    expect({ stderr, exitCode }).toEqual({
      stderr: expect.stringContaining(`cannot find section '${section}'`),
      exitCode: 1,
    });
    expect((await readFile(copy)).equals(await readFile(file))).toBe(true);
    expect(await firstRun(copy)).toMatchObject({ stdout: 'hello\n', exitCode: 0 });
  });

  test
    .skipIf(lacks('llvm-strip', 'objcopy'))
    .each([[['llvm-strip', '--strip-sections']], [['objcopy', '--remove-section=.gnu.warning.sarma']]])(
    'says what is missing after %j took its payload away',
    async ([tool, ...options]) => {
      const copy = await copyOf(file);
      await execa(tool!, [...options, copy]);
      const { stdout, stderr, exitCode } = await firstRun(copy);
      expect({ stdout, stderr, exitCode }).toEqual({
        stdout: '',
        stderr: `hello: ${copy} is damaged (it ends too early: cut off in a download, or changed by a program such as upx): download it again\n`,
        exitCode: 125,
      });
      expect(await isWhole(copy)).toBe(false);
    },
  );

  test('says the same of what packs the program and copies a part of the payload behind it, as upx does', async () => {
    const copy = await copyOf(file);
    const bytes = await readFile(file);
    // The loaded part stays as it is in memory; in the file, everything behind it moves to the front.
    await writeFile(copy, Buffer.concat([bytes.subarray(0, 300_000), bytes.subarray(400_000)]));
    expect(await firstRun(copy)).toMatchObject({
      stderr: expect.stringMatching(/is damaged \(.*\): download it again\n$/),
      exitCode: 125,
    });
    await truncate(copy, 300_000);
    expect((await firstRun(copy)).exitCode).toBe(125);
  });
});

// The payload of these is small: no Node, but a program that stands for it.
describe.each([
  ['linux-x64-musl', 'x86_64-linux-musl', undefined],
  ['linux-arm64', 'aarch64-linux-gnu', 'qemu-aarch64-static'],
  ['linux-arm64-musl', 'aarch64-linux-musl', 'qemu-aarch64-static'],
  ['linux-armv7l', 'arm-linux-gnueabihf', 'qemu-arm-static'],
  ['linux-ppc64le', 'powerpc64le-linux-gnu', 'qemu-ppc64le-static'],
  ['linux-s390x', 's390x-linux-gnu', 'qemu-s390x-static'],
] as const)('the executable for %s', (target, triple, emulator) => {
  const lines = ANY_CPU.map((line) => line.join(' '));
  test.skipIf(lacks('llvm-strip', 'eu-strip'))(`is whole after ${lines.join(', ')}`, async () => {
    const runtime = path.join(await temporaryDirectory(), 'node');
    await writeFile(runtime, standInNode(triple, '22.11.0'));
    const file = await wrapProgram(program, ['-t', target, '--runtime', runtime]);
    for (const [tool, ...options] of ANY_CPU) {
      const copy = await copyOf(file);
      await execa(tool, [...options, copy]);
      expect(await isWhole(copy)).toBe(true);
      if (emulator === undefined || lacks(emulator)) continue;
      const directory = await temporaryDirectory();
      expect(await run(emulator, [copy, 'maintenance', 'extract', directory])).toMatchObject({ exitCode: 0 });
    }
  });
});

describe.skipIf(lacks('arm64', 'llvm-strip', 'eu-strip'))(
  'under qemu-user, the executable for linux-arm64',
  () => {
    test('starts its Node after it was stripped', async () => {
      const runtime = path.join(await temporaryDirectory(), 'node');
      await writeFile(runtime, standInNode('aarch64-linux-gnu', '22.11.0'));
      const file = await wrapProgram(program, ['-t', 'linux-arm64', '--runtime', runtime]);
      for (const tool of ['llvm-strip', 'eu-strip']) {
        const copy = await copyOf(file);
        await execa(tool, [copy]);
        const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
        expect(await run(copy, [], { env })).toMatchObject({
          stdout: expect.stringContaining('node.js/v22.11.0 runs /'),
          exitCode: 0,
        });
      }
    });
  },
);
