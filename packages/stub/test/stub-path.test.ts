import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { launcherPath, StubMissingError, stubPath } from '@sarma/stub';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import rows from '../../wrapper/src/targets.json' with { type: 'json' };

/** Universal targets have the programs of their slices. */
const targets = Object.keys(rows).filter((name) => !('slices' in rows[name as keyof typeof rows]));

const magic = Buffer.concat([
  Buffer.from([0x89]),
  Buffer.from('SARMA-STAMP'),
  Buffer.from([0x0d, 0x0a, 0x1a, 0x0a]),
]);

describe('a built stub', () => {
  it.each(targets)('of %s is below 300 KB and holds the magic of its stamp once', async (name) => {
    const stub = await readFile(stubPath(name));
    expect(stub.length).toBeLessThan(300_000);
    const first = stub.indexOf(magic);
    expect(first).toBeGreaterThan(0);
    expect(stub.indexOf(magic, first + 1)).toBe(-1);
    // Format 1, and nothing stamped yet.
    expect(stub.readUInt32LE(first + 16)).toBe(1);
    expect(stub.subarray(first + 20, first + 4096).every((byte) => byte === 0)).toBe(true);
  });

  it.runIf(process.platform === 'linux')(
    'says what it is and exits 125 when it is run by itself',
    async () => {
      const home = await mkdtemp(path.join(os.tmpdir(), 'stub-'));
      try {
        const run = await execa(stubPath(`linux-${process.arch}`), [], {
          env: { HOME: home },
          reject: false,
        });
        expect(run.exitCode).toBe(125);
        expect(run.stdout).toBe('');
        expect(run.stderr).toMatch(/^sarma: this is a stub without a program/);
      } finally {
        await rm(home, { recursive: true });
      }
    },
  );
});

describe('a built launcher', () => {
  // A signed file for macOS has whole pages of 16 KiB; 32-bit Windows needs functions that come as one piece.
  const limits: Readonly<Record<string, number>> = { darwin: 60_000, win: 80_000, 'win-x86': 120_000 };

  it.each(targets)('of %s is small', async (name) => {
    const launcher = await readFile(launcherPath(name));
    expect(launcher.length).toBeLessThan(limits[name] ?? limits[name.split('-')[0]!] ?? 40_000);
    expect(launcher.includes(magic)).toBe(false);
  });
});

describe('a stub that is not built', () => {
  it('is a StubMissingError that says how to build it', () => {
    expect(() => stubPath('no-such-target')).toThrow(StubMissingError);
    expect(() => stubPath('no-such-target')).toThrow(/npm run build:stubs -- no-such-target/);
  });
});
