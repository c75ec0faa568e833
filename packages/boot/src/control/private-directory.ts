import { chmodSync, existsSync, lstatSync, mkdirSync, type Stats } from 'node:fs';
import path from 'node:path';
import { BootError } from '../error.ts';

/**
 * Makes a directory that nobody else can look into, or takes the one that is there, when it is really ours: what comes
 * into it from now on has been put there by this user. What lies above may belong to anybody, as /tmp does.
 * Throws BootError UNSAFE_DIRECTORY.
 */
export function makePrivateDirectory(directory: string): void {
  makeDirectory(directory);
  if (process.platform === 'win32') return;
  const found = lstatSync(directory);
  refuseForeign(directory, found);
  if ((found.mode & 0o077) !== 0) chmodSync(directory, 0o700);
}

/** Refuses a directory whose contents others may have put there. One that is not there is none. */
export function refuseUnsafe(directory: string): void {
  if (process.platform === 'win32') return;
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return;
  refuseForeign(directory, found);
  if ((found.mode & 0o022) !== 0) throw unsafe(directory, 'can be written to by other users', 'Remove it');
}

function refuseForeign(directory: string, found: Stats): void {
  if (!found.isDirectory()) throw unsafe(directory, 'is no directory but a link or a file', 'Remove it');
  if (found.uid === process.geteuid?.()) return;
  throw unsafe(directory, `belongs to another user (uid ${found.uid})`, 'Run this as that user');
}

function unsafe(directory: string, problem: string, remedy: string): BootError {
  return new BootError(
    'UNSAFE_DIRECTORY',
    `${directory} ${problem}; nothing of this node can be kept there. ${remedy}, or set another one: RELEASE_MUTABLE_DIR, with RELEASE_READ_ONLY XDG_RUNTIME_DIR or TMPDIR.`,
  );
}

/** Makes a directory for this user alone, with what lies above it; one that is there stays as it is. */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    // On a read-only file system Node says ENOENT for what is to be made recursively, and the truth otherwise.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') mkdirSync(firstMissing(directory));
    throw error;
  }
}

function firstMissing(directory: string): string {
  const parent = path.dirname(directory);
  return parent === directory || existsSync(parent) ? directory : firstMissing(parent);
}
