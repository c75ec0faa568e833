import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

/** One line of the journal, as JSON. */
export type Change =
  | readonly ['create', bucket: string]
  | readonly ['put', bucket: string, key: string, value: string]
  | readonly ['delete', bucket: string, key: string];

/**
 * The changes of a registry in a file, a line each. Written synchronously: a change that `append` has returned from is
 * with the operating system, and outlives the process even if that is killed. It may not outlive a power loss, since
 * nothing waits for the disk (`fsync`).
 */
export class Journal {
  readonly #file: string;
  #descriptor = -1;
  #length = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Calls `apply` with every change there is. */
  replay(apply: (change: Change) => void): void {
    if (!existsSync(this.#file)) return;
    const lines = readFileSync(this.#file, 'utf8').split('\n');
    // What follows the last newline is nothing, or a change nobody was told of: the process was killed in the middle.
    for (const line of lines.slice(0, -1)) apply(JSON.parse(line));
  }

  /** Begins the file anew with these changes, and keeps it open for more. */
  begin(changes: Iterable<Change>): void {
    mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    this.#descriptor = openSync(`${this.#file}.new`, 'w', 0o600);
    for (const change of changes) this.append(change);
    renameSync(`${this.#file}.new`, this.#file);
  }

  append(change: Change): void {
    const line = Buffer.from(`${JSON.stringify(change)}\n`);
    try {
      for (let written = 0; written < line.length; ) {
        written += writeSync(this.#descriptor, line, written, line.length - written, this.#length + written);
      }
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#length); // a full disk may have taken half of it
      throw error;
    }
    this.#length += line.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
