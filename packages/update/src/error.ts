export type UpdateErrorCode =
  | 'USAGE'
  | 'NO_UPDATES'
  | 'UNREACHABLE'
  | 'FEED_INVALID'
  | 'NOT_PUBLISHED'
  | 'KEY_INVALID'
  | 'SIGNATURE_INVALID'
  | 'SIGNATURE_OF_ANOTHER_KEY'
  | 'NOT_SIGNED'
  | 'WRONG_BYTES'
  | 'NOT_COMPARABLE'
  | 'MANAGED'
  | 'NOT_WRITABLE'
  | 'NO_ROOM'
  | 'UNDER_WAY'
  | 'DOES_NOT_START'
  | 'NOTHING_TO_ROLL_BACK'
  | 'NOT_AN_EXECUTABLE'
  /** The system did not do what nobody expected it to refuse; the message is its own. */
  | 'SYSTEM';

/** A failure the user can do something about: the message says what, where and what to do. */
export class UpdateError extends Error {
  override readonly name = 'UpdateError';
  readonly code: UpdateErrorCode;

  constructor(code: UpdateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What refused to have an executable replaced, as a sentence where it was the file system. `command` is what was typed, to be
 * typed again by somebody who may.
 */
export function cannotReplace(file: string, cause: unknown, command: string): Error {
  const { code } = cause as NodeJS.ErrnoException;
  // Who is root already is helped by no `sudo`.
  if ((code !== 'EACCES' && code !== 'EPERM') || process.geteuid?.() === 0) return cannotWrite(file, cause);
  const how = process.platform === 'win32' ? 'as an administrator' : `with \`sudo ${command}\``;
  const what = `${file} cannot be replaced: you may not write there. Try it ${how}.`;
  return new UpdateError('NOT_WRITABLE', what, { cause });
}

/** What the file system has not refused stays what it is. */
export function cannotWrite(what: string, cause: unknown): Error {
  const { code, message, syscall } = cause as NodeJS.ErrnoException;
  if (syscall === undefined) return cause as Error;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new UpdateError(
    isFull ? 'NO_ROOM' : 'NOT_WRITABLE',
    isFull
      ? `There is no room for the new version: make some where the program lies.`
      : `${what} cannot be written: ${message}.`,
    { cause },
  );
}
