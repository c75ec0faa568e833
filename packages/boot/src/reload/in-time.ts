import { BootError } from '../error.ts';
import { upgradeTimeout, within } from '../upgrade/time-limit.ts';

/** Rejects with BootError RELOAD_TIMEOUT where `what` takes longer than an upgrade may. */
export async function inTime<Value>(what: string, value: Promise<Value>): Promise<Value> {
  const limit = upgradeTimeout(process.env);
  const text = `${what} has not ended after ${limit / 1000} s (RELEASE_UPGRADE_TIMEOUT).`;
  return await within(limit, value, new BootError('RELOAD_TIMEOUT', text));
}
