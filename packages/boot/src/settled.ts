import type { BootFile } from './boot-file.ts';

/** As Node ends when a module's own `await` never does. */
export const NEVER_SETTLED = 13;

/**
 * Waits for code of the release. When nothing is left in the process that could ever settle the promise, Node ends
 * without a word and with exit code 0: here there is a sentence, that `what` waits, and exit code 13.
 */
export async function settled<Value>(
  { name }: BootFile,
  what: string,
  value: Value | Promise<Value>,
): Promise<Value> {
  const end = () => {
    process.exitCode ??= NEVER_SETTLED;
    process.stderr.write(
      `${name}: ${what} waits for a promise that never settles: nothing is left in this process that could settle it.\n`,
    );
  };
  process.once('beforeExit', end);
  try {
    return await value;
  } finally {
    process.off('beforeExit', end);
  }
}

/** Milliseconds after which whoever waits for a start is told what it waits for. */
const PATIENCE = 10_000;

/** The same for what a start needs, and that should not take long: where it does, says once that it is waited for. */
export async function settledSoon<Value>(
  boot: BootFile,
  what: string,
  value: Value | Promise<Value>,
): Promise<Value> {
  const say = () =>
    process.stderr.write(`${boot.name}: ${what} has not ended after ${PATIENCE / 1000} s; waiting.\n`);
  const timer = setTimeout(say, PATIENCE).unref();
  try {
    return await settled(boot, what, value);
  } finally {
    clearTimeout(timer);
  }
}
