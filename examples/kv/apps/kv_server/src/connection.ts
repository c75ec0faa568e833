import type { Socket } from 'node:net';
import type { HandOver } from '@sarma/app';

/** Longest line a client may send, in bytes. */
const LIMIT = 64 * 1024;

/** How long a client may take to read what it was told and to hang up too, in milliseconds. */
const FAREWELL = 3_000;

/** What is to be done for a client. */
export interface Unfinished {
  /** Of a line that is not there yet as a whole. */
  readonly received: Buffer;
  /** Settled once every command that has come in is answered. */
  readonly answered: Promise<void>;
}

/** One client. Its commands are answered one after another, in the order in which they came. */
export class Connection {
  readonly #socket: Socket;
  readonly #answer: (line: string) => Promise<readonly string[]>;
  #received: Buffer;
  #answered: Promise<void>;
  #isDraining = false;

  constructor(
    socket: Socket,
    answer: (line: string) => Promise<readonly string[]>,
    { received, answered }: Unfinished = { received: Buffer.alloc(0), answered: Promise.resolve() },
  ) {
    this.#socket = socket;
    this.#answer = answer;
    this.#received = received;
    this.#answered = answered;
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => socket.destroy()); // a client that went away; what it was told stays told
  }

  /** Answers every command that has come in, and hangs up or hands over; resolves when the connection is closed here. */
  async drain(handOver?: HandOver): Promise<void> {
    if (this.#socket.destroyed) return;
    // However it closes: a client may hang up by a reset.
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.removeAllListeners('data');
    this.#isDraining = true;
    this.#socket.pause();
    // One that does not read what it is told is not waited for much longer.
    const late = setTimeout(() => this.#socket.destroy(), FAREWELL);
    await this.#answered;
    if (!(await handOver?.(this.#socket, this.#received))) this.#socket.resume().end();
    await closed;
    clearTimeout(late);
  }

  /** Leaves the client to somebody else, but for the answers that are under way. */
  leave(): Unfinished & { readonly socket: Socket } {
    for (const event of ['data', 'error', 'close']) this.#socket.removeAllListeners(event);
    return { socket: this.#socket, received: this.#received, answered: this.#answered };
  }

  #take(bytes: Buffer): void {
    const all = Buffer.concat([this.#received, bytes]);
    const end = all.lastIndexOf('\n') + 1;
    this.#received = all.subarray(end);
    if (this.#received.length > LIMIT) this.#socket.destroy();
    const lines = all.toString('utf8', 0, end).split('\n').slice(0, -1);
    if (lines.length > 0) this.#answered = this.#answered.then(() => this.#answerAll(lines));
  }

  /** One that sends without reading the answers is not listened to meanwhile. */
  async #answerAll(lines: readonly string[]): Promise<void> {
    this.#socket.pause();
    for (const line of lines) await this.#say(line);
    if (this.#socket.writableNeedDrain) await this.#emptied();
    if (!this.#isDraining) this.#socket.resume();
  }

  async #emptied(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.once('drain', resolve).once('close', resolve);
    });
  }

  async #say(line: string): Promise<void> {
    const lines = await this.#answer(line).catch((error: Error) => [`ERROR not kept: ${error.message}`]);
    if (this.#socket.writable) this.#socket.write(lines.map((text) => `${text}\r\n`).join(''));
  }
}
