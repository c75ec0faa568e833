import { once } from 'node:events';
import { createServer, type Server as NetServer } from 'node:net';
import type { HandOver } from '@sarma/app';
import { type RoutingTable, registry, route } from 'kv';
import { answer } from './answer.ts';
import { parseCommand } from './command.ts';
import { type Caller, Connection, newCaller } from './connection.ts';
import { Peers } from './peers.ts';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  /** The name of this node in the table. */
  readonly node: string;
  readonly table: RoutingTable;
}

/** Answers clients: from this node's buckets, or with what the node says that has the bucket. */
export class Server {
  readonly #options: ServerOptions;
  readonly #peers: Peers;
  readonly #connections = new Set<Connection>();
  readonly #server: NetServer;

  private constructor(options: ServerOptions, server: NetServer, peers: Peers) {
    this.#options = options;
    this.#server = server;
    this.#peers = peers;
  }

  /** Resolves when it listens. */
  static async listen(options: ServerOptions): Promise<Server> {
    const server = new Server(options, createServer({ noDelay: true }), new Peers());
    server.#server
      .on('connection', (socket) => server.#serve(newCaller(socket)))
      .listen(options.port, options.host);
    await once(server.#server, 'listening');
    return server;
  }

  /** The same in this version of the code. `old` may be of another one, so it is asked for its parts. */
  static after(old: Server): Server {
    const { options, server, peers } = old.parts;
    return new Server(options, server, new Peers(peers.clients));
  }

  /** What another version of the code goes on with. */
  get parts() {
    return {
      options: this.#options,
      server: this.#server,
      peers: this.#peers,
      connections: this.#connections,
    };
  }

  /** Serves who is connected to `old` and who comes. */
  takeOver(old: Server): void {
    const { server, connections } = old.parts;
    server.removeAllListeners('connection').on('connection', (socket) => this.#serve(newCaller(socket)));
    for (const connection of connections) this.#serve(connection.leave());
  }

  get connections(): number {
    return this.#connections.size;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Takes no more connections, answers every command that has come in, and hangs up, or hands the clients over. */
  async close(handOver?: HandOver): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    await Promise.all([...this.#connections].map((connection) => connection.drain(handOver)));
    this.#peers.close();
    await closed;
  }

  #serve(caller: Caller): void {
    const connection = new Connection(
      caller,
      (line) => this.#answer(line),
      () => void this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  }

  async #answer(line: string): Promise<string[]> {
    const { table, node } = this.#options;
    const forwarded = line.startsWith('FORWARDED ');
    const text = forwarded ? line.slice('FORWARDED '.length) : line;
    const command = parseCommand(text);
    if (command === undefined) return ['UNKNOWN COMMAND'];
    const owner = route(table, command.bucket);
    if (owner === undefined || owner.node === node) return answer(registry(), command);
    // Two nodes that were started with different NODES: better said than sent round and round.
    if (forwarded) return [`ERROR node ${node} holds that ${owner.node} has the bucket ${command.bucket}`];
    return await this.#peers.ask(owner, text);
  }
}
