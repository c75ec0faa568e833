import type { Message } from './channel.ts';

/** A request that is being worked on. */
export interface Call {
  readonly params: Message;
  /** Something on the way to the result. */
  send(event: Message): void;
  /** What the client sends after the request, in order. Ends with the connection. */
  readonly received: (listener: (message: Message) => void) => void;
  /** Called when the client has gone. */
  readonly onClosed: (listener: () => void) => void;
}
