// The musl targets among others: what is built and said where their runtimes are out of reach.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { temporaryDirectory, wrapCommand } from './support/run.ts';

test('a target whose source is out of reach fails with a sentence, and the others are built', async () => {
  const nobody = { mirror: 'http://127.0.0.1:9/release' };
  const { directory } = await makeProgram(
    { name: 'hello', bin: 'main.js' },
    {
      'main.js': '',
      'targets.json': JSON.stringify({ 'linux-x64-musl': nobody, 'linux-arm64-musl': nobody }),
    },
  );
  const output = await temporaryDirectory();
  const options = ['--runtime', '24', '--per-target', '--compression', 'fast', '-o', `${output}/`];
  const targets = ['-t', 'linux-x64,linux-x64-musl,linux-arm64-musl'];
  const { stderr, exitCode } = await wrapCommand([directory, ...targets, ...options]);
  expect(exitCode).toBe(1);
  for (const target of ['linux-x64-musl', 'linux-arm64-musl']) {
    expect(stderr).toMatch(
      new RegExp(`${target}: No version of Node in the range "24":\\n +${target}: none\\n`),
    );
  }
  expect(stderr).toContain('No usable answer came from');
  expect(stderr).toContain('127.0.0.1:9 (');
  expect(stderr).not.toContain('error: linux-x64:');
  const files = await readdir(path.join(output));
  expect(files).toContain('hello_linux-x64');
  expect(files.filter((file) => file.includes('musl'))).toEqual([]);
});
