/** Lines of a stack that lie in the boot (`releases/<version>/boot.cjs`, `boot/…`), or in how it runs code. */
const OWN =
  /^\s+at .*(?:\/releases\/[^/]+\/boot[./-].*|\((?:node:vm|node:domain|node:repl|node:internal\/process\/task_queues)):\d+:\d+\)?$/;

/** Takes from the stacks of an exception and its causes what says nothing about the code that was evaluated. */
export function forgetOwnFrames(thrown: unknown): void {
  const seen = new Set<unknown>(); // Causes may go round in a circle.
  for (let error = thrown; error instanceof Error && !seen.has(error); error = error.cause) {
    seen.add(error);
    if (Object.isFrozen(error) || typeof error.stack !== 'string') return;
    error.stack = error.stack
      .split('\n')
      .filter((line) => !OWN.test(line))
      .join('\n');
  }
}

/** A SyntaxError as text: its stack begins with the place in the code, and that is all there is to say. */
export function placeOf(error: unknown): string {
  return String((error as Error).stack ?? error).replace(/\n\s+at [\s\S]*$/, '');
}
