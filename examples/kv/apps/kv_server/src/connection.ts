import type { Socket } from 'node:net';
import type { HandOver } from '@sarma/app';

/** Longest line a client may send, in bytes. */
const LIMIT = 64 * 1024;

/** How long a client may take to read what it was told and to hang up too, in milliseconds. */
const FAREWELL = 3_000;

/** A client, as one version of the code gives it to the next. */
export interface Caller {
  readonly socket: Socket;
  /** Of a line that is not there yet as a whole. */
  received: Buffer;
  /** Commands that have come in and that nobody has begun to answer. */
  readonly lines: string[];
  /** Settled once every command that has come in is answered. */
  answered: Promise<void>;
  /** Takes no more commands. */
  isDraining: boolean;
}

export function newCaller(socket: Socket): Caller {
  return { socket, received: Buffer.alloc(0), lines: [], answered: Promise.resolve(), isDraining: false };
}

/** Serves one client. Its commands are answered one after another, in the order in which they came. */
export class Connection {
  readonly #caller: Caller;
  readonly #answer: (line: string) => Promise<readonly string[]>;
  readonly #listeners: Readonly<Record<string, (bytes: Buffer) => void>>;
  #hasLeft = false;

  constructor(caller: Caller, answer: (line: string) => Promise<readonly string[]>, onClose: () => void) {
    this.#caller = caller;
    this.#answer = answer;
    this.#listeners = {
      data: (bytes) => this.#take(bytes),
      error: () => caller.socket.destroy(), // a client that went away; what it was told stays told
      close: onClose,
    };
    for (const [event, listener] of Object.entries(this.#listeners)) caller.socket.on(event, listener);
    if (caller.lines.length > 0) this.#answerSoon();
  }

  /** Answers every command that has come in, and hangs up or hands over; resolves when the connection is closed here. */
  async drain(handOver?: HandOver): Promise<void> {
    const { socket } = this.#caller;
    if (socket.destroyed) return;
    // However it closes: a client may hang up by a reset.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.off('data', this.#listeners.data!);
    this.#caller.isDraining = true;
    socket.pause();
    // One that does not read what it is told is not waited for much longer.
    const late = setTimeout(() => socket.destroy(), FAREWELL);
    await this.#caller.answered;
    if (!(await handOver?.(socket, this.#caller.received))) socket.resume().end();
    await closed;
    clearTimeout(late);
  }

  /** Leaves the client to another version of the code, but for the answer that is under way. */
  leave(): Caller {
    this.#hasLeft = true;
    const { socket } = this.#caller;
    for (const [event, listener] of Object.entries(this.#listeners)) socket.off(event, listener);
    return this.#caller;
  }

  #take(bytes: Buffer): void {
    const caller = this.#caller;
    const all = Buffer.concat([caller.received, bytes]);
    const end = all.lastIndexOf('\n') + 1;
    caller.received = all.subarray(end);
    if (caller.received.length > LIMIT) caller.socket.destroy();
    caller.lines.push(...all.toString('utf8', 0, end).split('\n').slice(0, -1));
    if (end > 0) this.#answerSoon();
  }

  #answerSoon(): void {
    this.#caller.answered = this.#caller.answered.then(() => this.#answerAll());
  }

  /** One that sends without reading the answers is not listened to meanwhile. */
  async #answerAll(): Promise<void> {
    const { socket, lines } = this.#caller;
    socket.pause();
    while (lines.length > 0 && !this.#hasLeft) await this.#say(lines.shift()!);
    if (socket.writableNeedDrain) await this.#emptied();
    if (!this.#caller.isDraining) socket.resume();
  }

  async #emptied(): Promise<void> {
    const { socket } = this.#caller;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  async #say(line: string): Promise<void> {
    const { socket } = this.#caller;
    const lines = await this.#answer(line).catch((error: Error) => [`ERROR not kept: ${error.message}`]);
    if (socket.writable) socket.write(lines.map((text) => `${text}\r\n`).join(''));
  }
}
