import type { OnBuildEvent } from '../events.ts';

/** Shows what a command says while it works. */
export interface Reporter {
  readonly onEvent: OnBuildEvent;
  /** Ends what is still moving on the screen. Afterwards stdout and stderr are free. */
  readonly close: () => Promise<void>;
}
