import type { Artifact } from '@sarma/wrapper';
import { duration, shownPath, size } from './measures.ts';
import { type Column, tableLines, width } from './table.ts';

const COLUMNS: readonly Column<Artifact>[] = [
  { title: 'target', cell: ({ target }) => target },
  { title: 'file', cell: ({ file }) => shownPath(file) },
  { title: 'size', cell: ({ bytes }) => size(bytes), right: true },
  { title: 'runtime', cell: ({ parts }) => size(parts.runtime), right: true },
  { title: 'code', cell: ({ parts }) => size(parts.release), right: true },
  { title: 'time', cell: ({ milliseconds }) => duration(milliseconds), right: true },
];

/** What was built, as a table, or as a few lines each where the terminal is too narrow for one. */
export function artifactLines(artifacts: readonly Artifact[], columns: number): string[] {
  if (artifacts.length === 0) return [];
  const table = tableLines(COLUMNS, artifacts);
  const lines = Math.max(...table.map(width)) <= columns ? table : artifacts.flatMap(narrowLines);
  const replaced = artifacts.filter((artifact) => artifact.replaced).map(({ file }) => shownPath(file));
  return [...lines, ...(replaced.length === 0 ? [] : [`Replaced: ${replaced.join(', ')}`])];
}

function narrowLines({ file, bytes, parts, milliseconds }: Artifact): string[] {
  return [
    shownPath(file),
    `  ${size(bytes)} in ${duration(milliseconds)}`,
    `  runtime ${size(parts.runtime)}`,
    `  code ${size(parts.release)}`,
  ];
}
