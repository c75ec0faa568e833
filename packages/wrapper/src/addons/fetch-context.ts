import type { BuildCache } from '../build-cache.ts';
import type { OnEvent } from '../events.ts';
import type { Http } from '../runtimes/http.ts';

/** What everything that is fetched for a target's addons is fetched with. */
export interface FetchContext {
  readonly http: Http;
  readonly cache: BuildCache;
  readonly offline: boolean;
  readonly frozen: boolean;
  /** Downloads nothing, and does not mind. */
  readonly lookOnly: boolean;
  readonly onEvent: OnEvent;
}
