import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { StagedVersion } from '@sarma/publish';
import { expect, test } from 'vitest';
import { serveGitHub } from './support/github-server.ts';
import { publishToGitHub } from './support/publish-to-github.ts';
import { temporaryDirectory } from './support/run.ts';

const MIB = 2 ** 20;

/** One file of so many zeros, as `stage` leaves it. */
async function stagedZeros(size: number): Promise<StagedVersion> {
  const folder = path.join(await temporaryDirectory(), '1.0.0');
  await mkdir(folder);
  const file = path.join(folder, 'large_linux-x64');
  await writeFile(file, '');
  await truncate(file, size);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece);
  const files = [{ name: path.basename(file), size, sha256: hash.digest('hex') }];
  const feed = { format: 1, name: 'large', version: '1.0.0', tag: 'v1.0.0', executables: [] } as const;
  return { folder, files, feed };
}

async function mostMemory(size: number): Promise<number> {
  const server = await serveGitHub();
  try {
    const { stdout, exitCode } = await publishToGitHub(server, await stagedZeros(size));
    expect(exitCode).toBe(0);
    expect(server.releases[0]!.assets).toMatchObject([{ size, state: 'uploaded' }]);
    expect(server.wrong).toEqual([]);
    return JSON.parse(stdout.trim().split('\n').at(-1)!).most;
  } finally {
    await server.close();
  }
}

test('a file of 300 MB goes to GitHub without a process that grows with it', async () => {
  const [small, large] = [await mostMemory(MIB), await mostMemory(300 * MIB)];
  expect((large - small) / MIB).toBeLessThan(100);
});
