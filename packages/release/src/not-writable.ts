import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from './error.ts';
import { isInside, sizeOf, type Tree } from './tree.ts';

const FULL: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the quota is used up',
};
const REFUSED: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EFBIG: 'a file is larger than files may be there (`ulimit -f`)',
  EIO: 'input/output error',
};

/** What is said when a release cannot be written where it should be, or made of what it should be; any other error is itself. */
export function notWritable(target: string, tree: Tree, cause: unknown): unknown {
  const { syscall, path: at, dest, ...error } = cause as NodeJS.ErrnoException & { readonly dest?: string };
  if (syscall === 'copyfile' && !isReadable(at!)) {
    return new ReleaseError(
      'NOT_READABLE',
      `${at}, which belongs into the release, cannot be read by this user. Give him the right to read it, or leave it out of the release.`,
      { cause },
    );
  }
  // Node's recursive mkdir says ENOENT on a read-only file system.
  const code = error.code === 'ENOENT' && syscall === 'mkdir' ? 'EROFS' : (error.code ?? '');
  const full = FULL[code];
  // Of a copy both files are named, and the second one is written.
  const refused = isBeside(target, dest ?? at) ? REFUSED[code] : undefined;
  if (full === undefined && refused === undefined) return cause;
  const bytes = [...tree.values()].reduce((sum, entry) => sum + sizeOf(entry), 0);
  const room = full && `; ${bytes} bytes are needed, ${availableAt(target)} are available`;
  return new ReleaseError(
    'NOT_WRITABLE',
    `The release cannot be written to ${target}: ${full ?? refused}${room ?? ''}. ${room === undefined ? 'Name' : 'Make room there, or name'} another directory.`,
    { cause },
  );
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function isBeside(target: string, file: string | undefined): boolean {
  const parent = path.dirname(target);
  return file !== undefined && (isInside(file, parent) || isInside(parent, file));
}

function availableAt(target: string): number {
  let place = target;
  while (!existsSync(place)) place = path.dirname(place);
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}
