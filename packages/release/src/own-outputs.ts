import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { TAR_HEADER } from './tar-entries.ts';

/** The beginning of a stamp (docs/format.md); it lies in the stub, and stubs are smaller than `STUB` bytes. */
const MAGIC = Buffer.from('\x89SARMA-STAMP\r\n\x1a\n', 'latin1');
const STUB = 1024 * 1024;
/** No executable with a runtime in it is smaller, in bytes. */
const LEAST_EXECUTABLE = 5_000_000;

const BILL_OF_MATERIALS = '.cdx.json';

/**
 * Whether a file is an executable or an archive that Sarma made earlier, or the bill of materials beside one, wherever
 * it was put: none is ever packed into another.
 */
export function isOwnOutput(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return false;
  if (file.endsWith(BILL_OF_MATERIALS)) {
    const executable = file.slice(0, -BILL_OF_MATERIALS.length);
    return isOwnOutput(executable) || isOwnOutput(`${executable}.exe`);
  }
  if (/\.(tar\.gz|tgz)$/.test(file)) return readHead(file, TAR_HEADER.length).equals(TAR_HEADER);
  return found.size >= LEAST_EXECUTABLE && readHead(file, STUB).includes(MAGIC);
}

function readHead(file: string, length: number): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const head = Buffer.alloc(length);
    return head.subarray(0, readSync(descriptor, head, 0, length, 0));
  } finally {
    closeSync(descriptor);
  }
}
