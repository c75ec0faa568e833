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

test('what a killed run has moved away of another version is left to that version', async () => {
  const parent = await temporaryDirectory();
  const moved = '.1.0.0-beta.2.0123456789ab.old';
  await mkdir(path.join(parent, moved));
  await putFolder(path.join(parent, '1.0.0-beta'), { replace: false, dryRun: false }, (fresh) =>
    writeFile(path.join(fresh, 'a'), 'first'),
  );
  expect((await readdir(parent)).sort()).toEqual([moved, '1.0.0-beta']);
});

test('of two runs at once one writes the version, and the other says so', async () => {
  const folder = path.join(await temporaryDirectory(), '1.0.0');
  let waiting = 0;
  let go = () => {};
  const both = new Promise<void>((resolve) => {
    go = resolve;
  });
  const write = (text: string) =>
    putFolder(folder, { replace: false, dryRun: false }, async (fresh) => {
      await writeFile(path.join(fresh, 'a'), text);
      waiting += 1;
      if (waiting === 2) go();
      await both;
    });
  const results = await Promise.allSettled([write('one'), write('other')]);
  const failed = results.filter((result) => result.status === 'rejected');
  expect(failed.map(({ reason }) => reason)).toEqual([
    expect.objectContaining({ code: expect.stringMatching(/^(NOT_WRITABLE|PUBLISHED_OTHERWISE)$/) }),
  ]);
  expect(await readdir(path.dirname(folder))).toEqual(['1.0.0']);
});

test('a secret key has a name by which it is left out of releases', async () => {
  const folder = await temporaryDirectory();
  await expect(writeKeyPair(path.join(folder, 'signing'), undefined)).rejects.toMatchObject({
    code: 'KEY_INVALID',
    message: expect.stringContaining('signing.key'),
  });
  expect(await readdir(folder)).toEqual([]);
});
