import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

/** Somebody pressed Ctrl-C, closed the terminal or asked the process to end. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly code = 'INTERRUPTED';
  /** As a shell counts signals. */
  readonly exitCode: number;

  constructor(signal: Signal) {
    super('Interrupted.');
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** How long work may take to clean up, in milliseconds. */
const PATIENCE = 30_000;

/** One Ctrl-C arrives twice where npm passes on what the terminal has sent to everybody: milliseconds between them. */
const ECHO = 500;

/**
 * Lets a signal end the work as an error would, so that whoever has a temporary file removes it: from then on
 * `checkpoint`, which the work calls often, throws InterruptedError, and `signal` is aborted. A second Ctrl-C ends the process at once.
 */
export async function interruptible<Result>(
  work: (checkpoint: () => void, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  let interrupted: InterruptedError | undefined;
  let since = 0;
  const controller = new AbortController();
  const interrupt = (signal: Signal) => {
    if (interrupted !== undefined) {
      if (performance.now() - since > ECHO) endNow(interrupted);
      return;
    }
    const error = new InterruptedError(signal);
    interrupted = error;
    since = performance.now();
    controller.abort(error);
    setTimeout(() => endNow(error), PATIENCE).unref();
  };
  const checkpoint = () => {
    if (interrupted !== undefined) throw interrupted;
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work(checkpoint, controller.signal);
  } catch (error) {
    // A child that the same Ctrl-C has ended may be heard of before the signal.
    await pause(1);
    throw error;
  } finally {
    // Whatever the work made of the interruption, or that it was done by then. The process goes on cleaning up, so
    // the handler stays.
    checkpoint();
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

function endNow({ exitCode }: InterruptedError): never {
  const showCursor = '\u001b[?25h';
  if (process.stdout.isTTY) process.stdout.write(showCursor);
  process.exit(exitCode);
}
