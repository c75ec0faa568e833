import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { LogSettings } from './settings.ts';

/** A log that never grows beyond its settings. What cannot be written is dropped and counted: its writer never waits. */
export class RotatingLog {
  readonly #settings: LogSettings;
  #descriptor: number | undefined;
  #dropped = 0;
  /** Whether what was written last has no end of its line yet. */
  #isInLine = false;

  constructor(settings: LogSettings) {
    this.#settings = settings;
  }

  write(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      try {
        this.#sayWhatWasDropped();
        rest = rest.subarray(this.#writeSome(rest));
      } catch {
        // A full disk, a directory that was removed: the file is opened anew for the next chunk.
        this.#dropped += rest.length;
        this.close();
        return;
      }
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Writes what goes into the current file, or into the next one where nothing does. Returns the bytes. */
  #writeSome(bytes: Buffer): number {
    let length = this.#fitting(bytes);
    for (; length === 0; length = this.#fitting(bytes)) this.#rotate();
    const written = writeSync(this.#open(), bytes, 0, length);
    this.#isInLine = bytes[written - 1] !== NEWLINE;
    return written;
  }

  /** Whole lines, as the launcher's carrier does it: a line that has begun ends in its file, unless that gets twice as long. */
  #fitting(bytes: Buffer): number {
    // Asked and not remembered: the file may have been truncated from outside.
    const { size } = fstatSync(this.#open());
    const limit = this.#settings.bytes;
    const room = Math.max(0, limit - size);
    if (bytes.length <= room) return bytes.length;
    const whole = room === 0 ? 0 : bytes.lastIndexOf(NEWLINE, room - 1) + 1;
    if (whole > 0) return whole;
    if (!this.#isInLine) return size === 0 ? room : 0;
    if (size >= 2 * limit) return 0;
    const end = bytes.indexOf(NEWLINE);
    return end === -1 ? bytes.length : end + 1;
  }

  #open(): number {
    this.#descriptor ??= openSync(this.#settings.file, 'a', 0o600);
    return this.#descriptor;
  }

  #rotate(): void {
    const { file, files } = this.#settings;
    this.close();
    this.#isInLine = false;
    if (files === 1) rmSync(file, { force: true });
    for (let index = files - 1; index > 0; index--) {
      const younger = index === 1 ? file : `${file}.${index - 1}`;
      try {
        renameSync(younger, `${file}.${index}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }

  #sayWhatWasDropped(): void {
    if (this.#dropped === 0) return;
    const before = this.#isInLine ? '\n' : '';
    writeSync(
      this.#open(),
      `${before}[${this.#dropped} bytes of the log could not be written and are lost]\n`,
    );
    this.#isInLine = false;
    this.#dropped = 0;
  }
}

const NEWLINE = 0x0a;
