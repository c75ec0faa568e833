import { inspect } from 'node:util';
import { BootError } from './error.ts';

/** What is shown of something thrown: our own messages as they are, with a cause they do not tell; all else with its stack. */
export function errorText(error: unknown): string {
  if (!(error instanceof BootError)) return typeof error === 'string' ? error : inspect(error);
  const { cause, message } = error;
  const isTold = cause === undefined || (cause instanceof Error && message.includes(cause.message));
  return isTold ? message : `${message}\n${errorText(cause)}`;
}
