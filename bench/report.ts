import type { Cost } from './measure.ts';
import type { Plot } from './plots.ts';
import type { Estimate, Spread } from './statistics.ts';

/** One heading of the results. */
export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
  readonly plots?: readonly Plot[];
}

export type Block = string | Table;

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A section as Markdown. */
export function showSection({ title, blocks }: Section): string {
  return [
    `## ${title}`,
    ...blocks.map((block) => (typeof block === 'string' ? block : showTable(block))),
  ].join('\n\n');
}

function showTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(columns), `|${columns.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** `median (minimum)` in ms. */
export function showTime({ median, minimum }: Spread): string {
  return `${milliseconds(median)} (${milliseconds(minimum)})`;
}

/** CPU time, wall time and how often it was measured, the cells of these columns. */
export function showCost({ cpu, wall, runs }: Cost): [string, string, string] {
  return [showTime(cpu), showTime(wall), String(runs.wall.length)];
}

export const COST_COLUMNS = ['CPU, ms', 'wall, ms', 'rounds'] as const;

/** `ratio (low–high)` */
export function showRatio({ value, low, high }: Estimate): string {
  // Of what is compared with itself.
  if (value === 1 && low === high) return '1';
  return `${value.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

export function milliseconds(value: number): string {
  return Math.abs(value) < 100 ? value.toFixed(1) : value.toFixed(0);
}

/** MB are 10^6 bytes. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** The line that tells most of what went wrong, short enough for a cell. */
export function reason(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  const lines = `${stderr ?? ''}\n${message}`
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is removed here
    .replaceAll(/\u001b\[[0-9;]*m/g, '')
    // Nothing of the machine's paths in what is published.
    .replaceAll(/[^\s'"]*\/sarma-bench-\w+/g, '…')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.find((line) => /error|cannot|not found|refus|fail/i.test(line)) ?? lines[0] ?? '';
  return telling.slice(0, 160);
}
