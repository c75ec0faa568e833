import { BootError } from './error.ts';

/** Which numbers a variable may have. Default: from 0 to what nine digits hold, of nothing in particular. */
export interface Numbers {
  readonly least?: number;
  readonly most?: number;
  /** What is expected, as in `a port`. */
  readonly expected?: string;
}

/** What a timer can wait for. */
export const SECONDS: Numbers = { most: 999_999, expected: 'a whole number of seconds' };

/**
 * A variable of the environment that is a whole number in decimal digits. Undefined where it is empty or not set.
 * Throws BootError INVALID_VARIABLE.
 */
export function wholeNumber(
  env: NodeJS.ProcessEnv,
  name: string,
  { least = 0, most = 999_999_999, expected = 'a whole number' }: Numbers = {},
): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw invalidVariable(name, text, expected);
}

export function invalidVariable(name: string, text: string, expected: string): BootError {
  return new BootError('INVALID_VARIABLE', `${name} is ${JSON.stringify(text)}; expected ${expected}.`);
}
