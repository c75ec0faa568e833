import type { CleanPlan } from '@sarma/release/clean';
import { shownPath } from './measures.ts';

/** A line for everything that was removed, and for what was left since it is somebody else's. */
export function showCleaned({ items, left }: CleanPlan): void {
  const lines = [
    ...items.map(({ path }) => `removed ${shownPath(path)}`),
    ...(items.length === 0 ? ['There is nothing to remove.'] : []),
    ...left.map((path) => `left ${shownPath(path)}: not made by Sarma`),
  ];
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
