import { stripVTControlCharacters } from 'node:util';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Numbers stand under each other. */
  readonly right?: boolean;
}

/** The lines of a table, the first one its titles. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ cell }) => cell(row))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => width(line[index]!))));
  return cells.map((line) =>
    line
      .map((cell, index) => {
        const space = ' '.repeat(widths[index]! - width(cell));
        return columns[index]!.right ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** In columns of a terminal. */
export function width(text: string): number {
  return stripVTControlCharacters(text).length;
}
