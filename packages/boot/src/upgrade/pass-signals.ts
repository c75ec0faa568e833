import type { ChildProcess } from 'node:child_process';

/** What came in for the successor. */
export interface PassedSignals {
  /** Whether its end was asked for: there is no going back then. */
  readonly hasEnded: boolean;
  /** Where this process is the node again. */
  takeBack(): void;
}

/** What asks for the end of a process. */
export const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT'];

const PASSED_ON: readonly NodeJS.Signals[] = [...ENDING, 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];

/** From the commit on what is sent to this process is meant for the successor: no listener here gets it any more. */
export function passSignals(successor: ChildProcess): PassedSignals {
  const before = PASSED_ON.map((signal) => ({ signal, listeners: process.rawListeners(signal) }));
  let hasEnded = false;
  const pass = (signal: NodeJS.Signals) => {
    hasEnded ||= ENDING.includes(signal);
    successor.kill(signal);
  };
  // Ours first: without a listener, what has come and was not told yet would be lost.
  for (const { signal, listeners } of before) {
    process.on(signal, pass);
    for (const listener of listeners) process.off(signal, listener as () => void);
  }
  return {
    get hasEnded() {
      return hasEnded;
    },
    takeBack() {
      for (const { signal, listeners } of before) {
        for (const listener of listeners) process.on(signal, listener as () => void);
        process.off(signal, pass);
      }
    },
  };
}
