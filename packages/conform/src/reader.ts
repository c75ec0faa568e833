import type { Position } from './conf-file.ts';

/** What a reader stops at; whoever calls makes a ConformError of it. */
export class Unexpected extends Error {
  override readonly name = 'Unexpected';
  readonly at: Position;
  readonly expected: string;
  readonly found: string;
  /** Of the setting that it is in, where that is known. */
  readonly key: string | undefined;

  constructor(at: Position, expected: string, found: string, key?: string) {
    super(`expected ${expected}, found ${found}`);
    this.at = at;
    this.expected = expected;
    this.found = found;
    this.key = key;
  }

  /** The same, in the setting that began in this line. A quote that was forgotten is noticed lines later. */
  within(key: string, started: number): Unexpected {
    const found =
      this.at.line === started ? this.found : `${this.found} (the setting began in line ${started})`;
    return new Unexpected(this.at, this.expected, found, key);
  }
}

/** A text and how far it has been read. */
export class Reader {
  readonly text: string;
  offset: number;
  #line = 1;
  #lineStart: number;

  constructor(text: string) {
    this.text = text;
    // A byte order mark, as some editors on Windows write it, is no part of the first line.
    this.offset = text.startsWith('\uFEFF') ? 1 : 0;
    this.#lineStart = this.offset;
  }

  get position(): Position {
    return { line: this.#line, column: this.offset - this.#lineStart + 1 };
  }

  get isAtEnd(): boolean {
    return this.offset >= this.text.length;
  }

  get isAtLineEnd(): boolean {
    return this.isAtEnd || this.starts('\n') || this.starts('\r\n');
  }

  starts(text: string): boolean {
    return this.text.startsWith(text, this.offset);
  }

  /** Goes on to `offset`, which lies in this line. */
  skipTo(offset: number): void {
    this.offset = offset;
  }

  /** Goes on behind a text if it stands here. */
  skip(text: string): boolean {
    const isHere = this.starts(text);
    if (isHere) this.offset += text.length;
    return isHere;
  }

  skipSpace(): void {
    while (this.starts(' ') || this.starts('\t')) this.offset++;
  }

  /** What a sticky pattern without line breaks matches here. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.offset;
    return pattern.exec(this.text);
  }

  /** Reads to the end of the line. */
  restOfLine(): string {
    const start = this.offset;
    const end = this.text.indexOf('\n', start);
    this.offset = end === -1 ? this.text.length : end;
    if (end > start && this.text[end - 1] === '\r') this.offset--;
    return this.text.slice(start, this.offset);
  }

  /** Goes to the beginning of the next line. */
  nextLine(): void {
    this.restOfLine();
    this.skip('\r');
    if (this.starts('\n')) this.#breakLine(this.offset);
  }

  /**
   * Reads `"text"`, which may go over several lines; undefined where none begins. A backslash is itself, except in
   * front of a quote: `\"` is a quote, `\\"` a backslash and the end.
   */
  quoted(): string | undefined {
    if (!this.starts('"')) return undefined;
    const opening = this.position;
    const pieces: string[] = [];
    for (let from = this.offset + 1; ; ) {
      const quote = this.text.indexOf('"', from);
      if (quote === -1) throw new Unexpected(opening, 'a closing " to the one here', 'the end of the file');
      const backslashes = backslashesBefore(this.text, quote, from);
      pieces.push(this.text.slice(from, quote - Math.ceil(backslashes / 2)));
      from = quote + 1;
      if (backslashes % 2 === 1) {
        pieces.push('"');
        continue;
      }
      this.#goTo(from);
      return pieces.join('');
    }
  }

  unexpected(expected: string): Unexpected {
    return new Unexpected(this.position, expected, this.#found());
  }

  #found(): string {
    if (this.isAtEnd) return 'the end of the file';
    if (this.isAtLineEnd) return 'the end of the line';
    // One character tells enough, and gives away no secret.
    const code = this.text.codePointAt(this.offset)!;
    const character = String.fromCodePoint(code);
    if (!/[\p{C}\p{Z}]/u.test(character) || character === ' ') return JSON.stringify(character);
    return `the character U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  }

  #goTo(offset: number): void {
    const passed = this.text.slice(this.offset, offset);
    for (const { index } of passed.matchAll(/\n/g)) this.#breakLine(offset - passed.length + index);
    this.offset = offset;
  }

  #breakLine(end: number): void {
    this.offset = this.#lineStart = end + 1;
    this.#line++;
  }
}

/** How many backslashes stand right before an offset, none of them before `start`. */
export function backslashesBefore(text: string, offset: number, start: number): number {
  let first = offset;
  while (first > start && text[first - 1] === '\\') first--;
  return offset - first;
}
