import { defineApplication, type StartContext } from '@sarma/app';
import type { RoutingTable } from 'kv';
import { Server } from './server.ts';

interface Config {
  /** The name of this node. */
  readonly node: string;
  readonly host: string;
  readonly port: number;
  readonly nodes: RoutingTable;
}

export default defineApplication({
  async start({ config }: StartContext<Config>) {
    const { node, host, port, nodes } = config;
    if (nodes.length > 0 && !nodes.some((route) => route.node === node)) {
      const names = nodes.map((route) => route.node).join(', ');
      throw new Error(`RELEASE_NODE is ${node}, but NODES names ${names}`);
    }
    const server = await Server.listen({ host, port, node, table: nodes });
    console.log(`kv_server: node ${node} listens on ${host}:${server.port}`);
    return server;
  },
  /** In an upgrade the clients stay connected: the next version goes on with them. */
  async stop(server, { handOver }) {
    await server.close(handOver);
    console.log('kv_server: every command that came in is answered');
  },
  /** New code for the server that is there: nobody has to connect again. */
  codeChange(server, { onExchange }) {
    const next = Server.after(server);
    onExchange(() => next.takeOver(server));
    return next;
  },
});
