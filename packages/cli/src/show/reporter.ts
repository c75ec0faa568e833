import type { OnBuildEvent } from '../events.ts';

/** Shows what a command says while it works. */
export interface Reporter {
  readonly onEvent: OnBuildEvent;
  /** Ends what is still moving on the screen. Afterwards stdout and stderr are free. */
  readonly close: () => Promise<void>;
}

export interface Shown {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** The reporter that fits: JSON lines, only what is wrong, a task list on a terminal, plain lines elsewhere. */
export async function openReporter({ json = false, quiet = false }: Shown): Promise<Reporter> {
  if (json) return (await import('./json.ts')).jsonReporter();
  if (quiet) return (await import('./lines.ts')).quietReporter();
  const isTerminal = process.stdout.isTTY && process.env.TERM !== 'dumb' && !process.env.CI;
  if (isTerminal) return (await import('./tasks.ts')).taskReporter();
  return (await import('./lines.ts')).lineReporter();
}
