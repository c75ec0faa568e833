/** Somebody pressed Ctrl-C or asked the process to end. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly code = 'INTERRUPTED';
  /** 130 or 143, as a shell counts signals. */
  readonly exitCode: number;
  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('Interrupted; nothing was left behind.');
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}
