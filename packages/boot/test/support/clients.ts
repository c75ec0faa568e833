import { Agent, type ClientRequest, type RequestOptions, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

// Clients that ask without pause until they are told to stop, and take no error for an answer.

/** What a client was told: version → how often. */
export interface Report {
  readonly answers: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
}

/** Stops the client once it has had an answer from the version. */
export type Client = (version: string) => Promise<Report>;

/** `ask` resolves to the version that has answered. */
export function client(ask: () => Promise<string>, close = () => {}): Client {
  const answers: Record<string, number> = {};
  const errors: string[] = [];
  let last: string | undefined;
  const running = (async () => {
    const latest = Date.now() + 20_000;
    while (last === undefined || (answers[last] === undefined && Date.now() < latest)) {
      try {
        const version = await ask();
        answers[version] = (answers[version] ?? 0) + 1;
      } catch (error) {
        const { message, cause } = error as Error;
        errors.push(`${message} ${(cause as Error | undefined)?.message ?? ''}`);
        if (errors.length > 100) break;
      }
    }
    close();
    return { answers, errors };
  })();
  return async (version) => {
    last = version;
    return await running;
  };
}

/** Over connections that stay open. */
export function httpClient(where: { port?: number; socketPath?: string }): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  return client(
    () => body({ ...where, agent, path: '/' }),
    () => agent.destroy(),
  );
}

export function body(options: RequestOptions): Promise<string> {
  const sent = request(options);
  sent.end();
  return answerTo(sent);
}

/** A request that is not over until `sent.end()`. */
export function post(options: RequestOptions): { sent: ClientRequest; answer: Promise<string> } {
  const sent = request({ ...options, method: 'POST' });
  sent.flushHeaders();
  return { sent, answer: answerTo(sent) };
}

export function answerTo(sent: ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    sent.on('error', reject);
  });
}

/** A new connection for every request. */
export function connectingClient(where: { port?: number; path?: string }): Client {
  return client(async () => {
    const line = new LineClient(where);
    const answer = await line.ask('version');
    line.end();
    return answer;
  });
}

/** A client of a protocol of lines, over one connection. */
export class LineClient {
  readonly socket: Socket;
  readonly #lines: string[] = [];
  #rest = '';
  #error: Error | undefined;
  #changed = () => {};

  constructor(where: { port?: number; path?: string }) {
    this.socket = connect(where as never);
    this.socket.setEncoding('utf8');
    this.socket.on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#changed();
    });
    this.socket.on('error', (error) => this.#end(error));
    this.socket.on('close', () => this.#end(new Error('the server has hung up')));
  }

  write(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  async ask(line: string): Promise<string> {
    this.write(`${line}\n`);
    return await this.line();
  }

  async line(): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    return this.#lines.shift()!;
  }

  end(): void {
    this.socket.destroy();
  }

  #end(error: Error): void {
    this.#error ??= error;
    this.#changed();
  }
}

export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (const latest = Date.now() + 30_000; Date.now() < latest; ) {
    if (await what()) return;
    await wait(20);
  }
  throw new Error(`It never came to that: ${what}`);
}
