import { wholeNumber } from '../whole-number.ts';

/** How many versions a process may load behind its first: `RELEASE_RELOADS`. */
export function reloadLimit(env: NodeJS.ProcessEnv): number {
  return wholeNumber(env, 'RELEASE_RELOADS') ?? 10;
}
