import path from 'node:path';
import type { AssembledRelease } from '@sarma/release';
import { shownPath, size } from './measures.ts';
import { tableLines } from './table.ts';

/** Folders that are named because they are heavy. */
const HEAVY = 1_000_000;

/** What an assembled release weighs where it weighs much, and how to start it. */
export function showAssembled({ path: directory, entries, largest }: AssembledRelease): void {
  const heavy = largest.filter(({ bytes }) => bytes >= HEAVY).slice(0, 5);
  const lines = tableLines(
    [
      { title: 'largest', cell: (folder) => folder.path },
      { title: 'size', cell: ({ bytes }) => size(bytes), right: true },
    ],
    heavy,
  );
  const starts = Object.values(entries).map((entry) => `node ${shownPath(path.join(directory, entry))}`);
  const text = [...(heavy.length === 0 ? [] : lines), ...starts.map((start) => `Start it: ${start}`)];
  process.stdout.write(`${text.join('\n')}\n`);
}
