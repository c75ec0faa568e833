/** The bytes are not an executable of the format that was expected, or contradict themselves. */
export class MalformedExecutableError extends Error {
  override readonly name = 'MalformedExecutableError';
  readonly code = 'MALFORMED_EXECUTABLE';

  /** What is wrong, without the name of the file or of its format. */
  readonly what: string;

  constructor(format: string, what: string) {
    super(`Not a usable ${format} executable: ${what}. Is the file complete, and for the right system?`);
    this.what = what;
  }
}

/** The stub carries a signature that a payload would invalidate. */
export class AlreadySignedError extends Error {
  override readonly name = 'AlreadySignedError';
  readonly code = 'ALREADY_SIGNED';

  constructor(format: string) {
    super(
      `The stub is a signed ${format} file: a payload must be added before signing. Use an unsigned stub.`,
    );
  }
}

/** The executable has no place for what has to be added to it. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
  readonly code = 'NO_ROOM_IN_EXECUTABLE';

  constructor(format: string, what: string, advice: string) {
    super(`No room in the ${format} file: ${what}. ${advice}`);
  }
}
