import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Contents, writeContents } from './contents.ts';

/**
 * Writes a file so that its name never holds half of it, and nothing else is left when that fails. Throws what writing
 * throws.
 */
export async function writeWhole(
  file: string,
  content: string | Buffer | Contents,
  mode: number,
): Promise<void> {
  const random = randomBytes(6).toString('hex');
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${random}.tmp`);
  try {
    if (typeof content === 'string' || Buffer.isBuffer(content)) {
      await writeFile(temporary, content, { mode, flag: 'wx' });
    } else {
      writeContents(temporary, content, mode);
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
