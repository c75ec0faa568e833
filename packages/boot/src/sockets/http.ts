import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { ServerParts, SocketParts } from './handle.ts';

/** From here on the answers of these servers end their connections. Returns what ends that. */
export function endHttpConnections(servers: readonly ServerParts[]): () => void {
  const isMeant = (server: Server | null | undefined) => servers.includes(server as ServerParts);
  const onRequest = endOfRequest(isMeant);
  const onStream = (message: unknown) => {
    const { session } = (message as { stream: { session?: ServerHttp2Session } }).stream;
    if (session !== undefined && isMeant((session.socket as SocketParts).server)) endSession(session);
  };
  subscribe('http.server.request.start', onRequest);
  subscribe('http2.server.stream.start', onStream);
  for (const session of servers.flatMap(http2Sessions)) endSession(session);
  return () => {
    unsubscribe('http.server.request.start', onRequest);
    unsubscribe('http2.server.stream.start', onStream);
  };
}

function endOfRequest(isMeant: (server: Server) => boolean): (message: unknown) => void {
  const last = new WeakMap<Socket, ServerResponse>();
  return (message) => {
    const { server, socket, response } = message as Request;
    if (!isMeant(server) || !response.shouldKeepAlive) return;
    // Whoever sends several requests at once gets them all answered: the last answer ends the connection.
    const before = last.get(socket);
    if (before !== undefined && !before.headersSent) before.shouldKeepAlive = true;
    response.shouldKeepAlive = false;
    last.set(socket, response);
  };
}

interface Request {
  readonly server: Server;
  readonly socket: Socket;
  readonly response: ServerResponse;
}

/** RFC 9113, 6.8: what a server says that is about to end a connection and refuses nothing of what is under way. */
const EVERY_STREAM = 2 ** 31 - 1;

/** Milliseconds in which what the client had sent before it knew has come: a round trip, by far. */
const ROUND_TRIP = 1000;

const ended = new WeakSet<ServerHttp2Session>();

/**
 * Asks for no more streams, and ends the session later: one that is ended at once refuses streams that are on their way. A
 * ping would tell when all have come, but Node's own client answers none once it was asked to go away.
 */
function endSession(session: ServerHttp2Session): void {
  if (ended.has(session) || session.closed) return;
  ended.add(session);
  session.goaway(0, EVERY_STREAM);
  setTimeout(() => {
    if (!session.closed) session.close();
  }, ROUND_TRIP).unref();
}

function http2Sessions(server: Server): readonly ServerHttp2Session[] {
  return [...(inside<Iterable<ServerHttp2Session>>(server, 'sessions') ?? [])];
}

/** Connections of an unencrypted HTTP server that wait for a request of which nothing has come. */
export function idleHttpConnections(server: Server): readonly SocketParts[] {
  // What server.closeIdleConnections() looks into.
  const list = inside<ConnectionList>(server, 'http.server.connections');
  if (list === undefined) return [];
  const idle = new Set(list.idle());
  return list
    .all()
    .filter((parser) => idle.has(parser) || parser.socket.bytesRead === 0)
    .map(({ socket }) => socket)
    .filter((socket) => !('encrypted' in socket) && isAnswered(socket));
}

function isAnswered(socket: SocketParts): boolean {
  const { _httpMessage: message } = socket as { _httpMessage?: { readonly finished: boolean } | null };
  return (message == null || message.finished) && socket.writableLength === 0;
}

interface ConnectionList {
  all(): readonly Parser[];
  /** Those in the middle of no message. */
  idle(): readonly Parser[];
}

interface Parser {
  readonly socket: SocketParts;
}

/** What Node keeps in a server under a symbol of its own; undefined where this Node does not. */
function inside<Value>(server: Server, description: string): Value | undefined {
  const symbol = Object.getOwnPropertySymbols(server).find((own) => own.description === description);
  return symbol && (server as unknown as Record<symbol, Value>)[symbol];
}
