import { type ChildProcess, spawn } from 'node:child_process';
import { BootError } from '../error.ts';
import type { CommandLine } from '../relaunch.ts';
import { endOfParent, Link } from './link.ts';
import type { ToPredecessor, ToSuccessor } from './protocol.ts';

/** What has failed in the new version, by its own words: it has printed them, too. */
export const SUCCESSOR_FAILED = 'SUCCESSOR_FAILED';

/** The process of the version that is to take over, as the one that starts it sees it. */
export class SuccessorProcess {
  readonly child: ChildProcess;
  readonly link: Link<ToPredecessor, ToSuccessor>;
  /** Rejects with BootError SUCCESSOR_FAILED when it says why it fails, UPGRADE_FAILED when it has ended without. */
  readonly failed: Promise<never>;
  /** How it has ended, in a sentence. */
  readonly #ended: Promise<string>;

  /** It ends with this process, until it is let go. */
  constructor({ file, args, env }: CommandLine) {
    this.child = spawn(file, args, { env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    this.child.on('error', () => {}); // `failed` says it.
    this.link = new Link(endOfParent(this.child));
    this.#ended = ending(this.child);
    this.failed = this.#failure();
    this.failed.catch(() => {});
    process.on('exit', this.#kill);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  letGo(): void {
    process.off('exit', this.#kill);
  }

  /** In order where it can, within so many milliseconds. Resolves when it is gone. */
  async end(limit: number): Promise<void> {
    const { child } = this;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(this.#kill, limit);
      await this.#ended;
      clearTimeout(timer);
    }
    this.letGo();
  }

  readonly #kill = (): void => void this.child.kill('SIGKILL');

  async #failure(): Promise<never> {
    const said = this.link.next('failed').then(({ problem }) => new BootError(SUCCESSOR_FAILED, problem));
    const ended = this.#ended.then(async (how) => {
      // What it has said before may be read after its end.
      await this.link.closed;
      return new BootError('UPGRADE_FAILED', how);
    });
    throw await Promise.race([said, ended]);
  }
}

function ending(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve(`It could not be started: ${message}.`));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `It ended with exit code ${code}.` : `It was ended by ${signal}.`),
    );
  });
}
