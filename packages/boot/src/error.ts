/** A failure the user can do something about. Printed as `<release>: <message>`, without a stack. */
export class BootError extends Error {
  override readonly name = 'BootError';
  /** Stable, for those who look at failures from a program. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
