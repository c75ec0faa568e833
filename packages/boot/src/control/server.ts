import type { Socket } from 'node:net';
import type { RunningNode } from '../running-node.ts';
import type { Message } from './channel.ts';
import type { Claim } from './claim.ts';
import { ensureCookie } from './cookie.ts';

/** Milliseconds that the other end has to prove that it knows the cookie. */
const HANDSHAKE_TIME = 5000;
/** How many may be about to; the oldest is cut off for the next. */
const STRANGERS = 16;

/**
 * Answers commands for a node, until it has stopped. What that takes is loaded when somebody has something to say, so
 * that a start pays for the listening alone.
 */
export async function serveControl(node: RunningNode, claim: Claim): Promise<void> {
  const { boot, environment } = node;
  if (environment.distribution === 'none') {
    claim.onConnection((socket) => socket.destroy());
    node.onStopped(() => claim.release());
    return;
  }
  const cookie = await ensureCookie(environment, boot);
  const strangers = new Set<Socket>();
  const connections = new Set<Socket>();
  const clients = new Map<Socket, (message: Message) => void>();

  /** Resolves once the connection is over. */
  const accept = async (stream: Socket): Promise<void> => {
    connections.add(stream);
    stream.on('close', () => {
      connections.delete(stream);
      clients.delete(stream);
    });
    stream.on('error', () => {}); // Whatever becomes of a client does not matter to the node.
    strangers.add(stream);
    const [oldest] = strangers;
    if (strangers.size > STRANGERS) oldest!.destroy();
    const timer = setTimeout(() => stream.destroy(), HANDSHAKE_TIME).unref();
    stream.unref();
    const leave = () => {
      clearTimeout(timer);
      strangers.delete(stream);
    };
    stream.once('close', leave);
    if (!(await speaks(stream))) return;
    const { serveSession } = await import('./session.ts');
    await serveSession(stream, node, claim, cookie, (say) => {
      leave();
      clients.set(stream, say);
    });
  };

  // It rejects when the release's files are gone, as after a careless upgrade: the applications run on.
  const take = (stream: Socket) => accept(stream).catch(() => stream.destroy());
  claim.onConnection((socket: Socket) => void take(socket));
  const tcp = environment.distribution === 'name' ? await import('./secure-tcp.ts') : undefined;
  const remote = await tcp?.listenForOthers(environment, cookie, (stream) => void take(stream));
  if (remote !== undefined) claim.announce({ tcp: remote.address });
  node.onStopped((exitCode) => {
    claim.release();
    remote?.close();
    // Whoever waits for the end is no parent, and cannot ask the system for it.
    for (const say of clients.values()) say({ exitCode });
    for (const stream of connections) stream.destroy();
  });
}

/** Whether it says anything: who only looks whether somebody listens does not. */
function speaks(stream: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    stream.once('readable', () => resolve(stream.readableLength > 0));
    stream.once('close', () => resolve(false));
  });
}
