import { constants } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { runMain } from './run-program.ts';
import type { RunningNode, StopReason, StopSignal } from './running-node.ts';

type Listener = (signal: StopSignal, number: number) => void;

/** A program without a lifecycle module, which is the real main of its node and need not know that there is one. */
export class Script {
  readonly #node: RunningNode;
  readonly #nodesListeners: ReadonlySet<unknown>;

  /** `nodesListeners` to signals are not the script's own. */
  constructor(node: RunningNode, nodesListeners: ReadonlySet<unknown>) {
    this.#node = node;
    this.#nodesListeners = nodesListeners;
  }

  /** It ends the node when it has nothing left to do, as it would end Node. */
  run(program: string): void {
    const { environment, boot, args } = this.#node;
    process.once('beforeExit', (code) => void this.#node.stop('end', code));
    runMain(environment.root, boot, program, args);
  }

  /**
   * What ends the script in its own way, if it has one: it listens to the signal that came, or to SIGTERM where none
   * did. To be asked at once, since a listener made by once() is gone when it was called. Undefined: it ends with the
   * process, as under Node.
   */
  ending(reason: StopReason): ScriptEnding | undefined {
    if (reason === 'end' || reason === 'crash') return undefined;
    const isTold = reason !== 'command' && reason !== 'restart';
    const signal = isTold ? reason : 'SIGTERM';
    const listeners = process.rawListeners(signal).filter((one) => !this.#nodesListeners.has(one));
    if (listeners.length === 0) return undefined;
    return async (limit) => {
      const ended = new Promise<number>((resolve) => process.once('beforeExit', resolve));
      if (!isTold)
        for (const listener of listeners as Listener[])
          listener.call(process, signal, constants.signals[signal]);
      return await Promise.race([ended, wait(limit, undefined, { ref: false })]);
    };
  }
}

/**
 * Resolves to the exit code of a script that has nothing left to do, or to undefined after so many milliseconds. One
 * that calls process.exit() has ended the process by then.
 */
export type ScriptEnding = (limit: number) => Promise<number | undefined>;
