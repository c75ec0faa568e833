import { BootError } from '../error.ts';
import type { ReloadableNode } from './reloadable-node.ts';
import type { ReloadRecord, ReloadRequest, ReloadResult } from './request.ts';

/** What changes the configuration or the code of a running node, one after the other. Loads that when it is asked for. */
export class Changes {
  readonly reloads: ReloadRecord[] = [];
  /** The reload that is under way; never rejects. */
  reloading: Promise<void> | undefined;
  readonly #node: ReloadableNode;
  #latest: Promise<unknown> = Promise.resolve();

  constructor(node: ReloadableNode) {
    this.#node = node;
  }

  reloadConfiguration(): Promise<{ readonly changed: readonly string[] }> {
    return this.#next(async () => {
      const { reloadConfiguration } = await import('./configuration.ts');
      return await reloadConfiguration(this.#node);
    });
  }

  reload(request: ReloadRequest): Promise<ReloadResult> {
    const { state, environment } = this.#node;
    if (state !== 'running') return Promise.reject(notRunning(environment.node, state));
    const result = this.#next(async () => {
      const { reload } = await import('./reload.ts');
      const done = await reload(this.#node, request);
      if (done.record !== undefined) this.reloads.push(done.record);
      return done;
    });
    const over = () => {
      this.reloading = undefined;
    };
    this.reloading = result.then(over, over);
    return result;
  }

  #next<Value>(change: () => Promise<Value>): Promise<Value> {
    const result = this.#latest.then(change);
    this.#latest = result.catch(() => {});
    return result;
  }
}

function notRunning(node: string, state: string): BootError {
  return new BootError('NOT_RELOADABLE', `${node} is ${state}. Try again when everything runs.`);
}
