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
  // Where it goes to a file or program, nothing has to fit.
  const columns = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  const table = tableLines(COLUMNS, states);
  const fits = Math.max(...table.map(width)) <= columns;
  const lines = fits
    ? table
    : tableLines(
        COLUMNS.filter(({ title }) => title !== 'from'),
        states,
      );
  process.stdout.write(`${lines.join('\n')}\n`);
  const said = [...EXPLANATIONS].filter(([word]) => lines.some((line) => line.includes(word)));
  if (said.length === 0) return;
  process.stdout.write(`\n${said.map(([word, meaning]) => `${word}: ${meaning}`).join('\n')}\n`);
}

/** How many packages have an addon for the target, and which have none. */
function addonsOf({ addons }: TargetState): string {
  if (addons === undefined || addons.length === 0) return '';
  // A universal target has its slices' packages twice.
  const names = (some: typeof addons) => [...new Set(some.map((one) => one.package))];
  const missing = names(addons.filter(({ how }) => how === 'missing'));
  // Only asking its publisher tells whether a prebuilt one is there.
  const open = names(addons.filter(({ how, downloaded }) => how === 'downloaded' && downloaded === false));
  const there = names(addons).length - new Set([...missing, ...open]).size;
  return [
    `${there}`,
    ...(missing.length > 0 ? [`none for ${missing.join(', ')}`] : []),
    ...(open.length > 0 ? [`not asked for ${open.join(', ')}`] : []),
  ].join(', ');
}

function readiness({ runtime, missing, host }: TargetState): string {
  const here = host ? ', here' : '';
  if (runtime !== undefined && missing === undefined) return `${styleText('green', 'yes')}${here}`;
  // The runtime beside it is chosen: it is an addon that is not.
  const isAddon = runtime !== undefined && missing!.code === 'LOCKFILE_FROZEN';
  const why = isAddon ? 'addon not chosen' : WHY_NOT.get(missing!.code);
  return `${why ?? missing!.message.split('\n')[0]}${here}`;
}

const WHY_NOT = new Map([
  ['LOCKFILE_FROZEN', 'not chosen'],
  ['OFFLINE', 'not downloaded'],
  ['ADDON_MISSING', 'no addon'],
]);

const EXPLANATIONS = new Map([
  [
    'not chosen',
    'sarma.lock.json has no version of it that fits. A build chooses one, or now: sarma fetch -t TARGET',
  ],
  ['not downloaded', 'it is chosen. A build downloads it, or now: sarma fetch -t TARGET'],
  ['no addon', 'a package has none that works there; a build says what to do'],
  [
    'not asked for',
    'whether its publisher has an addon for the target is not known before a build, or: sarma fetch -t TARGET',
  ],
]);
