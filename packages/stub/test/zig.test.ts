import path from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { zig } from '../../../scripts/zig.ts';

it('the unit tests in Zig pass', { timeout: 300_000 }, async () => {
  const run = await execa(process.execPath, [zig, 'build', 'test', '--summary', 'all'], {
    cwd: path.resolve(import.meta.dirname, '..'),
    reject: false,
    all: true,
  });
  expect(run.all).toMatch(/\d+\/\d+ tests passed/);
  expect(run.exitCode).toBe(0);
});
