import type { OnNotice, Release } from './release.ts';

/** What the steps that have names do. */
export interface StepActions {
  readonly assemble: (release: Release) => Promise<Release>;
  readonly tar: (release: Release) => Promise<Release>;
  readonly wrap: (release: Release) => Promise<Release>;
}

/** Runs the steps of a release, one after the other. Throws ReleaseError, and what the actions throw. */
export async function runSteps(release: Release, actions: StepActions, onNotice: OnNotice): Promise<Release> {
  let current = release;
  for (let [step, ...steps] = current.steps; step !== undefined; [step, ...steps] = current.steps) {
    const remaining = { ...current, steps };
    current = typeof step === 'function' ? await step(remaining) : await actions[step](remaining);
  }
  void onNotice;
  return current;
}
