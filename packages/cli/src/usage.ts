import { closest, distance } from 'fastest-levenshtein';

/** What was typed cannot be meant: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}

/** The known word that `typed` is most likely to be, or undefined when none is near. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(typed, [...known]);
  const isNear = distance(typed, best) <= Math.max(2, Math.floor(best.length / 3));
  const isBeginning = typed.length > 1 && best.startsWith(typed);
  return isNear || isBeginning ? best : undefined;
}
