import { BootError } from './error.ts';

/** What is shown of something thrown: our own messages as they are, with a cause they do not tell; all else with its stack. */
export function errorText(error: unknown): string {
  if (!(error instanceof BootError))
    return typeof error === 'string' ? error : (listenText(error) ?? inspected(error));
  const { cause, message } = error;
  const isTold = cause === undefined || (cause instanceof Error && message.includes(cause.message));
  return isTold ? message : `${message}\n${errorText(cause)}`;
}

/** `what.` with the error's text behind it: in the same line where it is a sentence, below where it is a stack. */
export function failureText(what: string, error: unknown): string {
  const text = errorText(error);
  return text.includes('\n') ? `${what}.\n${text}` : `${what}: ${text}`;
}

/** The commonest failures of a server, which no stack explains: its port. */
function listenText(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, port, address } = error as NodeJS.ErrnoException & {
    readonly port?: number;
    readonly address?: string;
  };
  if (syscall !== 'listen' && syscall !== 'bind') return undefined;
  const where = port === undefined ? address : `port ${port} of ${address}`;
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use (EADDRINUSE). Stop what listens there, or configure another port.`;
    case 'EACCES':
      return `this user may not listen on ${where} (EACCES).`;
    case 'EADDRNOTAVAIL':
      return `${where}: this machine has no such address (EADDRNOTAVAIL).`;
    default:
      return undefined;
  }
}

/** Node's util costs a start 1.5 ms, and most starts have nothing to show. */
function inspected(error: unknown): string {
  return process.getBuiltinModule('node:util').inspect(error);
}
