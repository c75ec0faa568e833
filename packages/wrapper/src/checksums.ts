import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { hashFile } from './build-cache.ts';
import { lockFile } from './file-lock.ts';
import { writeWhole } from './write-whole.ts';

export const CHECKSUMS = 'SHA256SUMS';

/**
 * Writes what files hash to into `SHA256SUMS` beside them, in the form that `sha256sum -c` reads, sorted by name. Lines
 * of other files stay as long as these are there; those of another form stay. Any number of builds may do this at once.
 * Returns where it is. Throws what writing throws.
 */
export async function addChecksums(directory: string, files: readonly string[]): Promise<string> {
  const names = files.map((file) => path.relative(directory, file));
  const own = await Promise.all(
    names.map(async (name, index) => `${await hashFile(files[index]!)}  ${name}`),
  );
  const sums = path.join(directory, CHECKSUMS);
  const release = await lockFile(sums);
  try {
    const all = [...(await kept(sums, directory, names)), ...own];
    const sorted = all.sort((a, b) => ((nameIn(a) ?? '') < (nameIn(b) ?? '') ? -1 : 1));
    await writeWhole(sums, sorted.map((line) => `${line}\n`).join(''), 0o666);
    return sums;
  } finally {
    await release();
  }
}

/** Undefined for a comment, an escaped name, a path of Windows. */
function nameIn(line: string): string | undefined {
  return /^[0-9a-f]{64} [ *]([^\\]+)$/i.exec(line)?.[1];
}

/** The lines but those of `names`, and of what is no longer there. */
async function kept(sums: string, directory: string, names: readonly string[]): Promise<readonly string[]> {
  const text = await readFile(sums, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split(/\r?\n/).filter((line) => line !== '');
  const stays = await Promise.all(
    lines.map(async (line) => {
      const name = nameIn(line);
      return name === undefined || (!names.includes(name) && (await exists(path.resolve(directory, name))));
    }),
  );
  return lines.filter((_, index) => stays[index]);
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}
