import type { ReleaseEvent } from './release.ts';

/** What is said while a release is assembled; told at once and kept for the result. */
export interface Events {
  readonly notices: readonly string[];
  readonly warnings: readonly string[];
  readonly notice: (message: string) => void;
  readonly warning: (message: string) => void;
}

export function collectEvents(onEvent: ((event: ReleaseEvent) => void) | undefined): Events {
  const notices: string[] = [];
  const warnings: string[] = [];
  return {
    notices,
    warnings,
    notice: (message) => {
      notices.push(message);
      onEvent?.({ type: 'notice', message });
    },
    warning: (message) => {
      warnings.push(message);
      onEvent?.({ type: 'warning', message });
    },
  };
}
