// One program after another of the same name (promises P8 and P14).
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { installsIn, listing } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { startProgram } from './support/running.ts';

const versions = ['1.0.0', '1.1.0', '1.2.0', '2.0.0'];
const files: string[] = [];
let base: string;

beforeAll(async () => {
  for (const version of versions) {
    const program = await makeProgram(
      { name: 'upgraded', version, bin: 'main.js' },
      {
        'main.js': `
          console.log('${version}');
          if (process.argv[2] === 'wait') process.stdin.once('data', () => {
            console.log(require('./late.js'));
            process.exit();
          });
        `,
        'late.js': `module.exports = 'late ${version}';`,
      },
    );
    files.push(await wrapProgram(program));
  }
});

beforeEach(async () => {
  base = await temporaryDirectory();
});

const start = async (file: string) => await run(file, [], { env: { SARMA_CACHE_DIR: base } });
const installed = async () => (await installsIn(base)).releases.map((name) => name.split('-')[1]!).sort();

test('upgrades leave the current version and the one before, and one runtime', async () => {
  for (const [index, file] of files.entries()) {
    expect((await start(file)).stdout).toBe(`${versions[index]}\n`);
    expect((await installed()).length).toBeLessThanOrEqual(2);
    expect(await installed()).toContain(versions[index]);
  }
  expect((await installsIn(base)).runtimes).toHaveLength(1);
});

test('an older version comes back when it is started again', async () => {
  for (const file of files) await start(file);
  expect((await start(files[0]!)).stdout).toBe('1.0.0\n');
  expect(await installed()).toContain('1.0.0');
  expect((await installed()).length).toBe(2);
});

test('a version that runs is never removed; once it has ended it is', async () => {
  const running = await startProgram(files[0]!, ['wait'], { SARMA_CACHE_DIR: base });
  await start(files[1]!);
  const second = await startProgram(files[1]!, ['wait'], { SARMA_CACHE_DIR: base });
  await start(files[2]!);
  await start(files[3]!);
  expect(await installed()).toEqual(expect.arrayContaining(['1.0.0', '1.1.0', '2.0.0']));
  expect(await running.say('go')).toBe('1.0.0\nlate 1.0.0\n');
  expect(await second.say('go')).toBe('1.1.0\nlate 1.1.0\n');
  await run(files[3]!, ['maintenance', 'prune'], { env: { SARMA_CACHE_DIR: base } });
  expect((await installed()).length).toBe(2);
  expect(await installed()).toContain('2.0.0');
});

test('the file can be replaced while it runs: the program keeps its install, the next start is the new one', async () => {
  const file = path.join(await temporaryDirectory(), 'app');
  await copyFile(files[0]!, file);
  const running = await startProgram(file, ['wait'], { SARMA_CACHE_DIR: base });
  await copyFile(files[3]!, `${file}.new`);
  await rename(`${file}.new`, file);
  expect((await start(file)).stdout).toBe('2.0.0\n');
  expect(await running.say('go')).toBe('1.0.0\nlate 1.0.0\n');
});

test('what Sarma did not put into the cache stays', async () => {
  await start(files[0]!);
  await writeFile(path.join(base, 'releases/notes.txt'), 'mine');
  await writeFile(path.join(base, 'other'), 'mine');
  // Nearly a name of what a killed run leaves, which ends in sixteen hexadecimal digits and `.tmp`.
  await mkdir(path.join(base, 'releases/notes.for my neighbour.tmp'));
  for (const file of files.slice(1)) await start(file);
  const mine = ['other', 'releases/notes.txt', 'releases/notes.for my neighbour.tmp'];
  expect(Object.keys(await listing(base))).toEqual(expect.arrayContaining(mine));
});
