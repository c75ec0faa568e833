import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { modulesVersion } from '../src/native/modules-version.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sarma-modules-version-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('NODE_MODULE_VERSION is read from a runtime, this one for example', async () => {
  expect(await modulesVersion(process.execPath)).toBe(Number(process.versions.modules));
});

test('wherever the pieces that are read end', async () => {
  const file = path.join(directory, 'node');
  const name = 'node_register_module_v137\0';
  for (let before = 0; before <= name.length; before++) {
    const filled = Buffer.alloc(1024 * 1024 - before, ' ');
    await writeFile(file, Buffer.concat([filled, Buffer.from(`${name} node_register_module_v1`)]));
    expect(await modulesVersion(file), `${before} bytes before the end`).toBe(137);
  }
  await writeFile(file, 'node_register_module_v13');
  expect(await modulesVersion(file)).toBeNull();
});
