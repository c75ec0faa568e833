import { open, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hostTarget } from './support/host.ts';
import { folder, hello, quickly, sarma } from './support/sarma.ts';

async function wrapped(): Promise<string> {
  const directory = await folder(hello);
  await sarma(['wrap', '-q', ...quickly], { directory });
  return path.join(directory, 'burrito_out', `hello_${hostTarget}`);
}

test('`inspect` says what is inside and what it weighs', async () => {
  const file = await wrapped();
  const { exitCode, stdout, stderr } = await sarma(['inspect', file]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^release +hello 1\\.2\\.3 for ${hostTarget}$`, 'm'));
  expect(stdout).toMatch(new RegExp(`^runtime +node ${process.versions.node} `, 'm'));
  // As in the page: by the bill of materials, without the version in the folder's name.
  expect(stdout).toMatch(/^hello 1\.2\.3 +\d+ /m);
  const json = JSON.parse((await sarma(['inspect', '--json', file])).stdout);
  const sizes = Object.values<number>(json.parts);
  expect(sizes.reduce((sum, bytes) => sum + bytes)).toBe((await stat(file)).size);
  expect(stdout).toContain(json.id);
});

test('`verify` exits with 0 for a whole file, with 1 for one with a flipped bit', async () => {
  const file = await wrapped();
  const whole = await sarma(['verify', file]);
  expect(whole.stdout).toMatch(/is whole\.\n$/);
  expect(whole.exitCode).toBe(0);
  await flipBit(file, Math.floor((await stat(file)).size / 2));
  const damaged = await sarma(['verify', file]);
  expect(damaged.stdout).toMatch(/^failed +runtime: /m);
  expect(damaged.stdout).toMatch(/is damaged\.\n$/);
  expect(damaged.exitCode).toBe(1);
  const json = await sarma(['verify', '--json', file]);
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false });
  expect(json.exitCode).toBe(1);
});

test('a truncated executable, another file and a missing one are sentences', async () => {
  const file = await wrapped();
  await truncate(file, 5_000_000);
  const other = path.join(await folder(hello), 'package.json');
  for (const command of ['inspect', 'verify']) {
    for (const given of [file, other, `${other}.missing`]) {
      const { exitCode, stdout, stderr } = await sarma([command, given]);
      expect(exitCode).toBe(1);
      expect(stdout + stderr).toContain(path.basename(given));
      expect(stderr).not.toMatch(/fault in Sarma|^ {4}at /m);
    }
  }
});

async function flipBit(file: string, position: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, position);
  byte[0]! ^= 1;
  await handle.write(byte, 0, 1, position);
  await handle.close();
}
