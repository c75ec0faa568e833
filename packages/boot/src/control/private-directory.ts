import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { BootError } from '../error.ts';

/**
 * Makes a directory that nobody else can look into, or takes the one that is there, when it is really ours: sockets
 * and records in it can then have been put there by this user alone. What lies above may belong to anybody, as /tmp does.
 */
export function makePrivateDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
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
