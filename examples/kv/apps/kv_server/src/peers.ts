import { Client, type Route } from 'kv';

/** The connections to the other nodes, made when they are first needed. */
export class Peers {
  /** Node → connection. */
  readonly clients: Map<string, Client>;

  constructor(clients = new Map<string, Client>()) {
    this.clients = clients;
  }

  /** Has another node answer, which must not send it on: that `FORWARDED` stands before the line says so. */
  async ask({ node, host, port }: Route, line: string): Promise<string[]> {
    try {
      return await this.#client(node, host, port).send(`FORWARDED ${line}`);
    } catch (error) {
      return [`ERROR node ${node} at ${host}:${port} does not answer: ${(error as Error).message}`];
    }
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }

  #client(node: string, host: string, port: number): Client {
    const known = this.clients.get(node);
    if (known !== undefined && !known.closed) return known;
    const client = new Client(host, port);
    this.clients.set(node, client);
    return client;
  }
}
