import { connect as connectTo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BootFile } from '../boot-file.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { Channel, type Message } from './channel.ts';
import { readCookie } from './cookie.ts';
import { HANDSHAKE_LIMIT, HandshakeError, introduce } from './handshake.ts';
import { isListening, type NodeRecord, readNodeRecord } from './node-record.ts';

/** Milliseconds in which a node has to answer; one that starts may be busy for a while. */
const ANSWER_TIME = 5000;
/** Bytes of an answer. */
const ANSWER_LIMIT = 256 * 1024 * 1024;

/** An exchange that lasts: `remote`. */
export interface ControlStream {
  send(message: Message): void;
  /** The request's result, once it has one. */
  readonly result: Promise<unknown>;
}

export interface ControlClient {
  /** Calls a method of the node; `onEvent` gets what comes before the result. Rejects with a BootError. */
  call(method: string, params: object, onEvent?: (event: Message) => void): Promise<unknown>;
  stream(method: string, params: object, onEvent: (event: Message) => void): ControlStream;
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
  /** What the node ends with, once it has said so. */
  readonly exitCode: number | undefined;
  close(): void;
}

/**
 * Connects to the node that the environment names. Throws BootError: NOT_RUNNING, NOT_ANSWERING (it lives, and starts
 * or is blocked), NO_DISTRIBUTION, WRONG_COOKIE, NO_COOKIE, NO_ADDRESS. A client never creates anything.
 */
export async function connect(boot: BootFile, environment: ReleaseEnvironment): Promise<ControlClient> {
  const record = findRecord(environment);
  if (record?.distribution === 'none') await refuseSilent(record);
  const stream = record === undefined ? await openRemote(boot, environment) : await open(record, environment);
  const channel = new Channel(stream, HANDSHAKE_LIMIT);
  try {
    await shakeHands(channel, environment, requiredCookie(boot, environment), record);
  } catch (error) {
    channel.close();
    throw error;
  }
  channel.limit = ANSWER_LIMIT;
  return new Client(channel);
}

/** Calls one method of the node, and hangs up. Rejects as `connect` and `call` do. */
export async function ask(
  boot: BootFile,
  environment: ReleaseEnvironment,
  method: string,
  params: object = {},
  onEvent?: (event: Message) => void,
): Promise<unknown> {
  const client = await connect(boot, environment);
  try {
    return await client.call(method, params, onEvent);
  } finally {
    client.close();
  }
}

/** The record of a node of this machine. Undefined: there is none, and it is to be looked for on another. */
function findRecord(environment: ReleaseEnvironment): NodeRecord | undefined {
  const record = readNodeRecord(environment);
  if (record !== undefined || environment.distribution === 'name') return record;
  throw notRunning(environment);
}

export function notRunning({ node, mutableDirectory }: ReleaseEnvironment): BootError {
  return new BootError('NOT_RUNNING', `${node} is not running (as far as ${mutableDirectory} knows).`);
}

async function refuseSilent(record: NodeRecord): Promise<void> {
  if (!(await isListening(record))) return;
  throw new BootError(
    'NO_DISTRIBUTION',
    `${record.node} runs (PID ${record.pid}) with RELEASE_DISTRIBUTION=none and takes no commands. SIGTERM stops it: kill ${record.pid}`,
  );
}

function open({ socket }: NodeRecord, environment: ReleaseEnvironment): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const connection = connectTo(socket);
    connection.once('connect', () => resolve(connection));
    connection.once('error', (error: NodeJS.ErrnoException) => {
      const isDead = error.code === 'ECONNREFUSED' || error.code === 'ENOENT' || error.code === 'ENOTSOCK';
      reject(isDead ? notRunning(environment) : unreachable(environment, error));
    });
  });
}

function unreachable({ node }: ReleaseEnvironment, error: Error): BootError {
  return new BootError('UNREACHABLE', `${node} cannot be reached: ${error.message}.`);
}

async function openRemote(boot: BootFile, environment: ReleaseEnvironment): Promise<Duplex> {
  const { connectSecurely } = await import('./secure-tcp.ts');
  return await connectSecurely(environment, requiredCookie(boot, environment));
}

function requiredCookie(boot: BootFile, environment: ReleaseEnvironment): string {
  const cookie = readCookie(environment, boot);
  if (cookie !== undefined) return cookie;
  throw new BootError(
    'NO_COOKIE',
    `There is no cookie in ${environment.mutableDirectory} to talk to ${environment.node} with. Set RELEASE_COOKIE to that of the node.`,
  );
}

async function shakeHands(
  channel: Channel,
  environment: ReleaseEnvironment,
  cookie: string,
  record: NodeRecord | undefined,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const { node } = environment;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, ANSWER_TIME, notAnswering(environment, record));
  });
  try {
    await Promise.race([introduce(channel, node, cookie), tooLate]);
  } catch (error) {
    if (error instanceof BootError) throw error;
    if (!(error instanceof HandshakeError)) throw new BootError('NOT_RUNNING', `${node} has hung up.`);
    throw new BootError('WRONG_COOKIE', refusal(error.code, node));
  } finally {
    clearTimeout(timer);
  }
}

function notAnswering({ node, prog }: ReleaseEnvironment, record: NodeRecord | undefined): BootError {
  const who = record === undefined ? '' : ` (PID ${record.pid})`;
  const remedy = record === undefined ? '' : ` ${prog} stop --force ends it (kill -9 ${record.pid}).`;
  return new BootError(
    'NOT_ANSWERING',
    `${node}${who} does not answer: it is starting, stopped by a debugger or SIGSTOP, or blocked by its own code.${remedy}`,
  );
}

function refusal(code: HandshakeError['code'], node: string): string {
  if (code === 'OTHER_NODE') return `Who listens there is not ${node}.`;
  if (code === 'NO_SERVER')
    return `Who listens in the place of ${node} does not behave like a node of this release.`;
  return `${node} has another cookie. Set RELEASE_COOKIE to that of the node.`;
}

interface Exchange {
  readonly method: string;
  readonly onEvent: (event: Message) => void;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

class Client implements ControlClient {
  readonly closed: Promise<void>;
  exitCode: number | undefined;
  readonly #channel: Channel;
  readonly #exchanges = new Map<number, Exchange>();
  #last = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.closed = this.#listen();
  }

  call(method: string, params: object, onEvent: (event: Message) => void = () => {}): Promise<unknown> {
    return this.stream(method, params, onEvent).result;
  }

  stream(method: string, params: object, onEvent: (event: Message) => void): ControlStream {
    this.#last += 1;
    const id = this.#last;
    const result = new Promise<unknown>((resolve, reject) => {
      this.#exchanges.set(id, { method, onEvent, resolve, reject });
      if (this.#channel.isClosed) reject(hungUp());
    });
    this.#channel.send({ id, method, params });
    return { send: (message) => this.#channel.send({ ...message, id }), result };
  }

  close(): void {
    this.#channel.close();
  }

  async #listen(): Promise<void> {
    try {
      for (;;) this.#take(await this.#channel.receive());
    } catch {
      for (const { reject } of this.#exchanges.values()) reject(hungUp());
    }
  }

  #take(message: Message): void {
    if (typeof message.exitCode === 'number' && message.id === undefined) this.exitCode = message.exitCode;
    const id = message.id as number;
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return;
    const isLast = 'result' in message || 'error' in message;
    if (!isLast) {
      exchange.onEvent(message);
      return;
    }
    this.#exchanges.delete(id);
    if ('result' in message) exchange.resolve(message.result);
    else exchange.reject(failure(exchange.method, message.error as Failure));
  }
}

interface Failure {
  readonly message: string;
  readonly code?: string;
}

function failure(method: string, { message, code }: Failure): BootError {
  if (code === 'UNKNOWN_METHOD')
    return new BootError(
      code,
      `The node that runs was made by an older Sarma, which has no ${method}. Replace its file and restart it.`,
    );
  return new BootError(code ?? 'FAILED', message);
}

function hungUp(): BootError {
  return new BootError('HUNG_UP', 'The node has hung up: it has ended, or was ended.');
}
