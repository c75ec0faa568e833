import type { Duplex } from 'node:stream';

/** One line of JSON. */
export type Message = Readonly<Record<string, unknown>>;

/** The other end is gone, or has sent what no honest one sends. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: 'CLOSED' | 'TOO_LONG' | 'NOT_A_MESSAGE';

  constructor(code: ChannelError['code'], options?: ErrorOptions) {
    super(code, options);
    this.code = code;
  }
}

/** What may wait to be read or sent: an end that does not read is cut off. */
const LONGEST_QUEUE = 256;
const LONGEST_BACKLOG = 64 * 1024 * 1024;

/**
 * Messages over a connection: JSON, each ended by a newline (JSON itself holds none). Lines are limited: before the
 * other end has proved who it is, to a few bytes.
 */
export class Channel {
  readonly #stream: Duplex;
  #limit: number;
  #pieces: Buffer[] = [];
  #length = 0;
  readonly #queue: Message[] = [];
  readonly #waiting: PromiseWithResolvers<Message>[] = [];
  #end: ChannelError | undefined;

  constructor(stream: Duplex, limit: number) {
    this.#stream = stream;
    this.#limit = limit;
    stream.on('error', (cause) => this.#finish(new ChannelError('CLOSED', { cause })));
    stream.on('close', () => this.#finish(new ChannelError('CLOSED')));
    stream.on('end', () => this.#finish(new ChannelError('CLOSED')));
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.resume();
  }

  /** Bytes that a line may have from now on. */
  set limit(limit: number) {
    this.#limit = limit;
  }

  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  send(message: Message): void {
    if (this.isClosed) return;
    this.#stream.write(`${JSON.stringify(message)}\n`);
    if (this.#stream.writableLength > LONGEST_BACKLOG) this.close();
  }

  /** The next message. Rejects with a ChannelError once there will be none. */
  receive(): Promise<Message> {
    const message = this.#queue.shift();
    if (message !== undefined) {
      if (this.#queue.length === 0) this.#stream.resume();
      return Promise.resolve(message);
    }
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const waiting = withResolvers<Message>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  close(): void {
    this.#stream.destroy();
    this.#finish(new ChannelError('CLOSED'));
  }

  /** Sends what has been said, then closes. */
  end(): void {
    this.#stream.end();
  }

  #take(chunk: Buffer): void {
    let rest = chunk;
    for (let newline = rest.indexOf(10); newline >= 0 && !this.isClosed; newline = rest.indexOf(10)) {
      this.#add(rest.subarray(0, newline));
      rest = rest.subarray(newline + 1);
      this.#line();
    }
    if (!this.isClosed) this.#add(rest);
  }

  #add(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > this.#limit) this.#fail('TOO_LONG');
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  #line(): void {
    if (this.isClosed) return;
    const text = Buffer.concat(this.#pieces).toString('utf8');
    this.#pieces = [];
    this.#length = 0;
    const message = parsed(text);
    if (message === undefined) this.#fail('NOT_A_MESSAGE');
    else this.#hand(message);
  }

  #hand(message: Message): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#queue.push(message);
    else waiting.resolve(message);
    if (this.#queue.length > LONGEST_QUEUE) this.#stream.pause();
  }

  #fail(code: ChannelError['code']): void {
    this.#finish(new ChannelError(code));
    this.#stream.destroy();
  }

  #finish(error: ChannelError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#pieces = [];
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

interface PromiseWithResolvers<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: unknown) => void;
}

/** `Promise.withResolvers` is younger than the oldest Node that a release may have. */
function withResolvers<Value>(): PromiseWithResolvers<Value> {
  let resolve: (value: Value) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<Value>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { promise, resolve, reject };
}

function parsed(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Message)
      : undefined;
  } catch {
    return undefined;
  }
}
