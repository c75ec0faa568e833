/** No source that could be asked has a runtime that fits. */
export class NoRuntimeError extends Error {
  override readonly name = 'NoRuntimeError';
  readonly code = 'NO_RUNTIME';
}

/** What was asked for is neither a version, nor a range, nor a place. */
export class RuntimeRangeError extends Error {
  override readonly name = 'RuntimeRangeError';
  readonly code = 'RUNTIME_RANGE_INVALID';
}

/** A server gave no usable answer. Sources are tried one after the other, so this reaches the user only from the last. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly code = 'UNREACHABLE';
  /** Why, without the address: `getaddrinfo ENOTFOUND nodejs.org`. */
  readonly reason: string;
  /** Of the answer (RFC 9110), if there was one. */
  readonly status: number | undefined;

  constructor(url: string, reason: string, cause?: unknown, status?: number) {
    super(
      `Cannot get ${url}: ${reason}. Is there a network, and does it need a proxy (HTTPS_PROXY, .npmrc)?`,
      {
        cause,
      },
    );
    this.reason = reason;
    this.status = status;
  }
}

/** No source of runtimes gave a usable answer. */
export class SourcesUnreachableError extends Error {
  override readonly name = 'SourcesUnreachableError';
  readonly code = 'UNREACHABLE';
}

/** The network is needed and was forbidden. */
export class OfflineError extends Error {
  override readonly name = 'OfflineError';
  readonly code = 'OFFLINE';
}

/** Bytes are not those that were published or locked. */
export class IntegrityError extends Error {
  override readonly name = 'IntegrityError';
  readonly code = 'INTEGRITY';

  constructor(what: string, expected: string, found: string, advice: string) {
    super(`${what} is not what it should be: expected ${expected}, found ${found}. ${advice}`);
  }
}

/** A file is no Node executable, or one for another target. */
export class NotARuntimeError extends Error {
  override readonly name = 'NotARuntimeError';
  readonly code = 'NOT_A_RUNTIME';
}
