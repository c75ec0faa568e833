import { connect, type Socket } from 'node:net';

/** Speaks to a kv server: a command is a line, and answers come in the order of the commands. */
export class Client {
  readonly address: string;
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #received = '';
  #lines: string[] = [];
  #closed: Error | undefined;

  constructor(host: string, port: number) {
    this.address = `${host}:${port}`;
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error(`${this.address} closed the connection`)));
    this.#socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#received + text).split('\r\n');
      this.#received = lines.pop()!;
      for (const line of lines) this.#take(line);
    });
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Resolves with the lines of the answer: `OK`, or the value and `OK`, or what was wrong. */
  async send(command: string): Promise<string[]> {
    if (this.#closed !== undefined) throw this.#closed;
    // Typed with any blanks: the server goes by its words too, and the first says how many lines come back.
    const line = command.trim().split(/\s+/).join(' ');
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ lines: /^(FORWARDED )?GET /.test(line) ? 2 : 1, resolve, reject });
      this.#socket.write(`${line}\r\n`);
    });
  }

  close(): void {
    this.#socket.end();
  }

  #take(line: string): void {
    const waiting = this.#waiting[0];
    if (waiting === undefined) return;
    this.#lines.push(line);
    // A value is one word; what has more (NOT FOUND, ERROR …) is an answer by itself.
    if (this.#lines.length < waiting.lines && !line.includes(' ')) return;
    this.#waiting.shift();
    waiting.resolve(this.#lines);
    this.#lines = [];
  }

  #end(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closed);
  }
}

interface Waiting {
  readonly lines: number;
  readonly resolve: (lines: string[]) => void;
  readonly reject: (reason: Error) => void;
}
