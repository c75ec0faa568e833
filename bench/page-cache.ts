import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { NODE } from './bench.ts';

const execute = promisify(execFile);

/** A copy of plain Node in `directory` that will be read from the disk, as what `forget` was called for. */
export async function copyNode(directory: string): Promise<string> {
  const node = path.join(directory, 'node');
  await cp(NODE, node);
  await forget([node]);
  return node;
}

/**
 * Drops files from the page cache, those of a MB and more of directories: the next one to use them reads them from the
 * disk. A file that has just been written lies in the page cache otherwise than one that was read.
 */
export async function forget(files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  await execute('sync');
  const large = ['-type', 'f', '-size', '+1M'];
  await execute('find', [...files, ...large, '-exec', 'dd', 'if={}', 'iflag=nocache', 'count=0', ';']);
}
