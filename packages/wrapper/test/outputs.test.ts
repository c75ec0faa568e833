import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkReplaceable, writeExecutable } from '../src/outputs.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'sarma-outputs-'));
afterAll(() => rmSync(directory, { recursive: true }));

const at = (name: string) => path.join(directory, name);

test('what was not made by Sarma is not replaced', async () => {
  writeFileSync(at('package.json'), '{}');
  execFileSync('mkfifo', [at('pipe')]);
  for (const name of ['package.json', 'pipe']) {
    await expect(checkReplaceable(at(name))).rejects.toMatchObject({ code: 'OUTPUT_IS_FOREIGN' });
  }
  await expect(checkReplaceable('/dev/null')).rejects.toMatchObject({ code: 'OUTPUT_IS_FOREIGN' });
  await expect(checkReplaceable(directory)).rejects.toMatchObject({ code: 'OUTPUT_IS_DIRECTORY' });
});

test('a new name, and an executable of ours, may be written', async () => {
  await checkReplaceable(at('new'));
  const ours = Buffer.alloc(100_000);
  ours.write('\x89SARMA-STAMP\r\n\x1a\n', 4096, 'latin1');
  ours.writeUInt32LE(1, 4096 + 16);
  expect(await writeExecutable(at('ours'), ours)).toBe(false);
  await checkReplaceable(at('ours'));
  expect(await writeExecutable(at('ours'), Buffer.from('next'))).toBe(true);
  expect(readFileSync(at('ours'), 'utf8')).toBe('next');
});
