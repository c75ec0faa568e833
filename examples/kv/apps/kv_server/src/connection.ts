import type { Socket } from 'node:net';

/** Longest line a client may send, in bytes. */
const LIMIT = 64 * 1024;

/** How long a client may take to read what it was told and to hang up too, in milliseconds. */
const FAREWELL = 3_000;

/** One client. Its commands are answered one after another, in the order in which they came. */
export class Connection {
  readonly #socket: Socket;
  readonly #answer: (line: string) => Promise<readonly string[]>;
  #received = '';
  #answered = Promise.resolve();

  constructor(socket: Socket, answer: (line: string) => Promise<readonly string[]>) {
    this.#socket = socket;
    this.#answer = answer;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', () => socket.destroy()); // a client that went away; what it was told stays told
  }

  /** Answers every command that has come in, and hangs up; resolves when the connection is closed. */
  async drain(): Promise<void> {
    if (this.#socket.destroyed) return;
    // However it closes: a client may hang up by a reset.
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.removeAllListeners('data');
    setTimeout(() => this.#socket.destroy(), FAREWELL).unref();
    void this.#answered.then(() => this.#socket.end());
    await closed;
  }

  #take(text: string): void {
    const lines = (this.#received + text).split('\n');
    this.#received = lines.pop()!;
    if (this.#received.length > LIMIT) this.#socket.destroy();
    if (lines.length > 0) this.#answered = this.#answered.then(() => this.#answerAll(lines));
  }

  /** One that sends without reading the answers is not listened to meanwhile. */
  async #answerAll(lines: readonly string[]): Promise<void> {
    this.#socket.pause();
    for (const line of lines) await this.#say(line);
    if (this.#socket.writableNeedDrain) await this.#emptied();
    this.#socket.resume();
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
