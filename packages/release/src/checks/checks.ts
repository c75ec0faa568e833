import { attempt, ReleaseError } from '../error.ts';
import type { CheckResult, OnNotice, Release } from '../release.ts';
import { checkApplications, checkUnstarted } from './applications.ts';
import type { Checked } from './checked.ts';
import { checkCommands } from './commands.ts';
import { checkConfigured } from './configured.ts';
import { checkCookie } from './cookie.ts';
import { checkExcluded } from './excluded.ts';
import { checkImports } from './imports.ts';
import { checkShared } from './shared.ts';

/** Nothing, or what is wrong. Returned by ours and the user's alike. */
type Result = CheckResult | Promise<CheckResult>;

const checks: readonly ((checked: Checked) => Result)[] = [
  checkImports,
  checkExcluded,
  checkApplications,
  checkUnstarted,
  checkConfigured,
  checkCommands,
  checkCookie,
  checkShared,
];

/**
 * Runs our checks and those of the configuration. Warnings become notices. Throws ReleaseError CHECK_FAILED with
 * everything that is an error.
 */
export async function runChecks(checked: Checked, onNotice: OnNotice): Promise<void> {
  const { release } = checked;
  const ours = checks.map((check) => check(checked));
  const theirs = release.options.checks.map((check, index) => runOwn(release, check, index));
  const found = (await Promise.all([...ours, ...theirs])).flatMap(
    (result) => result ?? [],
  ) as readonly Finding[];
  for (const { level, message } of found)
    if (level === 'warning') onNotice({ type: 'notice', level, message });
  const errors = found.filter(({ level }) => level === 'error').map(({ message }) => message);
  if (errors.length > 0) throw new ReleaseError('CHECK_FAILED', errors.join('\n'));
}

type Finding = Exclude<CheckResult, undefined | readonly unknown[]>;

/** A check of the configuration: what it throws, and what is no result, is its own mistake and said as such. */
async function runOwn(
  release: Release,
  check: Release['options']['checks'][number],
  index: number,
): Promise<readonly Finding[]> {
  const name = check.name === '' ? `checks[${index}]` : `The check ${check.name}`;
  const result: unknown = await attempt('CHECK_FAILED', name, () => check(release));
  const findings = result === undefined ? [] : Array.isArray(result) ? (result as unknown[]) : [result];
  if (findings.every(isFinding)) return findings;
  throw new ReleaseError(
    'CHECK_FAILED',
    `${name} returned ${JSON.stringify(result)}; expected undefined, { level: 'warning' | 'error', message }, or a list of these.`,
  );
}

function isFinding(value: unknown): value is Finding {
  if (typeof value !== 'object' || value === null) return false;
  const { level, message } = value as Partial<Finding>;
  return (level === 'warning' || level === 'error') && typeof message === 'string';
}
