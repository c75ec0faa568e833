// That `npm run fuzz` works: coverage leads it to a bug nothing else leads to, and a second on each parser finds nothing.
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { lacks } from './support/requirements.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

function fuzz(...args: readonly string[]) {
  const script = path.join(ROOT, 'scripts/fuzz.ts');
  const options = ['--conditions=@sarma/source', script, ...args];
  return execa(process.execPath, options, { cwd: ROOT, timeout: 590_000, reject: false });
}

test('the fuzzer says how it is called', async () => {
  const help = await fuzz('--help');
  expect(help).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^usage: npm run fuzz/),
    stderr: '',
  });
  const mistake = await fuzz('--minutes', '1');
  expect(mistake).toMatchObject({ exitCode: 1, stdout: '' });
  expect(mistake.stderr).toMatch(/^Unknown option '--minutes'.*\n\nusage: /);
});

test.skipIf(lacks('root', 'afl-fuzz'))(
  'the fuzzer finds a planted bug, which only coverage leads to, and keeps it when it is ended early',
  { timeout: 600_000 },
  async () => {
    const fuzzing = fuzz('--seconds', '1000', '--mode', 'safe', 'planted-bug', 'fat');
    fuzzing.stdout.on('data', (text) => {
      if (/^fat,/m.test(text)) fuzzing.kill('SIGINT');
    });
    const { stdout, exitCode } = await fuzzing;
    expect({ stdout, exitCode }).toEqual({
      stdout: expect.stringMatching(/^planted-bug +safe( +\d+){2} +1$/m),
      exitCode: 1,
    });
    await rm(path.join(ROOT, stdout.match(/^found (\S+)/m)![1]!));
  },
);

test.skipIf(lacks('root', 'afl-fuzz'))(
  'a second on each of the stub’s parsers finds nothing',
  { timeout: 600_000 },
  async () => {
    const targets = await readdir(path.join(ROOT, 'packages/stub/fuzz/corpus'));
    // At the same time: for two seconds of three, AFL++ waits.
    const modes = ['safe', 'release'].map(async (mode) => {
      const { stdout, stderr, exitCode } = await fuzz('--seconds', '1', '--mode', mode);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      for (const target of targets) {
        const rows = stdout.split('\n').filter((line) => line.startsWith(`${target} `));
        expect(rows).toEqual([expect.stringMatching(`^${target} +${mode}( +[1-9]\\d*){2} +0$`)]);
      }
    });
    await Promise.all(modes);
  },
);
