import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a file, and the folders that lead to it, so that its name never holds half of it: `write` gets another name,
 * in the same folder. It appears by rename, so that a runtime that is running is replaced and not written into.
 */
export async function writeWhole(file: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const { dir, base } = path.parse(file);
  const temporary = path.join(dir, `.${base}.${randomBytes(6).toString('hex')}.tmp`);
  await mkdir(dir, { recursive: true });
  try {
    await write(temporary);
    await rename(temporary, file);
  } finally {
    // Renaming one name of a file to another name of it does nothing, and leaves both.
    await rm(temporary, { force: true });
  }
}
