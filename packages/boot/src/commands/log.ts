import type { CommandContext } from '../context.ts';
import { carryLog } from '../log/carrier.ts';
import { logSettings } from '../log/settings.ts';

/** Carries a daemon's log, where a release has no launcher that does it with less memory. */
export async function run({ environment }: CommandContext): Promise<number> {
  carryLog(0, logSettings(environment, process.env));
  return 0;
}
