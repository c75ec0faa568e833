import { setTimeout as pause } from 'node:timers/promises';
import { RequestError } from '@octokit/request-error';
import { PublishError } from '../error.ts';
import type { OnGitHubEvent } from './events.ts';

/** How often something is tried that fails for a while. */
export const ATTEMPTS = 4;

/** Milliseconds before it is tried again that has failed so often. */
export const pauseAfter = (failures: number) => 1000 * 2 ** (failures - 1);

/** Milliseconds that are waited for a limit at most, and how often in a row. */
const LONGEST_LIMIT = 5 * 60_000;
const LIMITS = 5;
/** Where GitHub does not say how long: "wait for at least one minute". */
const UNSAID_LIMIT = 60_000;

interface Patience {
  /** Whether doing it twice is as good as once. */
  readonly isRepeatable: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: OnGitHubEvent;
}

/**
 * Does something that asks GitHub, again where GitHub wants to be asked later, and, if it may be repeated, where the
 * server or the connection fails. Throws PublishError RATE_LIMITED, what `attempt` throws, and the signal's reason.
 */
export async function patiently<Result>(
  attempt: () => Promise<Result>,
  { isRepeatable, signal, onEvent }: Patience,
): Promise<Result> {
  for (let failures = 0, limits = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      const limit = limitOf(error);
      let wait: number;
      if (limit !== undefined) {
        if (limit > LONGEST_LIMIT || ++limits > LIMITS) throw tooLong(limit, error);
        wait = limit;
        onEvent(notice(`GitHub takes no more requests for now: going on in ${seconds(wait)}.`));
      } else {
        if (!isRepeatable || !isPassing(error) || ++failures === ATTEMPTS) throw error;
        wait = pauseAfter(failures);
        onEvent(notice(`GitHub failed (${reasonOf(error)}): trying again in ${seconds(wait)}.`));
      }
      await waitFor({ signal }, wait);
    }
  }
}

/** Throws the signal's reason, when it comes. */
export async function waitFor(
  { signal }: { readonly signal: AbortSignal | undefined },
  milliseconds: number,
): Promise<void> {
  await pause(milliseconds, undefined, { ...(signal && { signal }) }).catch(() => signal?.throwIfAborted());
}

/** Whether the server or the connection failed, and not what was asked for. */
export function isPassing(error: unknown): boolean {
  return error instanceof RequestError && (error.status >= 500 || error.status === 408);
}

/** What a RequestError says, without the address of GitHub's documentation. */
export function reasonOf(error: unknown): string {
  const { message, status, response } = error as RequestError;
  const said = message.replace(/ - https:\/\/docs\.github\.com\S*$/, '');
  return response === undefined ? said : `${status}${said && `: ${said}`}`;
}

export const notice = (message: string) => ({ type: 'notice', level: 'info', message }) as const;

/**
 * Milliseconds until GitHub wants to be asked again; undefined where it is no limit that stops us.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
function limitOf(error: unknown): number | undefined {
  if (!(error instanceof RequestError) || ![403, 429].includes(error.status)) return undefined;
  const headers = error.response?.headers ?? {};
  const after = Number(headers['retry-after']);
  if (after >= 0 && headers['retry-after'] !== undefined) return after * 1000;
  if (headers['x-ratelimit-remaining'] === '0') {
    // Their clock need not be ours, and counts in whole seconds.
    const now = Date.parse(headers.date ?? '') || Date.now();
    return Math.max(0, Number(headers['x-ratelimit-reset']) * 1000 - now) + 1000;
  }
  return error.status === 429 || /\b(secondary|abuse)\b/i.test(error.message) ? UNSAID_LIMIT : undefined;
}

function tooLong(limit: number, cause: unknown): PublishError {
  const until = new Date(Date.now() + limit).toISOString().slice(11, 16);
  return new PublishError(
    'RATE_LIMITED',
    `GitHub takes no more requests with this token for ${seconds(limit)} (until ${until} UTC). What was uploaded stays: run it again then.`,
    { cause },
  );
}

function seconds(milliseconds: number): string {
  const count = Math.ceil(milliseconds / 1000);
  return count < 120 ? `${count} s` : `${Math.ceil(count / 60)} minutes`;
}
