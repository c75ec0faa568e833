import { BootError } from '../error.ts';
import { SECONDS, wholeNumber } from '../whole-number.ts';

/** Rejects with BootError RELOAD_TIMEOUT where `what` takes longer than an upgrade may. */
export async function inTime<Value>(what: string, value: Promise<Value>): Promise<Value> {
  const limit = timeLimit(process.env);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new BootError(
      'RELOAD_TIMEOUT',
      `${what} has not ended after ${limit / 1000} s (RELEASE_UPGRADE_TIMEOUT).`,
    );
    timer = setTimeout(reject, limit, error);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds that it may take. */
function timeLimit(env: NodeJS.ProcessEnv): number {
  return (wholeNumber(env, 'RELEASE_UPGRADE_TIMEOUT', SECONDS) ?? 60) * 1000;
}
