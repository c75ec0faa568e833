import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { passedOn } from '../application-arguments.ts';
import type { Claim } from '../control/claim.ts';
import { readRecord } from '../control/node-record.ts';
import { BootError } from '../error.ts';
import { errorText } from '../error-text.ts';
import { otherVersion } from '../relaunch.ts';
import type { Handover, RunningNode, StopReason } from '../running-node.ts';
import { Predecessor as Sockets, Successor as SocketsAgain } from '../sockets/index.ts';
import { seconds } from '../stop-applications.ts';
import { hold, parentsOfSuccessor } from './hold.ts';
import { endOfParent, Link } from './link.ts';
import { type PassedSignals, passSignals } from './pass-signals.ts';
import {
  SUCCEEDS,
  type ToPredecessor,
  type ToSuccessor,
  type UpgradeRequest,
  type UpgradeResult,
} from './protocol.ts';
import { refuseUnderWay } from './under-way.ts';

/** Milliseconds in which a successor that is ready has to take over. */
const TAKE_TIME = 10_000;

/**
 * Upgrades the node of this process to another version, which is started beside it. Resolves when that one is the node,
 * or rejects with a BootError where it is not, and this one runs on; then, too, nothing of the other one is left.
 */
export async function upgradeNode(
  node: RunningNode,
  claim: Claim,
  request: UpgradeRequest,
  say: (progress: string) => void,
): Promise<UpgradeResult> {
  refuse(node, request);
  const upgrade = new Upgrade(node, claim, request, say);
  node.handover = upgrade;
  try {
    return await upgrade.run();
  } catch (error) {
    const text = `The upgrade to ${request.version} has failed, and ${node.boot.version} runs on.\n${errorText(error)}`;
    if (upgrade.isStopped) throw new BootError('UPGRADE_FAILED', errorText(error));
    process.stderr.write(`${node.boot.name}: ${text}\n`);
    throw new BootError('UPGRADE_FAILED', text);
  }
}

function refuse(node: RunningNode, { version }: UpgradeRequest): void {
  const { boot, environment, state } = node;
  refuseUnderWay(node, `upgraded to ${version}`);
  const refused = (why: string) =>
    new BootError('UPGRADE_REFUSED', `${environment.node} cannot be upgraded to ${version}: ${why}`);
  if (process.platform === 'win32')
    throw refused('nothing hands listening sockets over on Windows. Replace the file and use restart.');
  if (state !== 'running') throw refused(`it is ${state}. Try again when it runs.`);
  if (environment.isSource) throw refused(`${boot.name} runs from its sources.`);
  // Nothing says when it listens, and its own listeners of signals cannot be told from ours.
  if (boot.instructions.some((one) => one.do === 'run'))
    throw refused('it is a program and no application, and nothing says when one is ready. Use restart.');
  if (environment.command === 'start_repl')
    throw refused('it was started with a REPL, which would be gone. Stop it and start the other version.');
}

class Upgrade implements Handover {
  readonly to: string;
  /** Whether this node was told to stop, or has failed, before its successor had taken over. */
  isStopped = false;
  readonly #node: RunningNode;
  readonly #claim: Claim;
  readonly #request: UpgradeRequest;
  readonly #say: (progress: string) => void;
  readonly #sockets: Sockets;
  readonly #spares = new Map<string, object>();
  readonly #child: ChildProcess;
  readonly #link: Link<ToPredecessor, ToSuccessor>;
  /** Rejects when the successor says why it fails, or has ended. */
  readonly #failed: Promise<never>;
  /** How it has ended, in a sentence. */
  readonly #ended: Promise<string>;
  #stop: (error: Error) => void = () => {};
  /** Rejects when this node is told to stop. */
  readonly #stopped: Promise<never>;
  /** Once the successor is the node. */
  #signals: PassedSignals | undefined;
  #isExclusive = false;
  #hasStoppedOwn = false;
  /** The successor was told to stop, and that is the end of the node. */
  #isOver = false;

  constructor(node: RunningNode, claim: Claim, request: UpgradeRequest, say: (progress: string) => void) {
    this.#node = node;
    this.#claim = claim;
    this.#request = request;
    this.#say = say;
    this.to = request.version;
    const { program } = request;
    const words = ['start', ...passedOn(node.args)];
    const { file, args, env } = otherVersion(node.environment, program, words, process.env);
    this.#child = spawn(file, args, {
      env: { ...env, [SUCCEEDS]: claim.id },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    this.#link = new Link(endOfParent(this.#child));
    this.#sockets = new Sockets(node.servers, (key, head, handle) =>
      this.#link.send({ type: 'connection', key, head: Buffer.from(head).toString('base64') }, handle),
    );
    this.#child.on('error', () => {}); // #failure() says it.
    this.#ended = ending(this.#child);
    this.#failed = this.#failure();
    this.#stopped = new Promise((_, reject) => {
      this.#stop = reject;
    });
    for (const promise of [this.#failed, this.#stopped]) promise.catch(() => {});
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve;
    });
    process.on('exit', this.#endChild);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isCommitted(): boolean {
    return this.#signals !== undefined;
  }

  /** Whoever stops this node means its successor, once that is the node. */
  stop(reason: StopReason): boolean {
    if (this.isCommitted) {
      if (reason === 'crash') this.#finish();
      else this.#child.kill('SIGTERM');
      return true;
    }
    this.isStopped = true;
    this.#stop(
      new BootError('UPGRADE_FAILED', `The upgrade to ${this.to} was given up: the node is told to stop.`),
    );
    return false;
  }

  async run(): Promise<UpgradeResult> {
    try {
      await this.#handSockets();
      await this.#start();
      await this.#commit();
      return await this.#settle();
    } catch (error) {
      if (this.#canGoBack) await this.#goBack();
      else void this.#end(undefined);
      throw error;
    } finally {
      this.#resolveOver();
    }
  }

  /** Nobody wants the node to end. */
  get #canGoBack(): boolean {
    return !this.#isOver && this.#signals?.hasEnded !== true;
  }

  /** Gives the sockets, and waits for the duplicates. */
  async #handSockets(): Promise<void> {
    this.#say(`Starting ${this.to} (PID ${this.pid}) beside ${this.#node.boot.version} (PID ${process.pid})`);
    const own = this.#sockets.handles();
    const all = new Promise<void>((resolve) => {
      if (own.length === 0) resolve();
      this.#link.on('spare', ({ key }, handle) => {
        this.#spares.set(key, handle as object);
        if (this.#spares.size === own.length) resolve();
      });
    });
    for (const { key, handle } of own) void this.#link.send({ type: 'socket', key }, handle);
    await this.#within(this.#request.timeout, all);
    const { environment, boot } = this.#node;
    void this.#link.send({
      type: 'begin',
      from: { version: boot.version, executable: environment.executable },
      isPermanent: this.#request.isPermanent,
      holder: readRecord(this.#claim.file)?.holder ?? process.pid,
    });
  }

  /** Until all applications of the successor run, and in an exclusive upgrade until it has taken over. */
  async #start(): Promise<void> {
    const latest = Date.now() + this.#request.timeout;
    const { isExclusive } = await this.#within(latest - Date.now(), this.#link.next('loaded'));
    this.#isExclusive = isExclusive || this.#node.isExclusive;
    if (this.#isExclusive) {
      this.#say(
        `Stopping the applications of ${this.#node.boot.version}, which cannot run beside themselves`,
      );
      this.#sockets.stopAccepting();
      await this.#stopOwn();
    }
    void this.#link.send({ type: 'start', isExclusive: this.#isExclusive });
    const reached = this.#isExclusive ? 'taken' : 'ready';
    await this.#within<unknown>(latest - Date.now(), this.#link.next(reached));
  }

  async #commit(): Promise<void> {
    if (!this.#isExclusive) {
      void this.#link.send({ type: 'take' });
      await this.#within(TAKE_TIME, this.#link.next('taken'));
      this.#sockets.stopAccepting();
    }
    this.#sockets.letGo();
    process.off('exit', this.#endChild);
    this.#signals = passSignals(this.#child);
    this.#link.on('stopping', () => {
      this.#isOver = true;
      this.#finish();
    });
    this.#say(`${this.to} has taken over (PID ${this.pid})`);
  }

  /** Until the successor says that all is done; what is left to do here goes on behind that. */
  async #settle(): Promise<UpgradeResult> {
    const limit = this.#node.boot.upgrade?.drainTimeout ?? DRAIN_TIMEOUT;
    const drained = this.#isExclusive ? undefined : this.#sockets.drain(limit);
    const { isPermanent, problem } = await Promise.race([this.#link.next('settled'), this.#failed]);
    // Whoever has asked is answered first.
    setImmediate(() => void this.#end(drained));
    return {
      pid: this.pid,
      from: this.#node.boot.version,
      to: this.to,
      isPermanent,
      ...(problem !== undefined && { problem }),
    };
  }

  /** The end of this node: as that of its successor, or instead of it. */
  async #end(drained: Promise<unknown> | undefined): Promise<void> {
    try {
      await Promise.race([drained, this.#finished, this.#failed]);
    } catch (error) {
      if (this.#canGoBack) {
        await this.#goBack();
        const { boot } = this.#node;
        process.stderr.write(
          `${boot.name}: ${this.to} had taken over and has failed; ${boot.version} goes on in its place.\n${errorText(error)}\n`,
        );
        return;
      }
    }
    await this.#stopOwn();
    this.#sockets.discard(this.#spares);
    await this.#node.leave();
    const { environment } = this.#node;
    await this.#link.send({ type: 'held', parents: parentsOfSuccessor(environment) });
    await hold({ environment, child: this.#child });
  }

  readonly over: Promise<void>;
  #resolveOver: () => void = () => {};
  #finish: () => void = () => {};
  readonly #finished = new Promise<void>((resolve) => {
    this.#finish = resolve;
  });

  async #stopOwn(): Promise<void> {
    if (this.#hasStoppedOwn) return;
    this.#hasStoppedOwn = true;
    const handOver = (socket: Socket, head?: Uint8Array) => this.#sockets.handOver(socket, head);
    await this.#node.stopApplications({ handOver });
  }

  /** This process is the node as before. */
  async #goBack(): Promise<void> {
    const wasCommitted = this.isCommitted;
    await this.#endSuccessor();
    process.off('exit', this.#endChild);
    this.#signals?.takeBack();
    this.#signals = undefined;
    await this.#claim.takeBack();
    this.#node.handover = undefined;
    if (this.#hasStoppedOwn) await this.#startAgain();
    else if (wasCommitted) this.#sockets.resume(this.#spares);
    else this.#keepSockets();
  }

  /** They were never let go. */
  #keepSockets(): void {
    this.#sockets.discard(this.#spares);
    this.#sockets.restorePaths();
  }

  /** The applications were stopped for an exclusive upgrade: they start as they would in a successor. */
  async #startAgain(): Promise<void> {
    if (this.isStopped) return this.#keepSockets();
    const again = new SocketsAgain(this.#node.servers);
    for (const [key, handle] of this.#sockets.takeBack(this.#spares)) again.adopt(key, handle);
    again.standIn();
    again.take();
    await this.#node.startAgain();
    for (const { key, head, handle } of this.#sockets.given) again.takeConnection(key, head, handle);
    again.forget();
  }

  /** In order where it can; its applications have the time that those of this node have. */
  async #endSuccessor(): Promise<void> {
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#node.boot.shutdownTimeout + 1000);
    await this.#ended;
    clearTimeout(timer);
  }

  /** A successor must not take over from a node that was stopped. */
  readonly #endChild = (): void => void this.#child.kill('SIGKILL');

  async #within<Value>(limit: number, value: Promise<Value>): Promise<Value> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new BootError(
        'UPGRADE_FAILED',
        `${this.to} was not ready within ${seconds(this.#request.timeout)} s. RELEASE_UPGRADE_TIMEOUT gives it more.`,
      );
      timer = setTimeout(reject, limit, error);
    });
    try {
      return await Promise.race([value, this.#failed, this.#stopped, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #failure(): Promise<never> {
    const said = this.#link.next('failed').then(({ problem }) => problem);
    const ended = this.#ended.then(async (how) => {
      // What it has said before may be read after its end.
      await Promise.race([this.#link.closed, wait(1000, undefined, { ref: false })]);
      return how;
    });
    throw new BootError('UPGRADE_FAILED', await Promise.race([said, ended]));
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

/** Milliseconds for connections to end by themselves, where boot.json does not say. */
const DRAIN_TIMEOUT = 30_000;
