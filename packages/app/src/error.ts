export type AppErrorCode =
  | 'UNKNOWN_TYPE'
  | 'CONFIGURATION_INVALID'
  | 'CONFIGURATION_NOT_LOADED'
  | 'UNKNOWN_APPLICATION'
  | 'APPLICATION_NOT_RUNNING'
  | 'PROVIDER_OPTIONS'
  | 'VARIABLE_NOT_SET'
  | 'NO_JSON'
  | 'UPDATE_CHECK_FAILED';

/** A failure the user can do something about: the message says what, where and what to do. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: AppErrorCode;

  constructor(code: AppErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
