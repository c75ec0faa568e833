import type { Outcome } from '@sarma/wrapper';
import type { OnBuildEvent } from './events.ts';
import { interruptible } from './interrupt.ts';
import { showError } from './show/errors.ts';
import type { Reporter } from './show/reporter.ts';

interface Shown {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

interface BuildFlags extends Shown {
  readonly verbose?: boolean | undefined;
  readonly warningsAsErrors?: boolean | undefined;
}

/** Nothing failed, but `--warnings-as-errors` was given. */
export class WarningsError extends Error {
  override readonly name = 'WarningsError';
  readonly code = 'WARNINGS';
}

/**
 * Shows a build while it runs, then what failed of it. Returns the exit code; throws what the build throws, and
 * WarningsError.
 */
export async function runBuild(
  flags: BuildFlags,
  build: (onEvent: OnBuildEvent, signal: AbortSignal) => Promise<readonly Outcome[]>,
): Promise<number> {
  const reporter = await openReporter(flags);
  let warnings = 0;
  const report: OnBuildEvent = (event) => {
    if (event.type === 'notice' && event.level === 'warning') warnings += 1;
    if (event.type === 'notice' && event.level === 'detail' && !flags.verbose && !flags.json) return;
    reporter.onEvent(event);
  };
  let outcomes: readonly Outcome[];
  try {
    outcomes = await interruptible((checkpoint, signal) =>
      build((event) => {
        checkpoint();
        report(event);
      }, signal),
    );
  } finally {
    await reporter.close();
  }
  const failed = outcomes.filter((outcome) => 'error' in outcome);
  for (const { target, error } of failed) {
    // With --json, the wrapper's failure event has said so.
    if (!flags.json) showError(error, { verbose: flags.verbose, target });
  }
  if (failed.length > 0) return 1;
  if (warnings === 0 || !flags.warningsAsErrors) return 0;
  throw new WarningsError(`There were warnings (${warnings}), and --warnings-as-errors was given.`);
}

/** The reporter that fits: JSON lines, only what is wrong, a task list on a terminal, plain lines elsewhere. */
async function openReporter({ json = false, quiet = false }: Shown): Promise<Reporter> {
  if (json) return (await import('./show/json.ts')).jsonReporter();
  if (quiet) return (await import('./show/lines.ts')).quietReporter();
  const isTerminal = process.stdout.isTTY && process.env.TERM !== 'dumb' && !process.env.CI;
  if (isTerminal) return (await import('./show/tasks.ts')).taskReporter();
  return (await import('./show/lines.ts')).lineReporter();
}
