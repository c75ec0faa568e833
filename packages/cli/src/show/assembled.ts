import path from 'node:path';
import { type AssembledRelease, startHelp } from '@sarma/release';
import { shownPath, size } from './measures.ts';
import { tableLines } from './table.ts';

/** Folders that are named because they are heavy. */
const HEAVY = 1_000_000;

/** What an assembled release weighs where it weighs much, and what to do with it. */
export function showAssembled(assembled: AssembledRelease): void {
  const heavy = assembled.largest.filter(({ bytes }) => bytes >= HEAVY).slice(0, 5);
  const lines = tableLines(
    [
      { title: 'largest', cell: (folder) => folder.path },
      { title: 'size', cell: ({ bytes }) => size(bytes), right: true },
    ],
    heavy,
  );
  const text = [...(heavy.length === 0 ? [] : lines), ...nextLines(assembled)];
  process.stdout.write(`${text.join('\n')}\n`);
}

function nextLines(assembled: AssembledRelease): readonly string[] {
  const { kind, path: directory, entries } = assembled;
  if (kind === 'service') {
    return tableLines(
      [
        { title: 'to', cell: ({ what }) => what },
        { title: 'run', cell: ({ command }) => shownPath(command) },
      ],
      startHelp(assembled),
    );
  }
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return Object.keys(entries).map(
    (name) => `Start it: ${shownPath(path.join(directory, 'bin', name + suffix))}`,
  );
}
