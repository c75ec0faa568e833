import { fail } from './messages.ts';

interface Context {
  readonly verbose?: boolean | undefined;
  /** The target that the failure belongs to. */
  readonly target?: string | undefined;
}

/**
 * Shows a failure on stderr. One with a code was written for the user and needs no stack; anything else is a fault of
 * Sarma's, and its stack is all there is to say about it.
 */
export function showError(error: unknown, { verbose = false, target }: Context): void {
  const { message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  const said = target === undefined ? message : `${target}: ${message}`;
  const causes = cause instanceof Error ? [`caused by ${cause.stack}`] : [];
  const isForUser = codeOf(error) !== undefined;
  fail(
    isForUser ? said : `${said}\nThis is a fault in Sarma.`,
    isForUser && !verbose ? undefined : [stack, ...causes].join('\n'),
  );
}

export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
