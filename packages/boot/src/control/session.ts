import type { Duplex } from 'node:stream';
import { BootError } from '../error.ts';
import { errorText } from '../error-text.ts';
import { isKeptAlive, STOPPED_CODE } from '../heart.ts';
import type { NodeInfo } from '../node-info.ts';
import { reloadLimit } from '../reload/limit.ts';
import type { ReloadRequest } from '../reload/request.ts';
import type { RunningNode } from '../running-node.ts';
import type { UpgradeRequest } from '../upgrade/protocol.ts';
import { afterPredecessor, refuseUnderWay } from '../upgrade/under-way.ts';
import type { Call } from './call.ts';
import { Channel, type Message } from './channel.ts';
import type { Claim } from './claim.ts';
import { admit, HANDSHAKE_LIMIT } from './handshake.ts';
import { forgetOwnFrames } from './own-frames.ts';
import { processIdentity } from './process-identity.ts';
import { readRequest } from './request.ts';

/** Bytes of a request: `rpc --file` sends a file. */
const REQUEST_LIMIT = 32 * 1024 * 1024;

/**
 * Serves one connection: handshake, then requests `{ id, method, params }`, answered by `{ id, result }` or
 * `{ id, error }`. Further messages with the id of a request belong to it: `{ id, data }` in both directions.
 * `onAdmitted` is called when the other end has proved who it is; `say` sends what nobody has asked for.
 */
export async function serveSession(
  stream: Duplex,
  node: RunningNode,
  claim: Claim,
  cookie: string,
  onAdmitted: (say: (message: Message) => void) => void,
): Promise<void> {
  const channel = new Channel(stream, HANDSHAKE_LIMIT);
  const session = new Session(channel, node, claim);
  try {
    if (!(await admit(channel, node.environment.node, cookie))) return;
    onAdmitted((message) => channel.send(message));
    channel.limit = REQUEST_LIMIT;
    for (;;) session.take(await channel.receive());
  } catch {
    // The client has gone, or is none: nothing that the node would have to know.
  } finally {
    session.close();
    channel.end();
  }
}

class Session {
  readonly #channel: Channel;
  readonly #node: RunningNode;
  readonly #claim: Claim;
  readonly #calls = new Map<unknown, (message: Message) => void>();
  readonly #closed: (() => void)[] = [];

  constructor(channel: Channel, node: RunningNode, claim: Claim) {
    this.#channel = channel;
    this.#node = node;
    this.#claim = claim;
  }

  take(message: Message): void {
    const { id, method } = message;
    if (typeof method === 'string')
      void this.#answer(id, method, isMessage(message.params) ? message.params : {});
    else this.#calls.get(id)?.(message);
  }

  close(): void {
    for (const listener of this.#closed) listener();
  }

  async #answer(id: unknown, method: string, params: Message): Promise<void> {
    const early: Message[] = [];
    this.#calls.set(id, (message) => early.push(message));
    const call: Call = {
      params,
      send: (event) => this.#channel.send({ ...event, id }),
      received: (listener) => {
        this.#calls.set(id, listener);
        for (const message of early.splice(0)) listener(message);
      },
      onClosed: (listener) => this.#closed.push(listener),
    };
    try {
      this.#channel.send({ id, result: (await this.#method(method, call)) ?? null });
    } catch (error) {
      forgetOwnFrames(error);
      const code = error instanceof BootError ? error.code : undefined;
      this.#channel.send({ id, error: { message: errorText(error), code } });
    } finally {
      this.#calls.delete(id);
    }
  }

  async #method(method: string, call: Call): Promise<unknown> {
    const node = this.#node;
    const say = (progress: string) => call.send({ progress });
    switch (method) {
      case 'info':
        return this.#info();
      case 'stop':
        if (isKeptAlive(node.environment, process.env)) tellHeart();
        // Its end is seen by the connection's.
        setImmediate(() => void node.stop('command'));
        return processIdentity();
      case 'restart': {
        await afterPredecessor(node, call.params.isNow === true, say);
        refuseUnderWay(node, 'restarted');
        const { keepsProcess, prepareRestart } = await import('./restart.ts');
        const restart = await prepareRestart(node);
        setImmediate(() => void restart());
        return { ...processIdentity(), keepsProcess: keepsProcess(node) };
      }
      case 'evaluate': {
        const { evaluateFor } = await import('./evaluate.ts');
        return await evaluateFor(node, call);
      }
      case 'repl': {
        const { serveRepl } = await import('./repl.ts');
        return await serveRepl(node, call);
      }
      case 'upgrade': {
        const { upgradeNode } = await import('../upgrade/predecessor.ts');
        const { UPGRADE_FIELDS } = await import('../upgrade/protocol.ts');
        const request = readRequest<UpgradeRequest>(method, call.params, UPGRADE_FIELDS);
        return await upgradeNode(node, this.#claim, request, say, call.received);
      }
      case 'reload_config':
        return await node.reloadConfiguration();
      case 'reload': {
        await afterPredecessor(node, call.params.isNow === true, say);
        refuseUnderWay(node, 'reloaded');
        const { RELOAD_FIELDS } = await import('../reload/request.ts');
        const result = await node.reload(readRequest<ReloadRequest>(method, call.params, RELOAD_FIELDS));
        if (result.record !== undefined) this.#claim.announce({ version: node.boot.version });
        return result;
      }
      default:
        throw new BootError('UNKNOWN_METHOD', `This node does not know ${method}.`);
    }
  }

  #info(): NodeInfo {
    const { boot, started, state, applications, environment, reloads } = this.#node;
    return {
      run: this.#claim.id,
      pid: process.pid,
      node: environment.node,
      version: boot.version,
      root: environment.root,
      executable: environment.executable ?? null,
      started: started.toISOString(),
      state,
      applications,
      versions: [...new Set([...reloads.flatMap(({ from, to }) => [from, to]), boot.version])],
      reloads,
      reloadLimit: reloadLimit(process.env),
      memory: process.memoryUsage.rss(),
      runtime: process.version,
      upgrade: upgradeInfo(this.#node),
    };
  }
}

/** It was stopped, however badly: no crash, after which it is to be started again. */
function tellHeart(): void {
  process.once('exit', (exitCode) => {
    if (exitCode !== 0) process.exitCode = STOPPED_CODE;
  });
}

/** The version that takes over, or the one that was taken over from and still ends what it has begun. */
function upgradeInfo({ handover, predecessor }: RunningNode): NonNullable<NodeInfo['upgrade']> | null {
  if (handover !== undefined) return { to: handover.to, pid: handover.pid };
  return predecessor === undefined ? null : { from: predecessor.version, pid: predecessor.pid };
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null;
}
