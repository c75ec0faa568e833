import type { ChildProcess, SendHandle } from 'node:child_process';

/** What goes over a link: plain JSON, told apart by `type`. */
interface Typed {
  readonly type: string;
}

type Of<Message extends Typed, Type extends Message['type']> = Extract<Message, { readonly type: Type }>;

/** One end of Node's channel between a parent and its child. */
interface End {
  /** Resolves when it has left this process; never where it cannot any more, which `onClosed` says. */
  send(message: object, handle: unknown): Promise<void>;
  onMessage(listener: (message: unknown, handle: unknown) => void): void;
  onClosed(listener: () => void): void;
}

/**
 * Messages whose `cmd` begins so are none of `process.on('message')`: Node keeps them from applications, as it does
 * with those of its module cluster.
 */
const COMMAND = 'NODE_SARMA';

/** Messages and handles between a predecessor and its successor. What comes before somebody listens is kept. */
export class Link<In extends Typed, Out extends Typed> {
  /** Resolves when the other end is gone. Never rejects. */
  readonly closed: Promise<void>;
  readonly #end: End;
  readonly #listeners = new Map<string, (message: In, handle: unknown) => void>();
  readonly #early: (readonly [message: In, handle: unknown])[] = [];

  constructor(end: End) {
    this.#end = end;
    this.closed = new Promise((resolve) => end.onClosed(resolve));
    end.onMessage((message, handle) => this.#take(message, handle));
  }

  /** Resolves when it has left this process, or never will. Never rejects. */
  async send(message: Out, handle?: unknown): Promise<void> {
    await Promise.race([this.#end.send({ cmd: COMMAND, message }, handle), this.closed]);
  }

  on<Type extends In['type']>(type: Type, listener: (message: Of<In, Type>, handle: unknown) => void): void {
    this.#listeners.set(type, listener as (message: In, handle: unknown) => void);
    const mine = this.#early.filter(([message]) => message.type === type);
    for (const one of mine) this.#early.splice(this.#early.indexOf(one), 1);
    for (const [message, handle] of mine) listener(message as Of<In, Type>, handle);
  }

  /** Never settles where no such message comes. */
  next<Type extends In['type']>(type: Type): Promise<Of<In, Type>> {
    return new Promise((resolve) => this.on(type, resolve));
  }

  #take(received: unknown, handle: unknown): void {
    const { cmd, message } = received as { readonly cmd: string; readonly message: In };
    if (cmd !== COMMAND) return;
    const listener = this.#listeners.get(message.type);
    if (listener === undefined) this.#early.push([message, handle]);
    else listener(message, handle);
  }
}

/** The parent's end of a child that was spawned with `ipc` among its stdio. */
export function endOfParent(child: ChildProcess): End {
  return {
    send: (message, handle) =>
      new Promise((resolve) => {
        try {
          child.send(message, handle as SendHandle, {}, () => resolve());
        } catch {
          // Without a file descriptor to spare, no process was started, and there is no `send`.
          resolve();
        }
      }),
    onMessage: (listener) => child.on('internalMessage', listener),
    onClosed: (listener) => {
      child.once('disconnect', listener);
      // With a handle on its way Node does not say that. What the child has said may be read after its end.
      const later = () => setTimeout(listener, 1000).unref();
      for (const event of ['exit', 'error']) child.once(event, later);
    },
  };
}

/** What Node puts into `process` for a child with a channel. */
interface ChildsProcess extends EventEmitterOfProcess {
  _send?: (
    message: object,
    handle: unknown,
    options: { readonly swallowErrors: boolean },
    callback?: () => void,
  ) => void;
}

interface EventEmitterOfProcess {
  on(event: 'internalMessage', listener: (message: unknown, handle: unknown) => void): unknown;
}

/**
 * The child's end, which is hidden from everybody else: to whatever looks, this process was started without a channel.
 * `hide` completes that once no handle has to be sent from here any more. Undefined where there is no channel.
 */
export function endOfChild(): { readonly end: End; readonly hide: () => void } | undefined {
  const own = process as ChildsProcess & NodeJS.Process;
  const send = own._send;
  if (send === undefined || !own.connected) return undefined;
  let isClosed = false;
  const closed: (() => void)[] = [];
  const close = () => {
    isClosed = true;
    for (const listener of closed) listener();
  };
  Reflect.deleteProperty(own, 'send');
  for (const name of [
    'connected',
    'channel',
    '_channel',
    '_send',
    '_disconnect',
    '_handleQueue',
    '_pendingMessage',
  ])
    keepUnseen(own, name);
  // Node calls it when the other end is gone. It would tell applications so.
  Object.defineProperty(own, 'disconnect', { value: close, configurable: true, writable: true });
  const end: End = {
    send: (message, handle) =>
      new Promise((resolve) => {
        if (isClosed) resolve();
        else send.call(own, message, handle, { swallowErrors: true }, resolve);
      }),
    onMessage: (listener) => own.on('internalMessage', listener),
    onClosed: (listener) => closed.push(listener),
  };
  // With a handle on its way, Node looks whether it is connected.
  return { end, hide: () => void Reflect.deleteProperty(own, 'connected') };
}

function keepUnseen(owner: object, name: string): void {
  const found = Object.getOwnPropertyDescriptor(owner, name);
  if (found?.configurable) Object.defineProperty(owner, name, { ...found, enumerable: false });
}
