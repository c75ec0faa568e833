import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Order } from './version.ts';

/** A directory for one test; short, since it is for paths of sockets, too. */
export function directory(): string {
  const made = mkdtempSync('/tmp/sarma-sockets-');
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Files of tests that run at the same time have other ones: the workers of a run are children of one process, and numbered. */
let last = 10_000 + ((process.ppid + Number(process.env.VITEST_POOL_ID)) % 250) * 80;

/** A port that nobody listens on: below those that the system gives away. */
export function free(): number {
  return last++;
}

/** A module whose `start` gets the version and `stop` what `start` returned. Returns its path. */
export function application(folder: string, text: string, name = 'application'): string {
  const file = path.join(folder, `${name}.mjs`);
  writeFileSync(file, text);
  return file;
}

/**
 * A protocol of lines: answers `version` with its version, everything else with the version and the line. Gives its
 * connections away where it can.
 */
export const lines = (listen: string, folder = directory()) =>
  application(
    folder,
    `import { createServer } from 'node:net';
    export default {
      async start(version) {
        const connections = new Map();
        const server = createServer((socket) => {
          const connection = { rest: '' };
          connections.set(socket, connection);
          socket.setEncoding('utf8').on('error', () => {}).on('close', () => connections.delete(socket));
          socket.on('data', (text) => {
            const lines = (connection.rest + text).split('\\n');
            connection.rest = lines.pop();
            for (const line of lines) socket.write(line === 'version' ? version + '\\n' : version + ' ' + line + '\\n');
          });
        });
        server.listen(${listen});
        await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
        return { server, connections };
      },
      async stop({ server, connections }, { handOver }) {
        const closed = new Promise((resolve) => server.close(resolve));
        for (const [socket, { rest }] of connections)
          if (!(await handOver?.(socket, Buffer.from(rest)))) socket.destroy();
        await closed;
      },
    };`,
  );

/** The process of a version (version.ts), and those that follow it. */
export class Versions {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly exited: Promise<unknown>;
  readonly left: number[] = [];
  readonly #application: string;
  readonly #waiting = new Map<string, { resolve(message: Answer): void; reject(error: Error): void }>();

  private constructor(file: string, listening: Listening | undefined) {
    this.#application = file;
    this.child = fork(fileURLToPath(new URL('version.ts', import.meta.url)), [file, '1'], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc', listening?.fd ?? 'ignore'],
    });
    let text = '';
    this.child.stderr!.on('data', (chunk) => (text += chunk));
    this.stderr = () => text;
    this.exited = new Promise((resolve) => this.child.on('exit', resolve));
    this.child.on('message', (message: Answer) => {
      if (typeof message.left === 'number') this.left.push(message.left);
      this.#waiting.get(message.type)?.resolve(message);
    });
    this.child.on('exit', () => {
      const error = new Error(`It has ended: ${text}`);
      for (const { reject } of this.#waiting.values()) reject(error);
    });
    onTestFinished(async () => {
      this.child.kill('SIGKILL'); // those that came after it end with their channel
      await this.exited;
    });
  }

  /** `listening` is descriptor 4 of the process. */
  static async start(file: string, listening?: Listening): Promise<Versions> {
    const versions = new Versions(file, listening);
    await versions.#answer('done start');
    return versions;
  }

  async upgrade(version: string, options: Partial<Order & { type: 'upgrade' }> = {}): Promise<void> {
    await this.order({ type: 'upgrade', application: this.#application, version, ...options });
  }

  /** Resolves when a version that was replaced waits for its clients. */
  async draining(): Promise<void> {
    await this.#answer('drain');
  }

  async order(order: Order): Promise<Answer> {
    const answer = this.#answer(`done ${order.type}`);
    this.child.send(order);
    return await answer;
  }

  #answer(type: string): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.set(type, { resolve, reject }));
    answer.catch(() => {}); // A test may end without it.
    return answer;
  }
}

/** A socket that listens. */
interface Listening {
  readonly fd: number;
}

type Answer = Record<string, unknown> & { readonly type: string };
