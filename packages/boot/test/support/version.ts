import { fork } from 'node:child_process';
import { Predecessor, Successor } from '../../src/sockets/index.ts';
import { type Servers, trackServers } from '../../src/sockets/servers.ts';

// A process that runs one version of an application and can be replaced by one that runs another: what the upgrade of a
// node does with its sockets, step by step, as a test tells it to. `version.ts APPLICATION VERSION`.

/** What such a process runs: the default export of a module. */
export interface TestApplication {
  start(version: string): unknown;
  stop?(state: never, context: { readonly handOver?: Predecessor['handOver'] }): unknown;
}

/** What a test says; each is answered with `{ type: 'done TYPE', … }`. */
export type Order =
  | {
      readonly type: 'upgrade';
      readonly application: string;
      readonly version: string;
      /** Whether the applications of the two may not run at the same time. */
      readonly isExclusive?: boolean;
      /** Milliseconds. */
      readonly drain?: number;
      /** Stops there, for a look around. */
      readonly until?: 'ready' | 'accepting';
    }
  /** The successor is killed. */
  | { readonly type: 'back' }
  /** The rest of an upgrade. */
  | { readonly type: 'go on' }
  | { readonly type: 'exit' }
  /** To the newest version. */
  | { readonly type: 'evaluate'; readonly code: string };

type Message = Record<string, unknown> & { readonly type: string };

const [file, version] = process.argv.slice(2) as [string, string];
const servers = trackServers();
let application: TestApplication;
let state: unknown;
/** What this process orders from the version that has replaced it. */
let next: Next | undefined;

async function start(): Promise<void> {
  application = ((await import(file)) as { default: TestApplication }).default;
  state = await application.start(version);
}

async function stop(handOver?: Predecessor['handOver']): Promise<void> {
  await application.stop?.(state as never, handOver === undefined ? {} : { handOver });
}

class Next {
  readonly child;
  readonly spares = new Map<string, object>();
  readonly predecessor: Predecessor;
  readonly #order: Order & { type: 'upgrade' };
  readonly #expected = new Map<string, (message: Message) => void>();

  constructor(own: Servers, order: Order & { type: 'upgrade' }) {
    this.#order = order;
    this.child = fork(process.argv[1]!, [order.application, order.version], {
      env: { ...process.env, SUCCESSOR: '1' },
    });
    this.child.on('message', (message: Message, handle) => {
      if (message.type === 'spare') this.spares.set(message.key as string, handle as object);
      if (message.type === 'drain') tell(message);
      this.#expected.get(message.type)?.(message);
    });
    this.child.on('exit', () => this.#expected.get('exit')?.({ type: 'exit' }));
    this.predecessor = new Predecessor(own, (key, head, handle) => {
      const message = { type: 'connection', key, head: Buffer.from(head).toString('base64') };
      return new Promise((resolve) => this.child.send(message, handle as never, () => resolve()));
    });
  }

  says(type: string): Promise<Message> {
    return new Promise((resolve) => this.#expected.set(type, resolve));
  }

  ask(message: object, answer: string): Promise<Message> {
    const said = this.says(answer);
    this.child.send(message);
    return said;
  }

  async begin(): Promise<void> {
    const { predecessor, child } = this;
    for (const { key, handle } of predecessor.handles()) child.send({ type: 'socket', key }, handle as never);
    await this.ask({ type: 'begin' }, 'loaded');
    if (this.#order.isExclusive !== true) {
      await this.ask({ type: 'start', take: false }, 'ready');
      if (this.#order.until !== 'ready') await this.goOn();
      return;
    }
    predecessor.stopAccepting();
    await stop(predecessor.handOver.bind(predecessor));
    if (this.#order.until !== 'ready') await this.goOn();
  }

  async goOn(): Promise<void> {
    const { predecessor } = this;
    if (this.#order.isExclusive) {
      await this.ask({ type: 'start', take: true }, 'taken');
      predecessor.letGo();
      return;
    }
    const { keys } = await this.ask({ type: 'take' }, 'taken');
    predecessor.stopAccepting(keys as readonly string[]);
    predecessor.letGo();
    const drained = predecessor.drain(this.#order.drain ?? 5000);
    if (this.#order.until === 'accepting') return;
    tell({ type: 'drain' });
    tell({ type: 'drain', left: await drained });
    await stop(predecessor.handOver.bind(predecessor));
    predecessor.discard(this.spares);
    this.child.send({ type: 'held' });
  }

  /** Kills it, and serves on. */
  async back(): Promise<void> {
    const exit = this.says('exit');
    this.child.kill('SIGKILL');
    await exit;
    if (this.#order.isExclusive !== true) return this.predecessor.resume(this.spares);
    const own = new Successor(servers);
    for (const [key, handle] of this.predecessor.takeBack(this.spares)) own.adopt(key, handle);
    own.standIn();
    own.take();
    await start();
    for (const { key, head, handle } of this.predecessor.given) own.takeConnection(key, head, handle);
    own.forget();
  }
}

function tell(message: object): void {
  process.send!(message);
}

async function execute(order: Order): Promise<object> {
  switch (order.type) {
    case 'upgrade':
      if (next !== undefined) return await next.ask(order, 'done upgrade');
      next = new Next(servers, order);
      await next.begin();
      return {};
    case 'go on':
      await next!.goOn();
      return {};
    case 'back':
      await next!.back();
      next = undefined;
      return {};
    case 'evaluate':
      if (next !== undefined) return await next.ask(order, 'done evaluate');
      return { value: await new Function('state', `return ${order.code}`)(state) };
    case 'exit':
      await next?.ask({ type: 'stay' }, 'stays');
      return process.exit();
  }
}

const end = () => process.exit();
process.on('disconnect', end);

const successor = new Successor(servers);

process.on('message', async (message: Message, handle) => {
  switch (message.type) {
    case 'socket':
      successor.adopt(message.key as string, handle as object);
      process.send!({ type: 'spare', key: message.key }, handle as never);
      return;
    case 'begin':
      successor.standIn();
      await import(file);
      return tell({ type: 'loaded' });
    case 'start':
      if (message.take) successor.take();
      await start();
      if (message.take) successor.forget();
      return tell({ type: message.take ? 'taken' : 'ready' });
    case 'take':
      successor.take();
      return tell({ type: 'taken', keys: successor.keys });
    case 'held':
      return successor.forget();
    case 'stay':
      process.off('disconnect', end);
      setTimeout(end, 10_000);
      return tell({ type: 'stays' });
    case 'connection':
      return successor.takeConnection(
        message.key as string,
        Buffer.from(message.head as string, 'base64'),
        handle as object,
      );
    default: {
      const order = message as unknown as Order;
      const result = await execute(order);
      tell({ ...result, type: `done ${order.type}` });
    }
  }
});

if (process.env.SUCCESSOR === undefined) {
  await start();
  tell({ type: 'done start' });
}
