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
