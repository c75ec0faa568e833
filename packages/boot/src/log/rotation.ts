import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { LogSettings } from './settings.ts';

/** A log that never grows beyond its settings. What cannot be written is dropped and counted: its writer never waits. */
export class RotatingLog {
  readonly #settings: LogSettings;
  #descriptor: number | undefined;
  #dropped = 0;

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

  /** Writes what still fits into the current file, up to the end of a line where there is one. Returns the bytes. */
  #writeSome(bytes: Buffer): number {
    let descriptor = this.#open();
    // Asked and not remembered: the file may have been truncated from outside.
    let { size } = fstatSync(descriptor);
    let part = fitting(bytes, this.#settings.bytes - size);
    if (part.length === 0 && size > 0) {
      this.#rotate();
      descriptor = this.#open();
      size = fstatSync(descriptor).size;
      part = fitting(bytes, this.#settings.bytes - size);
    }
    // One line that is longer than a whole file is cut.
    if (part.length === 0) part = bytes.subarray(0, this.#settings.bytes);
    return writeSync(descriptor, part);
  }

  #open(): number {
    this.#descriptor ??= openSync(this.#settings.file, 'a', 0o600);
    return this.#descriptor;
  }

  #rotate(): void {
    const { file, files } = this.#settings;
    this.close();
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
    writeSync(this.#open(), `[${this.#dropped} bytes of the log could not be written and are lost]\n`);
    this.#dropped = 0;
  }
}

/** As many whole lines as `room` bytes hold; everything if there is room for it. */
function fitting(bytes: Buffer, room: number): Buffer {
  if (bytes.length <= room) return bytes;
  return bytes.subarray(0, room <= 0 ? 0 : bytes.lastIndexOf('\n', room - 1) + 1);
}
