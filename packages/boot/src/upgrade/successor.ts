import type { BootFile } from '../boot-file.ts';
import { claimToSucceed, type SuccessorsClaim } from '../control/claim.ts';
import { FORMAT, otherFormat } from '../control/request.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { errorText } from '../error-text.ts';
import type { RunningNode, RunningPredecessor } from '../running-node.ts';
import { Successor as Sockets } from '../sockets/index.ts';
import type { Servers } from '../sockets/servers.ts';
import { endOfChild, Link } from './link.ts';
import { type Beginning, SUCCEEDS, type ToPredecessor, type ToSuccessor } from './protocol.ts';

/**
 * A node that is started to take the place of another one. `begin` waits for what that one gives it. Where the
 * predecessor dies meanwhile, every wait is over, and this node takes over by itself: it may be all that is left.
 * Undefined in a process that nobody has started for that.
 */
export async function beginSuccession(): Promise<Succession | undefined> {
  const predecessor = process.env[SUCCEEDS];
  delete process.env[SUCCEEDS];
  const found = endOfChild();
  if (found === undefined || !predecessor) return undefined;
  const link = new Link<ToSuccessor, ToPredecessor>(found.end);
  const succession = new Succession(link, predecessor);
  await succession.begin();
  found.hide();
  // Sockets that systemd has given (sd_listen_fds) come from the predecessor, which they were meant for.
  if (process.env.LISTEN_PID === String(process.ppid)) process.env.LISTEN_PID = String(process.pid);
  return succession;
}

export class Succession {
  /** Undefined: the predecessor has died before it could say. */
  beginning: Beginning | undefined;
  /** The next start gives another version. */
  #isProvisional = true;
  #hasPredecessor = true;
  /** When this became the node. */
  #taken = 0;
  readonly #gone = Promise.withResolvers<void>();
  readonly #pid = process.ppid;
  readonly #link: Link<ToSuccessor, ToPredecessor>;
  readonly #id: string;
  readonly #given: (readonly [key: string, handle: object])[] = [];
  #sockets: Sockets | undefined;
  #claim: SuccessorsClaim | undefined;
  #isExclusive = false;
  #hasTaken = false;
  #problem: string | undefined;
  #notPermanent: string | undefined;

  /** `id` is that of the predecessor's run. */
  constructor(link: Link<ToSuccessor, ToPredecessor>, id: string) {
    this.#link = link;
    this.#id = id;
    void link.closed.then(() => this.#leave());
  }

  #leave(): void {
    this.#hasPredecessor = false;
    this.#gone.resolve();
  }

  /** Whether it is the node. */
  get hasTaken(): boolean {
    return this.#hasTaken;
  }

  get predecessor(): RunningPredecessor | undefined {
    if (!this.#hasPredecessor || this.beginning === undefined) return undefined;
    const { from, drainTimeout } = this.beginning;
    return {
      version: from.version,
      pid: this.#pid,
      timeLeft: Math.max(this.#taken + drainTimeout - Date.now(), 0),
      gone: this.#gone.promise,
      hurry: () => void this.#link.send({ type: 'hurry' }),
    };
  }

  async begin(): Promise<void> {
    const link = this.#link;
    link.on('socket', ({ key }, handle) => {
      this.#given.push([key, handle as object]);
      void link.send({ type: 'spare', key }, handle);
    });
    this.beginning = await this.#answer('begin');
    if (this.beginning === undefined || this.beginning.format === FORMAT) return;
    const error = otherFormat('This version');
    await link.send({ type: 'failed', problem: error.message });
    throw error;
  }

  /** Before anything else is imported. */
  standIn(servers: Servers): void {
    const sockets = new Sockets(servers);
    for (const [key, handle] of this.#given) sockets.adopt(key, handle);
    sockets.standIn();
    this.#link.on('connection', ({ key, head }, handle) => {
      sockets.takeConnection(key, Buffer.from(head, 'base64'), handle as object);
    });
    this.#sockets = sockets;
  }

  async claim(boot: BootFile, environment: ReleaseEnvironment): Promise<SuccessorsClaim> {
    const claim = await claimToSucceed(boot, environment, this.#id, this.beginning?.holder);
    this.#claim = claim;
    void this.#link.closed.then(() => {
      // The predecessor has not died: it was ended, and with it the node.
      if (!this.#hasTaken && claim.isForced) process.exit(1);
      // Before a heart has started another one. `takeOver` says what came of it.
      claim.take().catch(() => {});
    });
    return claim;
  }

  /** Everything is imported. Resolves when the applications may be started. */
  async loaded(isExclusive: boolean): Promise<void> {
    void this.#link.send({ type: 'loaded', format: FORMAT, isExclusive });
    const start = await this.#answer('start');
    this.#isExclusive = start?.isExclusive ?? isExclusive;
    // Nobody else listens by now, and applications may wait for their own clients in `start`.
    if (this.#isExclusive) this.#sockets!.take();
  }

  /** The applications run. Resolves when this is the node. */
  async takeOver(): Promise<void> {
    if (!this.#isExclusive) {
      void this.#link.send({ type: 'ready' });
      await this.#answer('take');
    }
    await this.#claim!.take();
    if (!this.#isExclusive) this.#sockets!.take();
    this.#hasTaken = true;
    this.#taken = Date.now();
    void this.#link.send({ type: 'taken', keys: this.#sockets!.keys });
    void this.#link.closed.then(() => {
      this.#sockets!.forget();
      this.#claim!.clear();
    });
  }

  /** Everything of a start is done: what is left of an upgrade. `runHooks` runs those of `post_upgrade`. */
  async settle(node: RunningNode, runHooks: () => Promise<void>): Promise<void> {
    const { boot, environment } = node;
    const from = this.beginning?.from;
    const failed = (error: unknown) => {
      const text = errorText(error);
      process.stderr.write(`${boot.name}: ${text}\n`);
      return text;
    };
    try {
      if (this.beginning?.isPermanent && from !== undefined) {
        const { makePermanent } = await import('../versions/permanent.ts');
        await makePermanent(boot, environment, { from });
        this.#isProvisional = false;
      }
    } catch (error) {
      this.#notPermanent = failed(error);
    }
    try {
      // As in pre_upgrade.
      if (from !== undefined) process.env.RELEASE_UPGRADE_FROM = from.version;
      await runHooks();
    } catch (error) {
      this.#problem = failed(error);
    } finally {
      delete process.env.RELEASE_UPGRADE_FROM;
    }
    this.#link.on('held', async ({ parents }) => {
      this.#leave();
      this.#sockets!.forget();
      const { stopWithHolder } = await import('./hold.ts');
      stopWithHolder(parents, () => void node.stop('SIGTERM'));
    });
  }

  /** Tells the predecessor. */
  settled(): void {
    const [notPermanent, problem] = [this.#notPermanent, this.#problem];
    void this.#link.send({
      type: 'settled',
      isPermanent: !this.#isProvisional,
      ...(notPermanent !== undefined && { notPermanent }),
      ...(problem !== undefined && { problem }),
    });
  }

  /** What is about to end this node. */
  failed(problem: string): void {
    void this.#link.send({ type: 'failed', problem });
  }

  /** Somebody wants this node to stop. */
  stopping(): void {
    if (this.#hasTaken) void this.#link.send({ type: 'stopping' });
  }

  /** Undefined where the predecessor dies before it comes. Holds the process, in which there may be nothing else yet. */
  async #answer<Type extends ToSuccessor['type']>(
    type: Type,
  ): Promise<Extract<ToSuccessor, { readonly type: Type }> | undefined> {
    const hold = setInterval(() => {}, 2 ** 30);
    try {
      return await Promise.race([this.#link.next(type), this.#link.closed.then(() => undefined)]);
    } finally {
      clearInterval(hold);
    }
  }
}
