import type { Reporter } from './reporter.ts';

/** One JSON object per event on stdout. */
export function jsonReporter(): Reporter {
  return {
    onEvent: (event) => writeJson(event),
    close: async () => {},
  };
}

export function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
