import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { giveTo } from './owner.ts';

/** `releases/start.json` of a directory release, `versions/start.json` in the state directory of an executable. */
export interface StartRecord {
  /** The permanent one. */
  readonly version: string;
  /** Place of the runtime of a directory release that was assembled there. */
  readonly runtime?: string | null;
  /** The versions that were permanent before it, the last one last. */
  readonly before?: readonly string[];
  /** The executable that a plain start executes. */
  readonly program?: string;
}

/** Undefined where there is none. */
export function readStartRecord(file: string): StartRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as StartRecord;
  } catch {
    return undefined;
  }
}

/** Whole or not at all. Throws what the file system throws. */
export function writeStartRecord(file: string, record: StartRecord): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o644, flush: true });
    giveTo(statSync(path.dirname(file)), temporary);
    renameSync(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** What was permanent before `next` is: going back takes the steps back. */
export function versionsBefore({ version, before = [] }: StartRecord, next: string): readonly string[] {
  const at = before.indexOf(next);
  if (at !== -1) return before.slice(0, at);
  return version === next ? before : [...before.filter((one) => one !== version), version];
}
