import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/run.ts';
import { writeTarGz, writeZip } from '../src/archive.ts';
import { filesBeside } from '../src/beside.ts';

test('archives take no keys and no .env along, whatever publish.include says', async () => {
  const project = await temporaryDirectory();
  for (const name of ['README.md', 'release.key', '.env', '.env.local'])
    await writeFile(path.join(project, name), name);
  const names = (await filesBeside(project, ['*'], [])).map(({ name }) => name);
  expect(names).toEqual(['README.md']);
  await expect(filesBeside(project, ['release.*'], [])).rejects.toMatchObject({ code: 'NOT_INCLUDED' });
  await expect(filesBeside(project, ['.env*'], [])).rejects.toMatchObject({ code: 'NOT_INCLUDED' });
});

test('what lies above the project lies in the archive, not above it', async () => {
  const workspace = await temporaryDirectory();
  const project = path.join(workspace, 'packages/hello');
  await mkdir(project, { recursive: true });
  await writeFile(path.join(workspace, 'LICENSE'), 'MIT');
  const include = ['../../LICENSE', 'README.md'];
  await writeFile(path.join(project, 'README.md'), '# hello');
  const files = await filesBeside(project, include, ['hello']);
  expect(files.map(({ name }) => name)).toEqual(['LICENSE', 'README.md']);
  await writeFile(path.join(project, 'LICENSE'), 'Other');
  await expect(filesBeside(project, [...include, 'LICENSE'], ['hello'])).rejects.toThrow(
    'publish.include names LICENSE, and ../../LICENSE has that name in the archive.',
  );
});

test('a file that is called as the executable is refused', async () => {
  const project = await temporaryDirectory();
  await mkdir(path.join(project, 'hello'));
  await writeFile(path.join(project, 'hello/notes.txt'), '');
  await expect(filesBeside(project, ['hello/*'], ['hello'])).rejects.toThrow(
    'publish.include names hello/notes.txt, and the executable has that name',
  );
});

test.each([
  ['tar.gz', writeTarGz],
  ['zip', writeZip],
])('a file that is gone when it is packed ends a %s with an error', async (kind, write) => {
  const folder = await temporaryDirectory();
  const file = path.join(folder, 'there');
  await writeFile(file, 'there');
  const files = [file, path.join(folder, 'gone')].map((one) => ({
    name: path.basename(one),
    file: one,
    mode: 0o644,
  }));
  await expect(write(path.join(folder, `hello.${kind}`), files)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readdir(folder)).toContain('there');
});
