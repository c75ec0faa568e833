import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { addBootCode } from '../src/boot/code.ts';
import type { Tree } from '../src/tree.ts';

test('every module of the boot that is imported when it is needed has all its exports, wherever it lies', async () => {
  const tree: Tree = new Map();
  await addBootCode(tree, 'boot');
  const root = await mkdtemp(path.join(tmpdir(), 'boot-code-'));
  onTestFinished(async () => await rm(root, { recursive: true }));
  await mkdir(path.join(root, 'boot/boot'), { recursive: true });
  for (const [name, entry] of tree) {
    if (entry.type === 'text' && !name.endsWith('/boot.cjs'))
      await writeFile(path.join(root, name), entry.text);
  }
  // It would start.
  await writeFile(path.join(root, 'boot/boot.cjs'), 'exports.BootError = Error;');
  const later = createRequire(import.meta.url)(path.join(root, 'boot/boot/later.cjs'));
  const names = Object.keys(later);
  expect(names).toEqual(expect.arrayContaining(['commands/start', 'apply-vm-args', 'usage']));
  for (const name of names) {
    const source = await import(path.resolve(import.meta.dirname, `../../boot/src/${name}.ts`));
    expect(Object.keys(later[name]), name).toEqual(expect.arrayContaining(Object.keys(source)));
  }
});
