import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/run.ts';
import { writeKeyPair } from '../src/keygen.ts';
import { putFolder } from '../src/version-folder.ts';

test('a version that a killed run had moved away is there again', async () => {
  const parent = await temporaryDirectory();
  const moved = path.join(parent, '.1.0.0.0123456789ab.old');
  await mkdir(moved);
  await writeFile(path.join(moved, 'a'), 'published');
  const folder = path.join(parent, '1.0.0');
  const other = putFolder(folder, { replace: false, dryRun: false }, (fresh) =>
    writeFile(path.join(fresh, 'a'), 'other'),
  );
  await expect(other).rejects.toMatchObject({ code: 'PUBLISHED_OTHERWISE' });
  expect(await readFile(path.join(folder, 'a'), 'utf8')).toBe('published');
  expect(await readdir(parent)).toEqual(['1.0.0']);
});

test('a secret key has a name by which it is left out of releases', async () => {
  const folder = await temporaryDirectory();
  await expect(writeKeyPair(path.join(folder, 'signing'), undefined)).rejects.toMatchObject({
    code: 'KEY_INVALID',
    message: expect.stringContaining('signing.key'),
  });
  expect(await readdir(folder)).toEqual([]);
});
