import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { passedOn } from '../application-arguments.ts';
import type { Claim } from '../control/claim.ts';
import { readRecord } from '../control/node-record.ts';
import { FORMAT, otherFormat } from '../control/request.ts';
import { prepareRestart } from '../control/restart.ts';
import { BootError } from '../error.ts';
import { errorText } from '../error-text.ts';
import { otherVersion } from '../relaunch.ts';
import type { Handover, RunningNode, StopReason } from '../running-node.ts';
import { Predecessor as Sockets } from '../sockets/index.ts';
import { seconds } from '../stop-applications.ts';
import { permanentVersion } from '../versions/permanent.ts';
import { makePermanentAgain, startAgain } from './going-back.ts';
import { hold, parentsOfSuccessor } from './hold.ts';
import { type PassedSignals, passSignals } from './pass-signals.ts';
import { SUCCEEDS, type UpgradeRequest, type UpgradeResult } from './protocol.ts';
import { SUCCESSOR_FAILED, SuccessorProcess } from './successor-process.ts';
import { announcer } from './telemetry.ts';
import { within } from './time-limit.ts';
import { afterPredecessor, refuseUpgrade } from './under-way.ts';

/** Milliseconds in which a successor that is ready has to take over. */
const TAKE_TIME = 10_000;

/** Milliseconds for connections to end by themselves, where boot.json does not say. */
const DRAIN_TIMEOUT = 30_000;

/** Milliseconds in which requests that are under way are answered, before applications stop for those of the successor. */
const ANSWER_TIME = 500;

const INTERRUPTED = 'It was interrupted by whoever asked for it.';

/**
 * Upgrades the node of this process to another version, which is started beside it. Resolves when that one is the node,
 * or rejects with a BootError where it is not; then nothing of it is left.
 */
export async function upgradeNode(
  node: RunningNode,
  claim: Claim,
  request: UpgradeRequest,
  say: (progress: string) => void,
  onInterrupt: (interrupt: () => void) => void,
): Promise<UpgradeResult> {
  let upgrade: Upgrade | undefined;
  const interrupted = Promise.withResolvers<never>();
  onInterrupt(() => {
    if (upgrade === undefined) interrupted.reject(failed(INTERRUPTED));
    else upgrade.interrupt();
  });
  await Promise.race([afterPredecessor(node, request.isNow, say), interrupted.promise]);
  refuseUpgrade(node, request.version);
  upgrade = new Upgrade(node, claim, request, say);
  node.handover = upgrade;
  return await upgrade.run();
}

class Upgrade implements Handover {
  readonly to: string;
  readonly over: Promise<void>;
  readonly #node: RunningNode;
  readonly #claim: Claim;
  readonly #request: UpgradeRequest;
  readonly #say: (progress: string) => void;
  readonly #announce: ReturnType<typeof announcer>;
  readonly #successor: SuccessorProcess;
  readonly #sockets: Sockets;
  readonly #spares = new Map<string, object>();
  /** What is started after a crash, as long as nobody has made the successor that. */
  #permanent: string | undefined;
  #isExclusive = false;
  /** The applications of this node; `stuck`: they were told to stop, and some have not. */
  #own: 'running' | 'stopped' | 'stuck' = 'running';
  /** Once the successor is the node. */
  #signals: PassedSignals | undefined;
  #resolveOver: () => void = () => {};
  /** This node was told to stop, or has failed, before its successor had taken over. */
  readonly #stopped = Promise.withResolvers<never>();
  #isStopped = false;
  readonly #interrupted = Promise.withResolvers<never>();
  /** The successor was told to stop, and that is the end of the node. */
  readonly #finished = Promise.withResolvers<void>();
  /** Somebody waits for the end of this process. */
  readonly #hurried = Promise.withResolvers<void>();
  #isFinished = false;

  constructor(node: RunningNode, claim: Claim, request: UpgradeRequest, say: (progress: string) => void) {
    this.#node = node;
    this.#claim = claim;
    this.#request = request;
    this.#say = say;
    this.to = request.version;
    this.#announce = announcer(node, this.to);
    const words = ['start', ...passedOn(node.args)];
    const { file, args, env } = otherVersion(node.environment, request.program, words, process.env);
    this.#successor = new SuccessorProcess({ file, args, env: { ...env, [SUCCEEDS]: claim.id } });
    const { link } = this.#successor;
    this.#sockets = new Sockets(node.servers, (key, head, handle) =>
      link.send({ type: 'connection', key, head: Buffer.from(head).toString('base64') }, handle),
    );
    for (const { promise } of [this.#stopped, this.#interrupted]) promise.catch(() => {});
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve;
    });
  }

  get pid(): number {
    return this.#successor.pid;
  }

  /** Whoever stops this node means its successor, once that is the node. */
  stop(reason: StopReason): boolean {
    if (this.#signals !== undefined) {
      if (reason === 'crash') this.#finish();
      else this.#successor.child.kill('SIGTERM');
      return true;
    }
    this.#isStopped = true;
    this.#stopped.reject(failed('the node is told to stop.'));
    return false;
  }

  /** Whoever has asked does not want it any more. */
  interrupt(): void {
    if (this.#signals !== undefined) this.#say(`The upgrade goes on: ${this.to} has taken over`);
    else this.#interrupted.reject(failed(INTERRUPTED));
  }

  async run(): Promise<UpgradeResult> {
    this.#announce('start');
    try {
      this.#permanent = await permanentVersion(this.#node.environment);
      await this.#handSockets();
      await this.#start();
      await this.#commit();
      return await this.#settle();
    } catch (error) {
      throw await this.#giveUp(error);
    } finally {
      // Whoever has asked is answered first.
      setImmediate(this.#resolveOver);
    }
  }

  /** Gives the sockets, and waits for the duplicates. */
  async #handSockets(): Promise<void> {
    this.#say(`Starting ${this.to} (PID ${this.pid}) beside ${this.#node.boot.version} (PID ${process.pid})`);
    const { link } = this.#successor;
    const own = this.#sockets.handles();
    const all = new Promise<void>((resolve) => {
      if (own.length === 0) resolve();
      link.on('spare', ({ key }, handle) => {
        this.#spares.set(key, handle as object);
        if (this.#spares.size === own.length) resolve();
      });
    });
    for (const { key, handle } of own) void link.send({ type: 'socket', key }, handle);
    await this.#ready(all);
    const { environment, boot } = this.#node;
    void link.send({
      type: 'begin',
      format: FORMAT,
      from: { version: boot.version, executable: environment.executable },
      isPermanent: this.#request.isPermanent,
      drainTimeout: this.#drainTimeout,
      holder: readRecord(this.#claim.file)?.holder ?? process.pid,
    });
  }

  /** Until all applications of the successor run, and in an exclusive upgrade until it has taken over. */
  async #start(): Promise<void> {
    const { link } = this.#successor;
    const { isExclusive, format } = await this.#ready(link.next('loaded'));
    if (format !== FORMAT) throw otherFormat(this.to);
    this.#isExclusive = isExclusive || this.#node.isExclusive;
    if (this.#isExclusive) {
      this.#say(
        `Stopping the applications of ${this.#node.boot.version}, which cannot run beside themselves`,
      );
      this.#sockets.stopAccepting();
      // `stop` may close connections at the very moment when the next request comes.
      const drained = this.#sockets.drain(ANSWER_TIME + this.#node.boot.shutdownTimeout);
      const waited = wait(Math.min(ANSWER_TIME, this.#drainTimeout));
      await Promise.race([drained, waited, this.#stopped.promise]);
      const failures = await Promise.race([this.#stopOwn(), this.#stopped.promise]);
      // They may still have what the others would take.
      if (failures.length > 0) throw failed(failures.join('\n'));
    }
    void link.send({ type: 'start', isExclusive: this.#isExclusive });
    await this.#ready<unknown>(link.next(this.#isExclusive ? 'taken' : 'ready'));
  }

  async #commit(): Promise<void> {
    const { link, child } = this.#successor;
    if (!this.#isExclusive) {
      void link.send({ type: 'take' });
      const late = `${this.to} was ready, and has not taken over within ${seconds(TAKE_TIME)} s.`;
      const { keys } = await this.#inTime(TAKE_TIME, link.next('taken'), late);
      this.#sockets.stopAccepting(keys);
    }
    this.#sockets.letGo();
    this.#successor.letGo();
    this.#signals = passSignals(child);
    link.on('stopping', () => this.#finish());
    link.on('hurry', () => this.#hurried.resolve());
    this.#say(`${this.to} has taken over (PID ${this.pid})`);
  }

  /** Until the successor says that all is done; what is left to do here goes on behind that. */
  async #settle(): Promise<UpgradeResult> {
    const { boot } = this.#node;
    const drained = this.#isExclusive ? undefined : this.#sockets.drain(this.#drainTimeout);
    const { link, failed } = this.#successor;
    const timer = setTimeout(() => this.#say(this.#waiting), this.#request.timeout);
    const settled = Promise.race([link.next('settled'), failed]).finally(() => clearTimeout(timer));
    const { isPermanent, notPermanent, problem } = await settled;
    const problems = [notPermanent, problem].filter((one) => one !== undefined);
    this.#announce('end', { isPermanent, ...(problems.length > 0 && { problems }) });
    // Whoever has asked is answered first.
    setImmediate(() => void this.#end(drained));
    return {
      pid: this.pid,
      from: boot.version,
      to: this.to,
      isPermanent,
      ...(notPermanent !== undefined && { notPermanent }),
      ...(problem !== undefined && { problem }),
    };
  }

  get #drainTimeout(): number {
    return this.#node.boot.upgrade?.drainTimeout ?? DRAIN_TIMEOUT;
  }

  get #waiting(): string {
    return `Waiting for the hooks post_start and post_upgrade of ${this.to}, which have not ended within ${seconds(this.#request.timeout)} s`;
  }

  /** The end of this node: as that of its successor, or instead of it. */
  async #end(drained?: Promise<unknown>): Promise<void> {
    try {
      await Promise.race([drained, this.#hurried.promise, this.#finished.promise, this.#successor.failed]);
    } catch (error) {
      if (this.#canGoBack) return void (await this.#giveUp(error));
    }
    // By force is at once.
    if (!this.#claim.isForced) await this.#stopOwn();
    this.#sockets.discard(this.#spares);
    await this.#node.leave();
    const { environment } = this.#node;
    await this.#successor.link.send({ type: 'held', parents: parentsOfSuccessor(environment) });
    await hold({ environment, child: this.#successor.child });
  }

  /** Resolves to what has not stopped in order. */
  async #stopOwn(): Promise<readonly string[]> {
    if (this.#own !== 'running') return [];
    this.#own = 'stuck';
    const handOver = (socket: Socket, head?: Uint8Array) => this.#sockets.handOver(socket, head);
    const failures = await this.#node.stopApplications({ handOver });
    if (failures.length === 0) this.#own = 'stopped';
    return failures;
  }

  /** Nobody wants the node to end. */
  get #canGoBack(): boolean {
    return !this.#isFinished && this.#signals?.hasEnded !== true && !this.#claim.isForced;
  }

  /** Goes back, unless the node is to end. Resolves to what whoever asked is told; here it is printed. */
  async #giveUp(error: unknown): Promise<BootError> {
    const why = errorText(error);
    const { name, version } = this.#node.boot;
    const { to } = this;
    this.#announce('error', { error: why });
    if (this.#isStopped) {
      await this.#goBack();
      return failed(`The upgrade to ${to} was given up: ${why}`);
    }
    if (!this.#canGoBack) {
      setImmediate(() => void this.#end());
      return failed(`${to} had taken over, and was told to stop: ${name} ends. ${why}`);
    }
    const begin = `The upgrade to ${to} has failed, and ${version}`;
    const text = await this.#goBack().then(
      (how) => `${begin} ${how}.\n${why}`,
      (error) => `${begin} cannot go on and ends.\n${why}\n${errorText(error)}`,
    );
    const hasSaid = error instanceof BootError && error.code === SUCCESSOR_FAILED;
    // It has printed why, to where this is printed.
    process.stderr.write(`${name}: ${hasSaid ? text.replace(`\n${why}`, '') : text}\n`);
    return hasSaid ? new BootError(SUCCESSOR_FAILED, text) : failed(text);
  }

  /** This process is the node as before, and says how. Where it cannot be, rejects, and the process ends. */
  async #goBack(): Promise<'runs on' | 'restarts'> {
    const node = this.#node;
    this.#say(`Ending ${this.to} (PID ${this.pid})`);
    await this.#successor.end(node.boot.shutdownTimeout + 1000);
    this.#signals?.takeBack();
    this.#signals = undefined;
    try {
      const isToStart = this.#own === 'stopped' && !this.#isStopped;
      // Clients wait.
      if (!isToStart) this.#sockets.resume(this.#spares);
      await this.#claim.takeBack();
      await makePermanentAgain(node, this.#permanent);
      node.handover = undefined;
      await node.resume();
      if (isToStart) await startAgain(node, this.#sockets, this.#spares);
      if (this.#own !== 'stuck' || this.#isStopped) return 'runs on';
      const restart = await prepareRestart(node);
      setImmediate(() => void restart());
      return 'restarts';
    } catch (error) {
      node.handover = undefined;
      void node.stop('crash', 1);
      throw error;
    }
  }

  #finish(): void {
    this.#isFinished = true;
    this.#finished.resolve();
  }

  /** Until the successor is ready. */
  async #ready<Value>(value: Promise<Value>): Promise<Value> {
    const { timeout } = this.#request;
    const late = `${this.to} was not ready within ${seconds(timeout)} s. RELEASE_UPGRADE_TIMEOUT gives it more.`;
    return await this.#inTime(timeout, value, late);
  }

  /** Rejects where the successor is late or fails, or this node is told to stop. */
  async #inTime<Value>(limit: number, value: Promise<Value>, late: string): Promise<Value> {
    const { failed: successorFailed } = this.#successor;
    const expected = Promise.race([value, successorFailed, this.#stopped.promise, this.#interrupted.promise]);
    return await within(limit, expected, failed(late));
  }
}

function failed(text: string): BootError {
  return new BootError('UPGRADE_FAILED', text);
}
