// `wrap.mutable`: what a program made of its own files stays when its install is repaired.
import { readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { onlyInstall } from './support/installs.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { restarted } from './support/surroundings.ts';
import { TORN } from './support/torn.ts';

/** Prints what the files say; with an argument writes it to the first of them. */
const MAIN = `
  const { readFileSync, writeFileSync } = require('node:fs');
  const path = require('node:path');
  const file = (name) => path.join(__dirname, name);
  if (process.argv[2]) writeFileSync(file('settings.json'), process.argv[2]);
  console.log(...['settings.json', 'plugins/one.txt', 'fixed.txt'].map((name) => readFileSync(file(name), 'utf8')));
`;

async function programOf(...mutable: readonly string[]): Promise<Program> {
  return await makeProgram(
    { name: 'mutable', bin: 'main.js', sarma: { wrap: { mutable } } },
    { 'main.js': MAIN, 'settings.json': 'given', 'plugins/one.txt': 'one', 'fixed.txt': 'fixed' },
  );
}

let file: string;
let base: string;
let place: (name: string) => string;

const start = async (...args: readonly string[]) => {
  const { stdout, stderr } = await run(file, args, { env: { SARMA_CACHE_DIR: base } });
  return stdout + stderr;
};

beforeEach(async () => {
  file ??= await wrapProgram(await programOf('settings.json', 'mutable/plugins'));
  base = await temporaryDirectory();
  expect(await start()).toBe('given one fixed\n');
  const { release } = await onlyInstall(base);
  place = (name) => path.join(release, 'lib/mutable-1.0.0', name);
});

describe('a file that wrap.mutable names', () => {
  test('stays as the program made it, when another one is lost', async () => {
    expect(await start('written')).toBe('written one fixed\n');
    await writeFile(place('plugins/one.txt'), 'longer than it was');
    await unlink(place('fixed.txt'));
    expect(await start()).toBe('written longer than it was fixed\n');
    expect(await start()).toBe('written longer than it was fixed\n');
  });

  test('stays a link, where somebody made it one', async () => {
    const own = path.join(await temporaryDirectory(), 'own.json');
    await writeFile(own, 'own');
    await unlink(place('settings.json'));
    await symlink(own, place('settings.json'));
    expect(await start()).toBe('own one fixed\n');
    expect(await readFile(own, 'utf8')).toBe('own');
  });

  test('comes back when it is lost', async () => {
    await unlink(place('settings.json'));
    await rm(place('plugins'), { recursive: true });
    expect(await start()).toBe('given one fixed\n');
  });

  test('is left alone by `maintenance verify`, and the others are not', async () => {
    await start('written');
    await writeFile(place('fixed.txt'), 'FIXED');
    const verify = await run(file, ['maintenance', 'verify'], { env: { SARMA_CACHE_DIR: base } });
    expect(verify).toMatchObject({ stderr: expect.stringContaining('repaired 1 file'), exitCode: 0 });
    expect(await start()).toBe('written one fixed\n');
  });

  test.skipIf(lacks('mounts'))(
    'comes back if a loss of power tore it before the program wrote to it, and stays if after',
    async () => {
      await start('written');
      await TORN['nothing but zeros'](place('plugins/one.txt'));
      const { stdout } = await run(file, [], { env: { SARMA_CACHE_DIR: base }, under: await restarted() });
      expect(stdout).toBe('written one fixed\n');
    },
  );

  test('is like any other where nobody names it', async () => {
    const other = await wrapProgram(await programOf());
    await run(other, ['written'], { env: { SARMA_CACHE_DIR: base } });
    const verify = await run(other, ['maintenance', 'verify'], { env: { SARMA_CACHE_DIR: base } });
    expect(verify.stderr).toContain('repaired 1 file');
    expect((await run(other, [], { env: { SARMA_CACHE_DIR: base } })).stdout).toBe('given one fixed\n');
  });
});
