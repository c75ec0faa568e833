/** The engine pkg is not there, or cannot make what is wanted. */
export class PkgEngineError extends Error {
  override readonly name = 'PkgEngineError';
  readonly code: 'PKG_ENGINE' | 'PKG_MISSING' | 'PKG_FAILED';

  constructor(message: string, code: PkgEngineError['code'] = 'PKG_ENGINE', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
