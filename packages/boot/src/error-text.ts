import { inspect } from 'node:util';
import { BootError } from './error.ts';

/** What is shown of something thrown: our own messages as they are, with what caused them; all else with its stack. */
export function errorText(error: unknown): string {
  if (!(error instanceof BootError)) return typeof error === 'string' ? error : inspect(error);
  return error.cause === undefined ? error.message : `${error.message}\n${errorText(error.cause)}`;
}
