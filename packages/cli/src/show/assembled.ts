import path from 'node:path';
import type { AssembledRelease } from '@sarma/release';
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

/** How a service is started, talked to and stopped; programs are simply run. */
function nextLines({ kind, path: directory, name, entries }: AssembledRelease): readonly string[] {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const file = (program: string) => shownPath(path.join(directory, 'bin', program + suffix));
  if (kind !== 'service') return Object.keys(entries).map((program) => `Start it: ${file(program)}`);
  return tableLines(
    [
      { title: 'to', cell: ([what]) => what },
      { title: 'run', cell: ([, command]) => `${file(name)} ${command}` },
    ],
    NEXT,
  );
}

const NEXT = [
  ['start it', 'start'],
  ['start it in the background', 'daemon'],
  ['connect to it', 'remote'],
  ['stop it', 'stop'],
  ['list its commands', 'help'],
] as const;
