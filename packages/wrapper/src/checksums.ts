import { open, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { hashFile } from './build-cache.ts';
import { writeWhole } from './write-whole.ts';

export const CHECKSUMS = 'SHA256SUMS';

/** Who holds the lock works for milliseconds: a lock this old, in milliseconds, is of a build that was killed. */
const ABANDONED_AFTER = 10_000;

/**
 * Writes what files hash to into `SHA256SUMS` beside them, in the form that `sha256sum -c` reads, sorted by name. Lines
 * of other files stay as long as these are there. Any number of builds may do this at once. Throws what writing throws.
 */
export async function addChecksums(directory: string, files: readonly string[]): Promise<void> {
  const own = new Map<string, string>();
  for (const file of files) own.set(path.relative(directory, file), await hashFile(file));
  const release = await lock(path.join(directory, `.${CHECKSUMS}.lock`));
  try {
    const sums = path.join(directory, CHECKSUMS);
    const all = new Map([...(await kept(sums, directory)), ...own]);
    const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1));
    await writeWhole(sums, sorted.map(([name, digest]) => `${digest}  ${name}\n`).join(''), 0o666);
  } finally {
    await release();
  }
}

/** Name and digest of what has a line and is still there. */
async function kept(sums: string, directory: string): Promise<readonly (readonly [string, string])[]> {
  const text = await readFile(sums, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').flatMap((line) => {
    const [, digest, name] = /^([0-9a-f]{64}) [ *]([^/\\]+)$/.exec(line.trimEnd()) ?? [];
    return digest === undefined || name === undefined ? [] : [[name, digest] as const];
  });
  const there = await Promise.all(lines.map(([name]) => exists(path.join(directory, name))));
  return lines.filter((_, index) => there[index]);
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}

/** Takes a lock, a file that only one can create. Returns what gives it back. */
async function lock(file: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      const handle = await open(file, 'wx');
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    await removeAbandoned(file);
    await pause(20);
  }
}

async function removeAbandoned(file: string): Promise<void> {
  const age = await stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    // Its owner has just removed it.
    () => 0,
  );
  if (age > ABANDONED_AFTER) await rm(file, { force: true });
}
