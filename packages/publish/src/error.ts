export type PublishErrorCode =
  | 'NOTHING_TO_PUBLISH'
  | 'NOT_AN_EXECUTABLE'
  | 'EXECUTABLE_DAMAGED'
  | 'OTHER_RELEASE'
  | 'OTHER_UPDATES'
  | 'TARGET_MISSING'
  | 'NOT_INCLUDED'
  | 'NOT_A_STAGED_VERSION'
  | 'KEY_INVALID'
  | 'KEY_PASSWORD'
  | 'KEY_EXISTS'
  | 'NO_KEY'
  | 'OTHER_KEY'
  | 'NO_NOTES'
  | 'NOT_WRITABLE'
  | 'PUBLISHED_OTHERWISE'
  | 'NO_TOKEN'
  | 'TOKEN_REFUSED'
  | 'NOT_ALLOWED'
  | 'NO_REPOSITORY'
  | 'RELEASE_GONE'
  | 'TAG_MISMATCH'
  | 'NOT_PUSHED'
  | 'GITHUB_REFUSED'
  | 'RATE_LIMITED'
  | 'UNREACHABLE'
  | 'UPLOAD_FAILED';

/** A failure the user can do something about: the message says what, where and what to do. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  readonly code: PublishErrorCode;

  constructor(code: PublishErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'a part of the path is a file',
  ENOTEMPTY: 'another run has written it meanwhile; run this one again',
};

/** What the file system has said of a place that is written to; any other error is itself. */
export function notWritable(place: string, cause: unknown): unknown {
  const reason = cause instanceof Error && REASONS[(cause as NodeJS.ErrnoException).code ?? ''];
  if (!reason) return cause;
  return new PublishError('NOT_WRITABLE', `${place} cannot be written: ${reason}.`, { cause });
}
