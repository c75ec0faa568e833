import type { BootError } from '../error.ts';
import { SECONDS, wholeNumber } from '../whole-number.ts';

/** Milliseconds that a version has until it runs: `RELEASE_UPGRADE_TIMEOUT`. */
export function upgradeTimeout(env: NodeJS.ProcessEnv): number {
  return (wholeNumber(env, 'RELEASE_UPGRADE_TIMEOUT', SECONDS) ?? 60) * 1000;
}

/** Rejects with `error` where the value is not there after so many milliseconds. */
export async function within<Value>(limit: number, value: Promise<Value>, error: BootError): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, limit, error);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}
