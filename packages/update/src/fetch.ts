import { type IncomingHttpHeaders, type IncomingMessage, STATUS_CODES } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { UpdateError } from './error.ts';
import { ask, reasonOf } from './request.ts';

/** How long somebody waits for a server. */
export interface Patience {
  /** How often in a row something is asked for in vain. */
  readonly attempts: number;
  /** Milliseconds before the second time; twice as many before each further one. */
  readonly pause: number;
  /** Milliseconds after which a connection counts as dead on which hardly anything comes. */
  readonly silence: number;
}

const PATIENCE: Patience = { attempts: 4, pause: 500, silence: 30_000 };
/** A download that gets so many bytes further each time is gone on with however often it is cut off. */
const PROGRESS = 64 * 1024;
/** What is read whole is never larger, in bytes. */
const LARGEST = 16 * 1024 * 1024;
/** Milliseconds; whoever is told to come back later than that is told to do so himself. */
const LONGEST_PAUSE = 60_000;
/** "Range Not Satisfiable" (RFC 9110, 15.5.17). */
const RANGE_REFUSED = 416;

/** The file at an address, whole. Undefined where there is none (404). Throws UpdateError UNREACHABLE. */
export async function fetchWhole(
  address: string,
  accept = '*/*',
  patience: Patience = PATIENCE,
): Promise<Buffer | undefined> {
  return await repeatedly(address, patience, async () =>
    ask(address, { accept }, patience, async (answer, bytes) => {
      if (answer.statusCode === 404) return undefined;
      requireSuccess(answer);
      requirePlain(answer);
      const parts: Buffer[] = [];
      let size = 0;
      for await (const part of bytes) {
        parts.push(part);
        size += part.length;
        if (size > LARGEST)
          throw new UpdateError('UNREACHABLE', `${address} is larger than ${LARGEST} bytes.`);
      }
      return Buffer.concat(parts);
    }),
  );
}

/** A run of bytes in a file. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Takes bytes, and where in the file they belong. */
export type Write = (bytes: Buffer, position: number) => Promise<void>;

/**
 * Hands the bytes of a range to `write`, once each and in order; what is cut off is gone on with where it stopped. False where
 * the server does not answer with that range, or compresses it. Throws UpdateError UNREACHABLE, NOT_PUBLISHED, and what `write` throws.
 */
export async function fetchRange(
  address: string,
  { offset, length }: Range,
  write: Write,
  patience: Patience = PATIENCE,
): Promise<boolean> {
  const end = offset + length;
  let position = offset;
  const attempt = async () =>
    ask(address, rangeHeader(position, end), patience, async (answer, bytes) => {
      if (answer.statusCode === RANGE_REFUSED) return false;
      requirePublished(answer, address);
      if (answer.statusCode !== 206 || beginOf(answer) !== position || isEncoded(answer)) return false;
      for await (const part of bytes) {
        const wanted = part.subarray(0, end - position);
        await write(wanted, position);
        position += wanted.length;
        if (position === end) return true;
      }
      throw new Error(`it ended after ${position - offset} of ${length} bytes`);
    });
  return await repeatedly(address, patience, attempt, () => position);
}

/**
 * Hands the `size` bytes of a file to `write`; what is cut off is gone on with where it stopped, or anew where the server
 * cannot do that. Throws UpdateError UNREACHABLE, NOT_PUBLISHED, and what `write` throws.
 */
export async function fetchFile(
  address: string,
  size: number,
  write: Write,
  patience: Patience = PATIENCE,
): Promise<void> {
  let position = 0;
  let furthest = 0;
  const attempt = async () =>
    ask(address, position === 0 ? {} : rangeHeader(position, size), patience, async (answer, bytes) => {
      // What lies there is shorter by now: from the beginning, the next time.
      if (answer.statusCode === RANGE_REFUSED) position = 0;
      requirePublished(answer, address);
      requirePlain(answer);
      const begin = beginOf(answer);
      if (begin !== position) position = 0;
      if (begin !== position) throw new Error('the server answers with another range than it was asked for');
      for await (const part of bytes) {
        const wanted = part.subarray(0, size - position);
        await write(wanted, position);
        position += wanted.length;
        furthest = Math.max(furthest, position);
        if (position === size) return;
      }
      throw new Error(`it ended after ${position} of ${size} bytes`);
    });
  await repeatedly(address, patience, attempt, () => furthest);
}

function rangeHeader(position: number, end: number) {
  return { range: `bytes=${position}-${end - 1}` };
}

/** Where in the file the first byte of an answer lies (RFC 9110, 14.4). Undefined where that cannot be told. */
function beginOf({ statusCode, headers }: IncomingMessage): number | undefined {
  if (statusCode !== 206) return 0;
  const [, begin] = /^bytes (\d+)-/.exec(headers['content-range'] ?? '') ?? [];
  return begin === undefined ? undefined : Number(begin);
}

function requirePublished(answer: IncomingMessage, address: string): void {
  if (answer.statusCode === 404) throw new UpdateError('NOT_PUBLISHED', `${address} is not there (404).`);
  requireSuccess(answer);
}

function requireSuccess(answer: IncomingMessage): void {
  const { statusCode = 0, headers } = answer;
  if (statusCode < 200 || statusCode >= 300) throw new StatusError(statusCode, headers);
}

/** Lengths and offsets count in the file as it is stored. */
function requirePlain(answer: IncomingMessage): void {
  if (isEncoded(answer))
    throw new Error(
      `the server sends it as ${answer.headers['content-encoding']}, though it was not asked to`,
    );
}

function isEncoded({ headers }: IncomingMessage): boolean {
  return (headers['content-encoding'] ?? 'identity') !== 'identity';
}

/** `reached` tells how far it has come: who gets further is not counted out. */
async function repeatedly<Result>(
  address: string,
  patience: Patience,
  attempt: () => Promise<Result>,
  reached: () => number = () => 0,
): Promise<Result> {
  let before = reached();
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof UpdateError) throw error;
      if (reached() >= before + PROGRESS) count = 1;
      before = reached();
      const wanted = error instanceof StatusError ? error.pause : 0;
      if (count >= patience.attempts || wanted === undefined) {
        throw new UpdateError('UNREACHABLE', `${address} cannot be had: ${reasonOf(error)}.`, {
          cause: error,
        });
      }
      await pause(Math.max(patience.pause * 2 ** (count - 1), wanted));
    }
  }
}

class StatusError extends Error {
  /** Milliseconds after which it may be asked again. Undefined where that helps nobody. */
  readonly pause: number | undefined;

  constructor(status: number, headers: IncomingHttpHeaders) {
    const wanted = pauseOf(headers);
    const isLong = wanted > LONGEST_PAUSE;
    const later = isLong ? `, and wants to be asked again in ${Math.ceil(wanted / 60_000)} minutes` : '';
    super(`the server answers ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd() + later);
    const isPassing = status >= 500 || [408, RANGE_REFUSED, 429].includes(status) || wanted > 0;
    this.pause = isPassing && !isLong ? wanted : undefined;
  }
}

/**
 * Milliseconds that a server wants to be left alone: RFC 9110, 10.2.3, or GitHub's limit for an hour. Times are those of the
 * server's clock, which the clock here may be far from.
 */
function pauseOf(headers: IncomingHttpHeaders): number {
  const now = Date.parse(headers.date ?? '') || Date.now();
  const after = headers['retry-after'];
  const reset = headers['x-ratelimit-remaining'] === '0' ? Number(headers['x-ratelimit-reset']) : 0;
  const milliseconds = after ? Number(after) * 1000 || Date.parse(after) - now : reset * 1000 - now;
  return Math.max(0, milliseconds || 0);
}
