import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readAssembledRelease } from '../src/assembled-release.ts';
import { mutableFiles } from '../src/mutable.ts';
import { readTree } from '../src/tree.ts';
import { writeAssembled } from './support/assembled.ts';

const FILES = {
  'lib/small-1.0.0/package.json': '{ "name": "small", "version": "1.0.0" }',
  'lib/small-1.0.0/settings.json': '{}',
  'lib/small-1.0.0/plugins/one.js': '',
  'lib/small-1.0.0/plugins/two.js': '',
};

/** The files that are marked. */
async function marked(...mutable: readonly string[]): Promise<readonly string[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sarma-mutable-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const release = await readAssembledRelease(await writeAssembled(directory, { wrap: { mutable } }, FILES));
  return [...(await mutableFiles(readTree(directory), release))];
}

test('wrap.mutable names files by their paths in the release, or in a package, with *, ** and !', async () => {
  expect(await marked()).toEqual([]);
  expect(await marked('settings.json')).toEqual(['lib/small-1.0.0/settings.json']);
  expect(await marked('small/plugins/*', '!two.js')).toEqual(['lib/small-1.0.0/plugins/one.js']);
  expect(await marked('/lib/**/plugins/*')).toEqual([
    'lib/small-1.0.0/plugins/one.js',
    'lib/small-1.0.0/plugins/two.js',
  ]);
});

test.each([
  [
    'MUTABLE_NOTHING',
    'a pattern that means no file',
    'settings.jsn',
    '"settings.jsn" means no file of small',
  ],
  ['MUTABLE_ENTRY', 'what Node executes', '*.js', 'wrap.mutable names entry.js, which is what Node executes'],
])('%s: %s', async (code, _, pattern, says) => {
  await expect(marked(pattern)).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
});
