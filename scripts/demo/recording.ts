import type { Terminal } from '@xterm/headless';

/** What a terminal showed, and when. */
export interface Recording {
  /** Its width in characters. */
  readonly columns: number;
  /** In the order of their times; each stands until the next. */
  readonly frames: readonly Frame[];
}

export interface Frame {
  /** Milliseconds from the first frame on. */
  readonly at: number;
  /** From the top; the last one is not empty. */
  readonly rows: readonly Row[];
}

/** Characters of one look each, from left to right, without the blanks at the end. */
export type Row = readonly Run[];

export interface Run {
  readonly column: number;
  readonly text: string;
  /** Of the terminal's sixteen colors; undefined: the one of all text. */
  readonly color: number | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
}

/** The rows that a terminal shows now. */
export function rowsOf({ buffer, cols, rows }: Terminal): readonly Row[] {
  const shown: Row[] = [];
  for (let y = 0; y < rows; y++) {
    const line = buffer.active.getLine(buffer.active.baseY + y)!;
    const runs: Run[] = [];
    for (let column = 0; column < cols; column++) {
      const cell = line.getCell(column)!;
      const text = cell.getChars() || ' ';
      const look = {
        color: cell.isFgPalette() && cell.getFgColor() < 16 ? cell.getFgColor() : undefined,
        bold: cell.isBold() !== 0,
        dim: cell.isDim() !== 0,
      };
      const last = runs.at(-1);
      if (last !== undefined && last.color === look.color && last.bold === look.bold && last.dim === look.dim)
        runs[runs.length - 1] = { ...last, text: last.text + text };
      else runs.push({ column, text, ...look });
    }
    shown.push(withoutBlanks(runs));
  }
  while (shown.at(-1)?.length === 0) shown.pop();
  return shown;
}

function withoutBlanks(runs: readonly Run[]): Row {
  return runs
    .map((run) => {
      const text = run.text.trimStart();
      return { ...run, column: run.column + run.text.length - text.length, text: text.trimEnd() };
    })
    .filter((run) => run.text !== '');
}

/** Pauses are no longer than `longest`, and what changes within `shortest` is one change. Both in milliseconds. */
export function paced(frames: readonly Frame[], shortest: number, longest: number): readonly Frame[] {
  const kept: Frame[] = [];
  let cut = 0;
  let before = 0;
  for (const { at, rows } of frames) {
    cut += Math.max(0, at - before - longest);
    before = at;
    const last = kept.at(-1);
    if (last !== undefined && at - cut - last.at < shortest) kept[kept.length - 1] = { at: last.at, rows };
    else kept.push({ at: at - cut, rows });
  }
  return kept;
}
