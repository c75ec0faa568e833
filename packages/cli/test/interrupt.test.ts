import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hostTarget } from './support/host.ts';
import { ended, folder, hello, start } from './support/sarma.ts';

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s in the middle leaves the old file and no temporary one, and exits with %i',
  async (signal, exitCode) => {
    const directory = await folder(hello);
    const cache = path.join(directory, 'cache');
    const output = path.join(directory, 'burrito_out', `hello_${hostTarget}`);
    await mkdir(path.dirname(output));
    await writeFile(output, 'the old one');
    const argv = ['wrap', '--json', '--runtime', process.execPath, '--compression', 'best'];
    const child = start(argv, { directory, environment: { SARMA_BUILD_CACHE: cache } });
    let signalled = false;
    child.stdout!.on('data', (text: Buffer) => {
      if (signalled || !text.includes('"type":"compress"')) return;
      signalled = true;
      // Twice, as npm passes on what the terminal has sent to both.
      child.kill(signal);
      child.kill(signal);
    });
    const { exitCode: found, stdout } = await ended(child);
    expect(signalled).toBe(true);
    expect(stdout).toMatch(/"code":"INTERRUPTED"/);
    expect(found).toBe(exitCode);
    const left = await readdir(directory, { recursive: true });
    expect(left.filter((name) => /\.tmp|\.old/.test(name))).toEqual([]);
    expect(await readdir(path.join(cache, 'tmp'))).toEqual([]);
    expect(await readFile(output, 'utf8')).toBe('the old one');
  },
);
