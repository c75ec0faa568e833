import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const MOST_BYTES = 64 * 1024;

/** The last lines of a log from a byte on, without reading all of it; empty where there is no log. */
export function lastLines(file: string, count: number, from = 0): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    // A file that is smaller than before is a new one.
    const start = Math.max(size < from ? 0 : from, size - MOST_BYTES);
    const buffer = Buffer.alloc(size - start);
    const length = readSync(descriptor, buffer, 0, buffer.length, start);
    const lines = buffer.toString('utf8', 0, length).split('\n');
    const ended = lines.at(-1) === '' ? lines.slice(0, -1) : lines;
    return ended
      .slice(-count)
      .map((line) => `${line}\n`)
      .join('');
  } finally {
    closeSync(descriptor);
  }
}
