import { chmodSync, existsSync, lstatSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { BootError } from '../error.ts';

/**
 * Makes a directory that nobody else can look into, or takes the one that is there, when it is really ours: sockets
 * and records in it can then have been put there by this user alone. What lies above may belong to anybody, as /tmp does.
 */
export function makePrivateDirectory(directory: string): void {
  makeDirectory(directory);
  if (process.platform === 'win32') return;
  const found = lstatSync(directory);
  const problem = !found.isDirectory()
    ? 'is no directory but a link or a file'
    : found.uid !== process.geteuid?.()
      ? `belongs to another user (uid ${found.uid})`
      : undefined;
  if (problem !== undefined) {
    throw new BootError(
      'UNSAFE_DIRECTORY',
      `${directory} ${problem}; nothing of this node can be kept there. Remove it, or set RELEASE_MUTABLE_DIR to another directory.`,
    );
  }
  if ((found.mode & 0o077) !== 0) chmodSync(directory, 0o700);
}

/** With what lies above it. */
function makeDirectory(directory: string): void {
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
