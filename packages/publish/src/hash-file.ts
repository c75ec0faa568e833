import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import type { StagedFile } from './staged-version.ts';

/** What a file is published as. Throws what reading it throws. */
export async function hashFile(file: string): Promise<StagedFile> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk);
    size += (chunk as Buffer).length;
  }
  return { name: path.basename(file), size, sha256: hash.digest('hex') };
}
