import { get as getOpen, type IncomingMessage } from 'node:http';
import { get as getEncrypted } from 'node:https';
import { type Agents, agentsFor } from './agents.ts';
import { UpdateError } from './error.ts';

/** In bytes. */
const SLOWEST = 4096;
const REDIRECTS = 5;

/**
 * Asks once, and has `read` take the answer; what it leaves of that is not waited for. Within `silence` milliseconds at least
 * SLOWEST bytes come, or all; else the connection counts as dead. Throws UpdateError UNREACHABLE where it leads to what is not
 * encrypted, what `read` throws, and what went wrong on the way, which may be tried again.
 */
export async function ask<Result>(
  address: string,
  headers: Readonly<Record<string, string>>,
  { silence }: { readonly silence: number },
  read: (answer: IncomingMessage, bytes: AsyncIterable<Buffer>) => Promise<Result>,
): Promise<Result> {
  const watch = new Watch(silence);
  try {
    const answer = await follow(address, headers, watch.signal);
    return await read(answer, bytesOf(answer, watch));
  } catch (error) {
    throw watch.signal.aborted ? watch.signal.reason : error;
  } finally {
    watch.end();
  }
}

/** node:http follows no redirect. From https only to https: by plain http anybody on the way could answer. */
async function follow(
  address: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let url = new URL(address);
  for (let count = 0; count <= REDIRECTS; count += 1) {
    const answer = await get(url, headers, signal);
    const { statusCode = 0, headers: said } = answer;
    if (said.location === undefined || statusCode < 300 || statusCode >= 400) return answer;
    answer.resume();
    const next = new URL(said.location, url);
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      throw new UpdateError('UNREACHABLE', `${address} leads to ${next.origin}, which is not encrypted.`);
    }
    url = next;
  }
  throw new Error('it leads from one address to another, and on');
}

/** For all requests of a process, which is where it keeps connections. */
let agents: Agents | undefined;

/** Not fetch(), which fails an assertion of its own where a server hangs up while somebody still reads (Node 24.21). */
async function get(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const all = { ...headers, 'accept-encoding': 'identity', 'user-agent': 'sarma-update' };
  agents ??= agentsFor(process.env);
  const options = { headers: all, signal };
  const request =
    url.protocol === 'https:'
      ? getEncrypted(url, { ...options, agent: agents.encrypted })
      : getOpen(url, { ...options, agent: agents.open });
  return await new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Later ones come out of the answer, too.
    request.on('error', reject);
  });
}

async function* bytesOf(answer: IncomingMessage, watch: Watch): AsyncGenerator<Buffer> {
  for await (const bytes of answer as AsyncIterable<Buffer>) {
    watch.heard(bytes.length);
    yield bytes;
  }
}

/** Ends a request of which too little is heard. */
class Watch {
  readonly #controller = new AbortController();
  readonly #silence: number;
  #timer: NodeJS.Timeout;
  #heard = 0;

  constructor(silence: number) {
    this.#silence = silence;
    this.#timer = this.#begin();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  heard(bytes: number): void {
    this.#heard += bytes;
    if (this.#heard < SLOWEST) return;
    this.#heard = 0;
    clearTimeout(this.#timer);
    this.#timer = this.#begin();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  #begin(): NodeJS.Timeout {
    const reason = new Error(`hardly anything was heard for ${this.#silence / 1000} s`);
    return setTimeout(() => this.#controller.abort(reason), this.#silence);
  }
}

/**
 * Why a request failed, in a few words. Where a name has several addresses, the reason of the first. Node's advice is for those
 * who start Node, and the updater goes by the certificates of the system as it is.
 */
export function reasonOf(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: readonly Error[] };
  return (
    message.replace(/; if the root CA is installed locally.*/, '') ||
    errors?.[0]?.message ||
    code ||
    String(error)
  );
}
