// That `npm run fuzz` works: coverage leads it to a bug nothing else leads to, and some seconds on each parser find nothing.
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lacks } from './support/requirements.ts';
import { run } from './support/run.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const SECONDS = '1';

async function fuzz(...args: readonly string[]) {
  const script = path.join(ROOT, 'scripts/fuzz.ts');
  const options = ['--conditions=@sarma/source', script, ...args];
  return await run(process.execPath, options, { cwd: ROOT, timeout: 500_000 });
}

test.skipIf(lacks('root', 'afl-fuzz'))(
  'the fuzzer finds a planted bug, which only coverage leads to',
  { timeout: 600_000 },
  async () => {
    const { stdout, exitCode } = await fuzz('--seconds', '120', '--mode', 'safe', 'planted-bug');
    expect({ stdout, exitCode }).toEqual({
      stdout: expect.stringMatching(/ found \S+planted-bug/),
      exitCode: 1,
    });
    await rm(path.join(ROOT, stdout.match(/ found (\S+)/)![1]!));
  },
);

test.skipIf(lacks('root', 'afl-fuzz'))(
  'some seconds on each of the stub’s parsers find nothing',
  { timeout: 600_000 },
  async () => {
    const { stdout, stderr, exitCode } = await fuzz('--seconds', SECONDS);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const targets = await readdir(path.join(ROOT, 'packages/stub/fuzz/corpus'));
    for (const target of targets) {
      const lines = stdout.split('\n').filter((line) => line.startsWith(`${target} `));
      expect({ target, lines: lines.length }).toEqual({ target, lines: 2 });
      for (const line of lines) expect(line).toMatch(/ [1-9]\d* inputs, .* nothing found$/);
    }
  },
);
