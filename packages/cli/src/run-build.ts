import type { OnBuildEvent, Outcome } from './events.ts';
import { interruptible } from './interrupt.ts';
import { showError } from './show/errors.ts';
import { fail } from './show/messages.ts';
import { openReporter, type Shown } from './show/reporter.ts';

interface BuildFlags extends Shown {
  readonly verbose?: boolean | undefined;
  readonly warningsAsErrors?: boolean | undefined;
}

/** Shows a build while it runs, then what failed of it. Returns the exit code; throws what the build throws. */
export async function runBuild(
  flags: BuildFlags,
  build: (onEvent: OnBuildEvent) => Promise<readonly Outcome[]>,
): Promise<number> {
  const reporter = await openReporter(flags);
  let warnings = 0;
  const report: OnBuildEvent = (event) => {
    if (event.type === 'notice' && event.level === 'warning') warnings += 1;
    reporter.onEvent(event);
  };
  let outcomes: readonly Outcome[];
  try {
    outcomes = await interruptible((checkpoint) =>
      build((event) => {
        checkpoint();
        report(event);
      }),
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
  if (!flags.json) fail(`there were warnings (${warnings}), and --warnings-as-errors was given.`);
  return 1;
}
