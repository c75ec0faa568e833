import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** The beginning of a stamp (docs/format.md); it lies in the stub, and stubs are smaller than `HEAD` bytes. */
const MAGIC = Buffer.from('\x89SARMA-STAMP\r\n\x1a\n', 'latin1');
const HEAD = 1024 * 1024;
/** No executable with a runtime in it is smaller, in bytes. */
const LEAST = 5_000_000;

/** Whether a file is an executable that Sarma made earlier, wherever it was put: none is ever packed into another. */
export function isOwnExecutable(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size < LEAST) return false;
  const descriptor = openSync(file, 'r');
  try {
    const head = Buffer.alloc(HEAD);
    readSync(descriptor, head, 0, HEAD, 0);
    return head.includes(MAGIC);
  } finally {
    closeSync(descriptor);
  }
}
