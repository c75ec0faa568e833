import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { BootFile } from '../boot-file.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { controlDirectory, controlDirectoryError } from './control-directory.ts';

/** The secret that both ends of the control socket have to know: that of the user, or the file's. Undefined without one. */
export function readCookie(environment: ReleaseEnvironment, boot: BootFile): string | undefined {
  const given = environment.cookie ?? boot.cookie;
  if (given !== undefined) return given;
  for (const file of cookieFiles(environment)) {
    const cookie = readCookieFile(file);
    if (cookie !== undefined) return cookie;
  }
  return undefined;
}

/**
 * Reads the cookie, or makes one: what the first start does. Starts at the same time agree on one. Throws BootError
 * UNUSABLE_STATE_DIRECTORY where the file system refuses.
 */
export async function ensureCookie(environment: ReleaseEnvironment, boot: BootFile): Promise<string> {
  const cookie = readCookie(environment, boot);
  if (cookie !== undefined) return cookie;
  try {
    return await createCookie(environment, boot);
  } catch (error) {
    throw controlDirectoryError(error, environment);
  }
}

/** In the directory that the claim has made. */
async function createCookie(environment: ReleaseEnvironment, boot: BootFile): Promise<string> {
  const { randomBytes } = await import('node:crypto');
  const directory = controlDirectory(environment);
  const file = path.join(directory, 'cookie');
  const temporary = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(temporary, `${randomBytes(32).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  return readCookie(environment, boot)!;
}

/** That of the state directory; where nothing may be written there and it has none, that of the control directory. */
function cookieFiles(environment: ReleaseEnvironment): readonly string[] {
  const directories = new Set([environment.mutableDirectory, controlDirectory(environment)]);
  return [...directories].map((directory) => path.join(directory, 'cookie'));
}

function readCookieFile(file: string): string | undefined {
  let descriptor: number;
  try {
    // A link may have been planted, to make us take for secret what others know.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw unsafe(file, 'is a symbolic link', `remove it`);
    throw new BootError(
      'UNREADABLE_COOKIE',
      `The cookie cannot be read (${message}). Run this as the user that the node runs as.`,
    );
  }
  try {
    refuseUnsafe(file, fstatSync(descriptor));
    const cookie = readFileSync(descriptor, 'utf8').trim();
    if (cookie === '') throw unsafe(file, 'is empty', 'remove it, and the next start makes a new one');
    return cookie;
  } finally {
    closeSync(descriptor);
  }
}

function refuseUnsafe(file: string, found: Stats): void {
  if (process.platform === 'win32') return;
  const user = process.geteuid?.();
  // root may ask the nodes of others.
  if (found.uid !== user && user !== 0)
    throw unsafe(
      file,
      `belongs to another user (uid ${found.uid})`,
      `run this as that user, or: chown ${user} '${file}'`,
    );
  if ((found.mode & 0o077) !== 0)
    throw unsafe(file, 'can be read by other users', `run: chmod 600 '${file}'`);
}

function unsafe(file: string, problem: string, remedy: string): BootError {
  return new BootError('UNSAFE_COOKIE', `The cookie ${file} ${problem}; ${remedy}.`);
}
