import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { contentsOf } from '../src/contents.ts';
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

test('a folder that cannot be written to is found before anything is made', async () => {
  writeFileSync(at('file'), '');
  await expect(checkReplaceable(at('file/deep/name'))).rejects.toMatchObject({
    code: 'OUTPUT_NOT_WRITABLE',
    message: `${at('file/deep/name')} cannot be written: ${at('file')} is a file; choose another -o.`,
  });
  await checkReplaceable(at('new/deep/name'));
});

test('a folder of somebody else is named', async () => {
  mkdirSync(at('closed'), { mode: 0o500 });
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    chmodSync(directory, 0o755);
    process.seteuid!(65534);
  }
  try {
    await expect(checkReplaceable(at('closed/deep/name'))).rejects.toMatchObject({
      code: 'OUTPUT_NOT_WRITABLE',
      message: expect.stringContaining(`${at('closed/deep')} is not yours to write to (EACCES)`),
    });
  } finally {
    if (isRoot) process.seteuid!(0);
  }
});

test('a new name, and an executable of ours, may be written', async () => {
  await checkReplaceable(at('new'));
  const ours = Buffer.alloc(100_000);
  ours.write('\x89SARMA-STAMP\r\n\x1a\n', 4096, 'latin1');
  ours.writeUInt32LE(1, 4096 + 16);
  expect(await writeExecutable(at('ours'), contentsOf(ours))).toBe(false);
  await checkReplaceable(at('ours'));
  expect(await writeExecutable(at('ours'), contentsOf(Buffer.from('next')))).toBe(true);
  expect(readFileSync(at('ours'), 'utf8')).toBe('next');
});
