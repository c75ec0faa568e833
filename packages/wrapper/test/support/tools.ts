import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Whether a tool of the system is installed. Tests that need one which npm does not bring are shown as
 * skipped without it; continuous integration has them all.
 */
export function hasTool(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, name)));
}
