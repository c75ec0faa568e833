/** A runtime's ICU data cannot be reduced to the languages of `wrap.locales`. */
export class IcuDataError extends Error {
  override readonly name = 'IcuDataError';
  readonly code: 'ICU_DATA_UNKNOWN' | 'UNKNOWN_LOCALE';

  constructor(code: IcuDataError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** What is wrong with the data, as the rest of a sentence that begins with "its ICU data". */
export function unknownData(what: string): IcuDataError {
  return new IcuDataError(
    'ICU_DATA_UNKNOWN',
    `wrap.locales cannot be applied to this runtime: its ICU data ${what}. ` +
      'Take an official build of Node, which has the data of all languages in it, or leave wrap.locales out.',
  );
}
