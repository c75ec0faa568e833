import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';

/** What is published for every request that has been answered. */
export interface RequestEvent {
  readonly method: string;
  /** The route as it is written, `/api/notes/:id`, not the address that was asked for. */
  readonly route: string;
  readonly status: number;
  readonly milliseconds: number;
}

const REQUESTS = 'notes:request';

const requests = channel(REQUESTS);

export function publishRequest(event: RequestEvent): void {
  if (requests.hasSubscribers) requests.publish(event);
}

/** Where the handler is kept: another version of this module, which a `reload` brings, has to find it. */
const ATTACHED = Symbol.for('notes:report');

const attached = globalThis as { [ATTACHED]?: typeof report };

/** Attaches the handler that prints a line per request, or takes it away; attached twice, it prints once. */
export function reportRequests(enabled: boolean): void {
  const before = attached[ATTACHED];
  if (before !== undefined) unsubscribe(REQUESTS, before);
  delete attached[ATTACHED];
  if (!enabled) return;
  attached[ATTACHED] = report;
  subscribe(REQUESTS, report);
}

function report(message: unknown): void {
  const { method, route, status, milliseconds } = message as RequestEvent;
  console.log(`${method} ${route} ${status} ${milliseconds.toFixed(1)} ms`);
}
