import { styleText } from 'node:util';

/** A warning on stderr. */
export function warn(message: string): void {
  process.stderr.write(
    `${styleText(['yellow', 'bold'], 'warning', { stream: process.stderr })}: ${message}\n`,
  );
}

/** A failure on stderr: what its author wrote for the user; with `stack`, where it came from too. */
export function fail(message: string, stack?: string): void {
  process.stderr.write(`${styleText(['red', 'bold'], 'error', { stream: process.stderr })}: ${message}\n`);
  if (stack !== undefined) process.stderr.write(`${styleText('dim', stack, { stream: process.stderr })}\n`);
}
