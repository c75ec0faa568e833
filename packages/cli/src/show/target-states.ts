import { styleText } from 'node:util';
import type { TargetState } from '../target-states.ts';
import { type Column, tableLines, width } from './table.ts';

const COLUMNS: readonly Column<TargetState>[] = [
  { title: 'target', cell: ({ target }) => target },
  { title: 'node', cell: ({ runtime, newest }) => runtime?.version ?? (newest ? `up to ${newest}` : '') },
  { title: 'from', cell: ({ runtime }) => runtime?.source ?? '' },
  { title: 'addons', cell: addonsOf },
  { title: 'ready', cell: readiness },
];

/** The matrix, for people. */
export function showTargetStates(states: readonly TargetState[]): void {
  const columns = process.stdout.columns ?? 80;
  const table = tableLines(COLUMNS, states);
  const fits = Math.max(...table.map(width)) <= columns;
  const lines = fits
    ? table
    : tableLines(
        COLUMNS.filter(({ title }) => title !== 'from'),
        states,
      );
  process.stdout.write(`${lines.join('\n')}\n`);
  if (states.some(({ missing }) => missing !== undefined && missing.code !== 'ADDON_MISSING')) {
    process.stdout.write('\nWhat is missing is downloaded when it is built, or now: sarma fetch -t TARGET\n');
  }
}

/** How many packages have an addon for the target, and which have none. */
function addonsOf({ addons }: TargetState): string {
  if (addons === undefined || addons.length === 0) return '';
  // A universal target has its slices' packages twice.
  const names = (some: typeof addons) => [...new Set(some.map((one) => one.package))];
  const missing = names(addons.filter(({ how }) => how === 'missing'));
  const there = names(addons).length - missing.length;
  return missing.length === 0 ? `${there}` : `${there}, none for ${missing.join(', ')}`;
}

function readiness({ runtime, missing, host }: TargetState): string {
  const here = host ? ', here' : '';
  if (runtime !== undefined && missing === undefined) return `${styleText('green', 'yes')}${here}`;
  return `${WHY_NOT.get(missing!.code) ?? missing!.message.split('\n')[0]}${here}`;
}

const WHY_NOT = new Map([
  ['LOCKFILE_FROZEN', 'not chosen'],
  ['OFFLINE', 'not downloaded'],
  ['ADDON_MISSING', 'no addon'],
]);
