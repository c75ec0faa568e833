import { readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';

/** What a disk shows of a file whose last bytes it lost: other bytes, or fewer, under the same time. */
export const TORN = {
  'a page of zeros': async (file) => {
    const bytes = await readFile(file);
    const at = bytes.length >> 1;
    bytes.subarray(at, at + 4096).fill(0);
    await keepingTime(file, async () => await writeFile(file, bytes));
  },
  'nothing but zeros': async (file) => {
    const { size } = await stat(file);
    await keepingTime(file, async () => await writeFile(file, Buffer.alloc(size)));
  },
  'half of its bytes': async (file) => {
    const { size } = await stat(file);
    await keepingTime(file, async () => await truncate(file, size >> 1));
  },
  'no bytes': async (file) => await keepingTime(file, async () => await truncate(file, 0)),
} as const satisfies Record<string, (file: string) => Promise<void>>;

async function keepingTime(file: string, change: () => Promise<void>): Promise<void> {
  const { mtime } = await stat(file);
  await change();
  await utimes(file, mtime, mtime);
}
