import { readdirSync, statSync } from 'node:fs';

/** What lies in a folder: [] where there is none. */
export function namesIn(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
}
