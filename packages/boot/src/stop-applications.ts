import type { StopContext } from '@sarma/app';
import type { RunningApplication } from './applications.ts';
import { failureText } from './error-text.ts';

/**
 * Stops applications in the order given, one after the other. One that hangs keeps those behind it from nothing: a
 * store still has to flush. `timeLeft` says how many milliseconds the next one has; `fail` is told what went wrong.
 */
export async function stopApplications(
  applications: readonly RunningApplication[],
  timeLeft: () => number,
  fail: (text: string) => void,
  context: StopContext = {},
): Promise<void> {
  for (const application of applications) {
    const limit = timeLeft();
    const stopped = application
      .stop(context)
      .catch((error) => fail(failureText(`Application ${application.name} failed to stop`, error)));
    if ((await Promise.race([stopped, late(limit)])) === LATE)
      fail(`Application ${application.name} did not stop within ${seconds(limit)} s.`);
  }
}

/** What those before it have left of so many milliseconds, and a short share even where they left nothing. */
export function timeShared(limit: number): () => number {
  const latest = Date.now() + limit;
  return () => Math.max(latest - Date.now(), Math.min(limit, Math.max(limit / 10, 250)));
}

const LATE = Symbol('late');

/** Resolves after so long, and keeps no process alive for it. */
export function late(milliseconds: number): Promise<typeof LATE> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, LATE).unref());
}

/** Milliseconds → seconds, as people write them. */
export function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
