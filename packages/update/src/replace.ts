import { copyFileSync, linkSync, lstatSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { UpdateError } from './error.ts';
import { temporaryPath } from './temporary.ts';

// Nothing here is asynchronous, so that no signal and no other work comes in between.

/** Where the version before an update is kept, beside the executable. */
export function previousPath(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.previous`);
}

/**
 * Puts a file in the place of an executable, which stays as the previous one. Whenever this is killed, the old one or the new
 * one has the name; on Windows, where a running program can be renamed and not replaced, none of them has it between two
 * renames, and the stub gives it back if this is killed there (packages/stub/src/launch_windows.zig). `before` is what the
 * executable was: throws UpdateError UNDER_WAY if it is another one by now, and what the file system throws.
 */
export function replace(temporary: string, file: string, before: Stats): void {
  requireUnchanged(file, before);
  if (process.platform === 'win32') {
    replaceByRenames(temporary, file);
  } else {
    keepAs(file, previousPath(file));
    renameSync(temporary, file);
  }
}

/** Throws UpdateError where there is no previous executable, or one that somebody else may have put there. */
export function requirePrevious(file: string): void {
  const previous = previousPath(file);
  const [found, current] = [lstatSync(previous, { throwIfNoEntry: false }), statSync(file)];
  // An update that was killed may leave one file under both names.
  if (found === undefined || isSame(found, current)) {
    throw new UpdateError(
      'NOTHING_TO_ROLL_BACK',
      `There is no version before: ${file} was not updated, or was moved since. \`maintenance update --version V\` takes an older one.`,
    );
  }
  // Where everybody can write, somebody else may have put it there.
  if (!found.isFile() || found.uid !== current.uid) {
    throw new UpdateError(
      'NOT_WRITABLE',
      `${previous} is not taken: it is not of the same owner as ${file}.`,
    );
  }
}

/**
 * Takes the previous executable again; the one that it takes the place of, which was `before`, becomes the previous one. Throws
 * UpdateError, and what the file system throws.
 */
export function takeBack(file: string, before: Stats): void {
  requirePrevious(file);
  requireUnchanged(file, before);
  const previous = previousPath(file);
  const aside = temporaryPath(file);
  try {
    if (process.platform === 'win32') {
      renamePatiently(previous, aside);
      try {
        replaceByRenames(aside, file);
      } catch (error) {
        renamePatiently(aside, previous);
        throw error;
      }
    } else {
      linkOrCopy(file, aside);
      renameSync(previous, file);
      renameSync(aside, previous);
    }
  } finally {
    rmSync(aside, { force: true });
  }
}

function requireUnchanged(file: string, before: Stats): void {
  if (isSame(statSync(file), before)) return;
  throw new UpdateError('UNDER_WAY', `${file} was replaced meanwhile, by somebody else: it stays as it is.`);
}

const isSame = (one: Stats, other: Stats) =>
  one.dev === other.dev && one.ino === other.ino && one.size === other.size && one.mtimeMs === other.mtimeMs;

/** Gives a file another name, or its copy, in the place of what had it. `to` is whole at any time. */
function keepAs(from: string, to: string): void {
  const aside = temporaryPath(from);
  try {
    linkOrCopy(from, aside);
    renameSync(aside, to);
  } finally {
    // A rename does nothing where both are one file.
    rmSync(aside, { force: true });
  }
}

/** FAT and some network file systems know no links, and of the files of others there may be none. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

function replaceByRenames(temporary: string, file: string): void {
  const previous = previousPath(file);
  try {
    rmSync(previous, { force: true });
  } catch {
    // The version before runs still, and stays under another name until a later update.
    renamePatiently(previous, temporaryPath(file));
  }
  // Whoever holds the new one is waited for before the old one loses its name: a rename to the same name needs what any other does.
  renamePatiently(temporary, temporary);
  renamePatiently(file, previous);
  try {
    renamePatiently(temporary, file);
  } catch (error) {
    renamePatiently(previous, file);
    throw error;
  }
}

/** Virus scanners and indexers open what was just written, for a moment, and let nobody rename it. About two seconds in all. */
function renamePatiently(from: string, to: string): void {
  for (let pause = 1; ; pause *= 2) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (pause > 1024 || !['EBUSY', 'EPERM', 'EACCES'].includes(code)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
    }
  }
}
